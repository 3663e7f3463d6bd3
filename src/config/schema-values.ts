import * as z from 'zod'
import type { Address } from '../model/address.ts'
import type { LogConfig } from '../model/config.ts'
import {
  ADDRESS_PATTERN,
  NETWORK_PATTERN,
  parseAddress,
  parseCheckHost,
  parseNetwork,
} from './addresses.ts'
import { type Parsed, type Problem, refused } from './diagnostics.ts'
import { DURATION_MS_MAX, DURATION_PATTERN, parseDuration } from './durations.ts'
import { EXPECTATION_PATTERN, parseExpectation } from './expectations.ts'
import { formatSize, parseSize, SIZE_PATTERN } from './sizes.ts'

/** What a zod issue of code `custom` carries in `params`, when {@link valueSchema} raised it. */
export interface ValueIssue extends Problem {
  /** Set where the value is of another type: what was expected, such as "an address". */
  readonly expected?: string
}

/** A kind of value that one of our parsers reads. */
interface ValueKind<T> {
  /** Its name in the JSON Schema and in docs/configuration.md. */
  readonly id: string
  /** Its name in messages. */
  readonly title: string
  readonly pattern: string
  /** Bounds of a bare whole number; absent where only text is allowed. */
  readonly numbers?: { readonly minimum: number; readonly maximum: number }
  readonly read: (value: string) => Parsed<T>
  /** What to write instead of a bare number, where that is no value of this kind. */
  readonly numberHint?: (number: number) => string
}

/** The schema of a value that is written as text, and given back as the parser reads it. */
export type ValueSchema<T> = z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>

function valueSchema<T>(kind: ValueKind<T>): ValueSchema<T> {
  const { id, pattern, numbers } = kind
  const type = numbers === undefined ? 'string' : ['integer', 'string']
  return z
    .unknown()
    .meta({ id, type, pattern, ...numbers })
    .transform((value, context) => {
      const result = readValue(kind, value)
      if ('value' in result) return result.value
      const { message } = result.problem
      context.issues.push({ code: 'custom', input: value, message, params: result.problem })
      return z.NEVER
    })
}

function readValue<T>(kind: ValueKind<T>, value: unknown): { value: T } | { problem: ValueIssue } {
  const isNumber = typeof value === 'number'
  if (typeof value === 'string' || (isNumber && kind.numbers !== undefined)) {
    return kind.read(String(value))
  }
  const hint = isNumber ? (kind.numberHint?.(value) ?? '') : ''
  return { problem: { code: 'wrong-type', message: '', hint, expected: kind.title } }
}

/** A duration of at least one millisecond, given back in milliseconds. */
export const durationMs: ValueSchema<number> = valueSchema({
  id: 'duration',
  title: 'a duration',
  pattern: DURATION_PATTERN,
  numbers: { minimum: 1, maximum: DURATION_MS_MAX },
  read: (text) => {
    const result = parseDuration(text)
    // HAProxy takes 0 for "no limit" in most places; here everything has a limit.
    return 'value' in result && result.value === 0
      ? refused(
          'the duration must be more than 0',
          'Instead of no limit, write a long one: 24d.',
          'out-of-range',
        )
      : result
  },
})

/** A duration that may be 0, given back in milliseconds. */
export const durationOrZeroMs: ValueSchema<number> = valueSchema({
  id: 'duration-or-0',
  title: 'a duration',
  pattern: DURATION_PATTERN,
  numbers: { minimum: 0, maximum: DURATION_MS_MAX },
  read: parseDuration,
})

const BUFSIZE_BYTES_MIN = 4_096
const BUFSIZE_BYTES_MAX = 1_048_576

/** The size of a buffer, 4k to 1m, given back in bytes. A message head must fit into it. */
export const bufsizeBytes: ValueSchema<number> = valueSchema({
  id: 'buffer-size',
  title: 'a size',
  pattern: SIZE_PATTERN,
  numbers: { minimum: BUFSIZE_BYTES_MIN, maximum: BUFSIZE_BYTES_MAX },
  read: (text) => {
    const result = parseSize(text)
    if ('problem' in result) return result
    if (result.value >= BUFSIZE_BYTES_MIN && result.value <= BUFSIZE_BYTES_MAX) return result
    const range = `${formatSize(BUFSIZE_BYTES_MIN)} to ${formatSize(BUFSIZE_BYTES_MAX)}`
    return refused(`the size must be from ${range}`, '', 'out-of-range')
  },
})

/** An address to listen on. */
export const bindAddress: ValueSchema<Address> = valueSchema({
  id: 'bind-address',
  title: 'an address',
  pattern: ADDRESS_PATTERN,
  read: (text) => parseAddress(text, 'bind'),
  numberHint: (number) => `Write ":${number}", with the quotes.`,
})

/** An address to connect to. */
export const serverAddress: ValueSchema<Address> = valueSchema({
  id: 'server-address',
  title: 'an address',
  pattern: ADDRESS_PATTERN,
  read: (text) => parseAddress(text, 'server'),
  numberHint: (number) => `Write HOST:${number}.`,
})

/** An address to listen on, or `off`, which is given back as null. */
export const bindAddressOrOff: ValueSchema<Address | null> = valueSchema<Address | null>({
  id: 'bind-address-or-off',
  title: 'an address',
  pattern: `${ADDRESS_PATTERN}|^off$`,
  read: (text) => (text === 'off' ? { value: null } : parseAddress(text, 'bind')),
})

/** An IP address or a host name, without a port. */
export const host: ValueSchema<string> = valueSchema({
  id: 'host',
  title: 'a host',
  pattern: '^[^\\s/@]+$',
  read: parseCheckHost,
})

/** An IP address or a network in CIDR form, given back in CIDR form. */
export const network: ValueSchema<string> = valueSchema({
  id: 'network',
  title: 'a network',
  pattern: NETWORK_PATTERN,
  read: parseNetwork,
})

/** What an HTTP check expects, given back as ranges of status codes. */
export const expectation: ValueSchema<readonly (readonly [number, number])[]> = valueSchema({
  id: 'expectation',
  title: 'an expectation',
  pattern: EXPECTATION_PATTERN,
  read: parseExpectation,
})

/** Where a log goes: `stdout`, `off`, or the absolute path of a file. */
export const logTarget: ValueSchema<LogConfig['access']> = valueSchema<LogConfig['access']>({
  id: 'log-target',
  title: 'stdout, off or a path',
  pattern: '^(stdout|off|/.*[^/])$',
  read: (text) => {
    if (text === 'stdout' || text === 'off') return { value: { to: text } }
    if (/^\/.*[^/]$/.test(text)) return { value: { to: 'file', path: text } }
    return refused('this is not a place for a log', 'Write stdout, off or an absolute path.')
  },
})

/** A line of the rule language, or the name of a strategy: checked by who speaks it. */
export const words: z.ZodString = z
  .string()
  .regex(/\S/, 'this must not be empty')
  .meta({ id: 'text' })

/** A header's name or a method (RFC 9110 section 5.6.2, token). */
export const token: z.ZodString = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'this is not a token of HTTP (RFC 9110)')
  .meta({ id: 'token' })

/** The target of a request: `*`, or what begins with `/` and has no blank. */
export const requestTarget: z.ZodString = z
  .string()
  .regex(/^(\*|\/[!-~]*)$/, 'a target starts with "/" and has no blanks')
  .meta({ id: 'target' })

/** The value of a Host header. */
export const hostHeader: z.ZodString = z
  .string()
  .regex(/^[A-Za-z0-9_.:[\]-]{1,255}$/, 'this cannot stand in a Host header')
  .meta({ id: 'host-header' })

/** A whole number within bounds, both included. */
export function integer(minimum: number, maximum: number): z.ZodInt {
  return z.int().min(minimum).max(maximum)
}
