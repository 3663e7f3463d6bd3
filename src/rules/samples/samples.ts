import type { Parameter } from '../language/calls.ts'

/** Type of a sample. HAProxy configuration manual, section 7.1. */
export type SampleType = 'bin' | 'bool' | 'int' | 'ip' | 'str'

/**
 * A value: text (an address, too; bytes, one character each), or a number; a boolean is 0 or 1. Bytes
 * become text by {@link hexOf} before anything but a converter for bytes sees them.
 */
export type Value = string | number

/** A pattern, or several, ready to be held against values. */
export type ValueTest = (value: Value) => boolean

/**
 * A sample expression compiled for messages with facts F. Some have several values, such as a
 * header that is a list: a rule that inserts takes the last, a rule that asks looks at all.
 */
export interface Sample<F> {
  readonly type: SampleType
  /** The value to insert, null where the message has none. */
  readonly value: (facts: F) => Value | null
  /** Compiles the question whether any value passes a test. */
  readonly some: (test: ValueTest) => (facts: F) => boolean
}

/** A keyword that fetches a sample from a message with facts F. */
export interface Fetch<F> {
  readonly parameters: readonly Parameter[]
  /** Whether an ACL may write a matching method behind the name: `path_beg`. */
  readonly derives: boolean
  /** How an ACL matches it where it names no method; absent: as its type says. */
  readonly method?: 'version'
  /**
   * Compiles the fetch for its arguments as written; those left out are '' or absent.
   *
   * @returns what is wrong with the arguments, where something is
   */
  readonly make: (...texts: string[]) => Sample<F> | string
}

/** A fetch with the name that rules call it by. */
export type FetchRow<F> = readonly [name: string, fetch: Fetch<F>]

/** A sample that has one value at most. */
export function singleSample<F>(type: SampleType, value: (facts: F) => Value | null): Sample<F> {
  const some = (test: ValueTest) => (facts: F) => {
    const found = value(facts)
    return found !== null && test(found)
  }
  return { type, value, some }
}

/** A sample whose values are those of another one, converted; null takes a value out. */
export function convertedSample<F>(
  type: SampleType,
  sample: Sample<F>,
  convert: (value: Value) => Value | null,
): Sample<F> {
  return {
    type,
    value: (facts) => {
      const value = sample.value(facts)
      return value === null ? null : convert(value)
    },
    some: (test) =>
      sample.some((value) => {
        const converted = convert(value)
        return converted !== null && test(converted)
      }),
  }
}

/**
 * A value as an integer, as HAProxy casts samples: the number that a text starts with, 0 where it
 * starts with none; null for an empty text.
 */
export function integerOf(value: Value): number | null {
  if (typeof value === 'number') return value
  return value === '' ? null : Number(/^[+-]?\d+/.exec(value)?.[0] ?? 0)
}

/** Bytes as HAProxy's converters are given them where they take text: upper-case hexadecimal digits. */
export function hexOf(value: Value): string {
  return Buffer.from(String(value), 'latin1').toString('hex').toUpperCase()
}

/** A sample of bytes as text; any other as it is. */
export function textSample<F>(sample: Sample<F>): Sample<F> {
  return sample.type === 'bin' ? convertedSample('str', sample, hexOf) : sample
}

/** ASCII letters in lower case; other bytes, such as those of UTF-8, are left alone. */
export function lowerAscii(text: string): string {
  return /[\x80-\xff]/.test(text)
    ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    : text.toLowerCase()
}

/** ASCII letters in upper case; other bytes, such as those of UTF-8, are left alone. */
export function upperAscii(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
}
