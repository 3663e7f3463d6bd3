import { addressIn } from '../../base/networks.ts'
import { nearestName } from '../../base/spelling.ts'
import {
  compileMatcher,
  DEFAULT_METHODS,
  MATCH_METHODS,
  type MatchMethod,
} from '../samples/matchers.ts'
import type { PatternEngine } from '../samples/patterns.ts'
import { convertedSample } from '../samples/samples.ts'
import { parseExpression } from './expressions.ts'
import { every, some, type Test } from './logic.ts'
import type { Phase } from './phases.ts'
import { offsetIn, type Word, type Words } from './words.ts'

/** What an expression is read with. */
export interface Surroundings<F> {
  readonly phase: Phase<F>
  readonly patterns: PatternEngine
}

/** What a condition is read with. */
export interface Scope<F> extends Surroundings<F> {
  /** Names of ACLs, for hints. */
  readonly aclNames: Iterable<string>
  /**
   * The ACL of this name: undefined where there is none, null where it asks for what this phase
   * does not have.
   */
  findAcl(name: string): Test<F> | null | undefined
}

const MATCHES_WITHOUT_PATTERN: readonly MatchMethod[] = ['found', 'bool']
const FLAGS = ['-i', '-m', '-n', '--']
const UNSUPPORTED_FLAGS = ['-f', '-M', '-u']

/**
 * Reads `if CONDITION` or `unless CONDITION`, or the end of the rule.
 *
 * @returns a test that always passes where there is no condition; null where it is wrong, with the
 *   problem in `words`
 */
export function parseSuffix<F>(words: Words, scope: Scope<F>): Test<F> | null {
  const word = words.next()
  if (word === null) return () => true
  if (word.text !== 'if' && word.text !== 'unless') {
    return words.refuse(
      word,
      `"${word.text}" is one word too many`,
      'Put text that has blanks in quotes; a condition begins with if or unless.',
    )
  }
  const condition = parseCondition(words, scope)
  if (condition === null) return null
  return word.text === 'if' ? condition : scope.phase.logic.not(condition)
}

/** Reads the expression that an ACL's name stands for: `path_beg -i /api/ /v2/`. */
export function parseAcl<F>(words: Words, surroundings: Surroundings<F>): Test<F> | null {
  const tokens: Word[] = []
  for (let word = words.next(); word !== null; word = words.next()) tokens.push(word)
  return compileAcl(tokens, surroundings, words)
}

/** `and` binds closer than `or`. HAProxy configuration manual, section 7.2. */
function parseCondition<F>(words: Words, scope: Scope<F>): Test<F> | null {
  const alternatives: Test<F>[] = []
  do {
    const alternative = parseConjunction(words, scope)
    if (alternative === null) return null
    alternatives.push(alternative)
  } while (words.nextIf('or', '||') !== null)
  return some(alternatives, scope.phase.logic)
}

function parseConjunction<F>(words: Words, scope: Scope<F>): Test<F> | null {
  const terms: Test<F>[] = []
  do {
    const term = parseTerm(words, scope)
    if (term === null) return null
    terms.push(term)
  } while (words.peek() !== null && !['or', '||'].includes(words.peek()?.text ?? ''))
  return every(terms)
}

/** An ACL's name or an expression in braces, after any number of exclamation marks. */
function parseTerm<F>(words: Words, scope: Scope<F>): Test<F> | null {
  let isNegated = false
  for (;;) {
    const word = words.expect('a condition', 'Name an ACL, or write an expression in braces.')
    if (word === null) return null
    const name = word.text.replace(/^!+/, '')
    if ((word.text.length - name.length) % 2 === 1) isNegated = !isNegated
    if (name === '' && word.text !== '') continue
    const test = name === '{' ? parseBraces(word, words, scope) : findAcl(name, word, words, scope)
    if (test === null) return null
    return isNegated ? scope.phase.logic.not(test) : test
  }
}

function findAcl<F>(name: string, word: Word, words: Words, scope: Scope<F>): Test<F> | null {
  const test = scope.findAcl(name)
  if (test === null) {
    const { subject } = scope.phase
    return words.refuse(word, `ACL "${name}" cannot be asked of ${subject}`)
  }
  if (test !== undefined) return test
  const near = nearestName(name, scope.aclNames)
  let hint = near === null ? 'Define it under acl.' : `Did you mean ${near}?`
  if (name === 'and' || name === '&&') hint = 'Conditions side by side are joined by and already.'
  if (name.startsWith('{') || name.startsWith('(')) {
    hint = 'Write braces as words of their own: { path_beg /api/ }.'
  }
  return words.refuse(word, name === '' ? 'a condition is missing' : `no ACL "${name}"`, hint)
}

function parseBraces<F>(open: Word, words: Words, scope: Scope<F>): Test<F> | null {
  const tokens: Word[] = []
  for (let word = words.next(); word?.text !== '}'; word = words.next()) {
    if (word === null)
      return words.refuse(open, 'this brace is not closed', 'Write a } of its own.')
    tokens.push(word)
  }
  if (tokens.length === 0) return words.refuse(open, 'there is no expression in these braces')
  return compileAcl(tokens, scope, words)
}

interface Flags {
  method: MatchMethod | null
  ignoreCase: boolean
}

function compileAcl<F>(
  tokens: readonly Word[],
  { phase, patterns: engine }: Surroundings<F>,
  words: Words,
): Test<F> | null {
  const [criterion, ...others] = tokens
  if (criterion === undefined) return words.refuse(0, 'an expression is missing')
  const expression = parseExpression(criterion, 0, phase, true, words)
  if (expression === null) return null
  const { end } = expression
  if (end < criterion.text.length) {
    const rest = criterion.text.slice(end)
    return words.refuse(offsetIn(criterion, end), `"${rest}" cannot follow here`)
  }
  const flags: Flags = { method: null, ignoreCase: false }
  const patterns = takeFlags(others, flags, words)
  if (patterns === null) return null
  let { sample } = expression
  const method = flags.method ?? expression.method ?? DEFAULT_METHODS[sample.type]
  const fits = method !== 'ip' || sample.type === 'ip' || sample.type === 'str'
  if (!fits) return words.refuse(criterion, `-m ip needs an address, "${criterion.text}" is none`)
  const [first] = patterns
  if (MATCHES_WITHOUT_PATTERN.includes(method)) {
    if (first !== undefined) {
      return words.refuse(first, `"${criterion.text}" takes no pattern here`, 'Leave it out.')
    }
  } else if (first === undefined) {
    return words.refuse(criterion, `"${criterion.text}" needs a pattern to be held against`)
  }
  const test = compileMatcher(method, flags.ignoreCase, patterns, engine, words)
  if (test === null) return null
  if (method === 'ip' && sample.type === 'str') {
    sample = convertedSample('ip', sample, (value) => addressIn(String(value)))
  }
  return sample.some(test)
}

/** @returns the patterns that follow the flags */
function takeFlags(rest: readonly Word[], flags: Flags, words: Words): readonly Word[] | null {
  for (let n = 0; n < rest.length; n++) {
    const word = rest[n] as Word
    switch (word.text) {
      case '--':
        return rest.slice(n + 1)
      case '-i':
        flags.ignoreCase = true
        break
      // Names are never resolved here, which is all that -n asks for.
      case '-n':
        break
      case '-m': {
        n++
        const method = methodNamed(rest[n], word, words)
        if (method === null) return null
        flags.method = method
        break
      }
      default:
        if (!word.text.startsWith('-')) return rest.slice(n)
        return refuseFlag(word, words)
    }
  }
  return []
}

function methodNamed(word: Word | undefined, flag: Word, words: Words): MatchMethod | null {
  const method = MATCH_METHODS.find((known) => known === word?.text)
  const hint = `Known: ${MATCH_METHODS.join(', ')}.`
  if (word === undefined) return words.refuse(flag, '-m needs a matching method', hint)
  return method ?? words.refuse(word, `unknown matching method "${word.text}"`, hint)
}

function refuseFlag(word: Word, words: Words): null {
  if (UNSUPPORTED_FLAGS.includes(word.text)) {
    return words.refuse(word, `the flag ${word.text} is not supported`, 'Write the patterns here.')
  }
  const hint = `Flags are ${FLAGS.join(', ')}; write -- before a pattern that begins with a dash.`
  return words.refuse(word, `"${word.text}" is not a flag`, hint)
}
