import type { TextProblem } from '../../model/language.ts'
import type { AclScope } from '../language/acls.ts'
import { parseSuffix } from '../language/conditions.ts'
import { parseExpression } from '../language/expressions.ts'
import type { Test } from '../language/logic.ts'
import { offsetIn, readOrThrow, Words } from '../language/words.ts'
import type { Sample } from '../samples/samples.ts'

/** A `stick` rule compiled for sessions or requests with facts F. */
export interface StickRule<F> {
  /** The key is looked up: `on`, `match`. */
  readonly isMatch: boolean
  /** The server is noted under the key: `on`, `store-request`. */
  readonly isStore: boolean
  readonly test: Test<F>
  readonly key: Sample<F>
}

const KINDS = ['on', 'match', 'store-request']
const UNSUPPORTED_KINDS = ['store-response']

/**
 * Checks a `stick` rule: `on src if COND`. HAProxy configuration manual, stick on.
 *
 * @param scope the phase that asks for the key, and the ACLs that the rule may name
 * @returns the first problem, or null
 */
export function stickProblem<F>(text: string, scope: AclScope<F>): TextProblem | null {
  const words = new Words(text)
  readStick(words, scope)
  return words.problem
}

/**
 * Compiles a `stick` rule.
 *
 * @throws SluiceError `config-invalid` where {@link stickProblem} has a problem
 */
export function compileStick<F>(text: string, scope: AclScope<F>): StickRule<F> {
  const words = new Words(text)
  return readOrThrow('rule', text, words, readStick(words, scope))
}

/**
 * Checks a condition that stands alone: `if COND`, `unless COND`.
 *
 * @returns the first problem, or null
 */
export function conditionProblem<F>(text: string, scope: AclScope<F>): TextProblem | null {
  const words = new Words(text)
  readCondition(words, scope)
  return words.problem
}

/**
 * Compiles a condition that stands alone.
 *
 * @throws SluiceError `config-invalid` where {@link conditionProblem} has a problem
 */
export function compileCondition<F>(text: string, scope: AclScope<F>): Test<F> {
  const words = new Words(text)
  return readOrThrow('rule', text, words, readCondition(words, scope))
}

function readStick<F>(words: Words, scope: AclScope<F>): StickRule<F> | null {
  const hint = `Known: ${KINDS.join(', ')}.`
  const kind = words.expect('what to do', hint)
  if (kind === null) return null
  if (UNSUPPORTED_KINDS.includes(kind.text)) {
    return words.refuse(kind, `"${kind.text}" is not available in this version`, hint)
  }
  if (!KINDS.includes(kind.text)) {
    return words.refuse(kind, `"${kind.text}" is not a stick rule`, hint)
  }
  const word = words.expect('a sample expression', 'Such as src.')
  if (word === null) return null
  const expression = parseExpression(word, 0, scope.phase, false, words)
  if (expression === null) return null
  const { sample: key, end } = expression
  if (end < word.text.length) {
    return words.refuse(offsetIn(word, end), `unexpected "${word.text.slice(end)}"`)
  }
  const table = words.nextIf('table')
  if (table !== null) {
    const message = 'the table of another backend is not available in this version'
    return words.refuse(table, message, "Leave it out: the backend's own is meant.")
  }
  const test = parseSuffix(words, scope)
  if (test === null) return null
  const isMatch = kind.text !== 'store-request'
  return { isMatch, isStore: kind.text !== 'match', test, key }
}

function readCondition<F>(words: Words, scope: AclScope<F>): Test<F> | null {
  if (words.peek() !== null) return parseSuffix(words, scope)
  return words.refuse(0, 'a condition is missing', 'Write if CONDITION.')
}
