import { isInNetworks, type Network, parseNetwork } from '../../base/networks.ts'
import type { Word, Words } from '../language/words.ts'
import type { Pattern, PatternEngine } from './patterns.ts'
import { integerOf, lowerAscii, type SampleType, type Value, type ValueTest } from './samples.ts'

/** How a sample is held against patterns. HAProxy configuration manual, section 7.1, flag -m. */
export const MATCH_METHODS = [
  'found',
  'bool',
  'int',
  'ip',
  'len',
  'str',
  'beg',
  'end',
  'sub',
  'dir',
  'dom',
  'reg',
] as const

/** One of {@link MATCH_METHODS}, or that of versions, which no flag names: `3.3` is 0x30003. */
export type MatchMethod = (typeof MATCH_METHODS)[number] | 'version'

const INTEGER_DIGITS_MAX = 15
const DIR_DELIMITERS = '/?'
const DOM_DELIMITERS = '/?.:'
const OPERATORS = ['eq', 'ge', 'gt', 'le', 'lt']

/** The method that applies to a type of sample when a rule names none. */
export const DEFAULT_METHODS: Readonly<Record<SampleType, MatchMethod>> = {
  // By then it is text.
  bin: 'str',
  bool: 'bool',
  int: 'int',
  ip: 'ip',
  str: 'str',
}

/**
 * Compiles patterns into one test that passes where any of them matches.
 *
 * @returns null where a pattern is wrong, with the problem in `words`
 */
export function compileMatcher(
  method: MatchMethod,
  ignoreCase: boolean,
  patterns: readonly Word[],
  engine: PatternEngine,
  words: Words,
): ValueTest | null {
  switch (method) {
    case 'found':
      return () => true
    case 'bool':
      return (value) => (integerOf(value) ?? 0) !== 0
    case 'int':
      return integerTest(patterns, words, integerOf)
    case 'version':
      return integerTest(patterns.map(versionWord), words, integerOf)
    case 'len':
      return integerTest(patterns, words, (value) => String(value).length)
    case 'ip':
      return networkTest(patterns, words)
    case 'reg':
      return regexTest(patterns, ignoreCase, engine, words)
    case 'str':
      return exactTest(patterns, ignoreCase)
    case 'beg':
      return textTest(patterns, ignoreCase, (text, pattern) => text.startsWith(pattern))
    case 'end':
      return textTest(patterns, ignoreCase, (text, pattern) => text.endsWith(pattern))
    case 'sub':
      return textTest(patterns, ignoreCase, (text, pattern) => text.includes(pattern))
    case 'dir':
      return textTest(patterns, ignoreCase, (text, part) => hasPart(text, part, DIR_DELIMITERS))
    case 'dom':
      return textTest(patterns, ignoreCase, (text, part) => hasPart(text, part, DOM_DELIMITERS))
  }
}

function textTest(
  patterns: readonly Word[],
  ignoreCase: boolean,
  test: (text: string, pattern: string) => boolean,
): ValueTest {
  const wanted = patterns.map(({ text }) => (ignoreCase ? lowerAscii(text) : text))
  return (value) => {
    const text = ignoreCase ? lowerAscii(String(value)) : String(value)
    for (const pattern of wanted) if (test(text, pattern)) return true
    return false
  }
}

function exactTest(patterns: readonly Word[], ignoreCase: boolean): ValueTest {
  const wanted = new Set(patterns.map(({ text }) => (ignoreCase ? lowerAscii(text) : text)))
  if (ignoreCase) return (value) => wanted.has(lowerAscii(String(value)))
  return (value) => wanted.has(String(value))
}

/**
 * Whether a pattern is a part of a text between delimiters, or between one and an end. Delimiters
 * around the pattern do not count; one of nothing but delimiters matches nothing.
 */
function hasPart(text: string, pattern: string, delimiters: string): boolean {
  let start = 0
  let end = pattern.length
  while (start < end && delimiters.includes(pattern[start] as string)) start++
  while (end > start && delimiters.includes(pattern[end - 1] as string)) end--
  if (start === end) return false
  const part = pattern.slice(start, end)
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    const before = text[at - 1]
    const after = text[at + part.length]
    const startsPart = before === undefined || delimiters.includes(before)
    if (startsPart && (after === undefined || delimiters.includes(after))) return true
  }
  return false
}

/** A pattern with its versions, such as `3.1:3.3`, written as the numbers that they stand for. */
function versionWord(word: Word): Word {
  const text = word.text.replace(/(\d{1,4})\.(\d{1,4})/g, (_, major, minor) =>
    String(Number(major) * 0x10000 + Number(minor)),
  )
  return { ...word, text }
}

interface Range {
  readonly from: number
  readonly to: number
}

/** An operator holds for the numbers behind it, until another one. */
function integerTest(
  patterns: readonly Word[],
  words: Words,
  numberOf: (value: Value) => number | null,
): ValueTest | null {
  const ranges: Range[] = []
  let operator = 'eq'
  for (const [n, word] of patterns.entries()) {
    if (OPERATORS.includes(word.text) && n + 1 < patterns.length) {
      operator = word.text
      continue
    }
    const range = rangeOf(word, operator, words)
    if (range === null) return null
    ranges.push(range)
  }
  return (value) => {
    const number = numberOf(value)
    if (number === null) return false
    for (const { from, to } of ranges) if (number >= from && number <= to) return true
    return false
  }
}

function rangeOf(word: Word, operator: string, words: Words): Range | null {
  const [, first, colon, last] = /^(\d*)(:?)(\d*)$/.exec(word.text) ?? []
  const isRange = colon === ':'
  const digits = Math.max(first?.length ?? 0, last?.length ?? 0)
  if (first === undefined || digits === 0 || digits > INTEGER_DIGITS_MAX) {
    return words.refuse(
      word,
      `"${word.text}" is not a number`,
      'Write a number (5), a range (5:10, 5:, :10), or an operator and a number (gt 5).',
    )
  }
  const from = first === '' ? Number.NEGATIVE_INFINITY : Number(first)
  const to = isRange ? (last === '' ? Number.POSITIVE_INFINITY : Number(last)) : from
  if (from > to) return words.refuse(word, `the range ${word.text} is empty`)
  switch (operator) {
    case 'eq':
      return { from, to }
    case 'ge':
      return { from, to: Number.POSITIVE_INFINITY }
    case 'gt':
      return { from: from + 1, to: Number.POSITIVE_INFINITY }
    case 'le':
      return { from: Number.NEGATIVE_INFINITY, to }
    default:
      return { from: Number.NEGATIVE_INFINITY, to: to - 1 }
  }
}

function networkTest(patterns: readonly Word[], words: Words): ValueTest | null {
  const networks: Network[] = []
  for (const word of patterns) {
    const network = parseNetwork(word.text)
    if (network === null) {
      return words.refuse(
        word,
        `"${word.text}" is not an IP address or network`,
        'Write an address (10.0.0.1, ::1) or a network (10.0.0.0/8, 2001:db8::/32) in full.',
      )
    }
    networks.push(network)
  }
  return (value) => isInNetworks(String(value), networks)
}

function regexTest(
  patterns: readonly Word[],
  ignoreCase: boolean,
  engine: PatternEngine,
  words: Words,
): ValueTest | null {
  const compiled: Pattern[] = []
  for (const word of patterns) {
    const pattern = engine.compile(word.text, ignoreCase)
    if (typeof pattern !== 'function') return words.refuse(word, pattern.message, pattern.hint)
    compiled.push(pattern)
  }
  return (value) => {
    const text = String(value)
    for (const pattern of compiled) if (pattern(text)) return true
    return false
  }
}
