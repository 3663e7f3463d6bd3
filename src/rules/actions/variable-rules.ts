import type { HeaderEdits, SessionFacts } from '../facts.ts'
import { parseExpression } from '../language/expressions.ts'
import { parseFormat } from '../language/formats.ts'
import type { Phase } from '../language/phases.ts'
import { offsetIn, type Word, type Words } from '../language/words.ts'
import type { Value } from '../samples/samples.ts'
import { parseVariable, type Variable } from '../variables.ts'

/** The actions on variables, by the words that begin them, before the parenthesis. */
export const VARIABLE_ACTIONS = ['set-var', 'set-var-fmt', 'unset-var'] as const

/** One of {@link VARIABLE_ACTIONS}. */
export type VariableActionName = (typeof VARIABLE_ACTIONS)[number]

/** Something that a rule does to a variable; the rules go on. */
type VariableAction<F> = (facts: F, edits: HeaderEdits) => null

/**
 * Reads `set-var(NAME) EXPRESSION`, `set-var-fmt(NAME) FORMAT` or `unset-var(NAME)`. HAProxy
 * configuration manual, section 4.4, set-var.
 *
 * @param word the one that begins the action
 * @returns null where it is wrong, with the problem in `words`
 */
export function parseVariableAction<F extends SessionFacts>(
  action: VariableActionName,
  word: Word,
  phase: Phase<F>,
  words: Words,
): VariableAction<F> | null {
  const variable = parseName(action, word, words)
  if (variable === null) return null
  if (action === 'unset-var') {
    return ({ scope }) => {
      scope.variables.unset(variable)
      return null
    }
  }
  const read = action === 'set-var' ? parseSample(phase, words) : parseText(phase, words)
  if (read === null) return null
  return (facts, edits) => {
    const value = read(facts)
    // What cannot be fetched leaves the variable as it is, as in HAProxy.
    if (value !== null && !facts.scope.variables.set(variable, value)) edits.failRewrite()
    return null
  }
}

function parseName(action: VariableActionName, word: Word, words: Words): Variable | null {
  const start = action.length + 1
  const usage = `Write ${action}(txn.NAME).`
  if (word.text[start - 1] !== '(' || !word.text.endsWith(')')) {
    return words.refuse(word, `"${action}" needs the name of a variable`, usage)
  }
  const variable = parseVariable(word.text.slice(start, -1))
  return typeof variable === 'string' ? words.refuse(offsetIn(word, start), variable) : variable
}

function parseSample<F>(phase: Phase<F>, words: Words): ((facts: F) => Value | null) | null {
  const word = words.expect('a sample expression', 'Such as req.hdr(host),lower.')
  const expression = word === null ? null : parseExpression(word, 0, phase, false, words)
  if (word === null || expression === null) return null
  const { sample, end } = expression
  if (end === word.text.length) return sample.value
  return words.refuse(offsetIn(word, end), `unexpected "${word.text.slice(end)}"`)
}

function parseText<F>(phase: Phase<F>, words: Words): ((facts: F) => string) | null {
  const word = words.expect('a format')
  return word === null ? null : (parseFormat(word, phase, words)?.render ?? null)
}
