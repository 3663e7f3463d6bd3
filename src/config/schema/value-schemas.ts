import * as z from 'zod'
import type { Address } from '../../base/address.ts'
import { DURATION_MS_MAX } from '../../base/quantities.ts'
import type { HashTypeConfig, InitAddress, LogConfig } from '../../model/config.ts'
import type { StickTableConfig } from '../../model/persistence-config.ts'
import type { HttpExpectation } from '../../model/probe-protocol.ts'
import { type Parsed, type Problem, refused } from '../diagnostics/diagnostics.ts'
import {
  ADDRESS_PATTERN,
  NETWORK_PATTERN,
  parseAddress,
  parseCidr,
  parseProbeHost,
} from '../values/addresses.ts'
import { ANSWER_STATUS_PROBLEM, ANSWER_STATUSES } from '../values/answer-statuses.ts'
import { parseByteText } from '../values/byte-texts.ts'
import { COOKIE_PATTERN, type CookieLine, parseCookieLine } from '../values/cookie-lines.ts'
import { DURATION_PATTERN, parseDuration } from '../values/durations.ts'
import { EXPECTATION_PATTERN, parseExpectation } from '../values/expectations.ts'
import { HASH_TYPE_PATTERN, parseHashType } from '../values/hash-types.ts'
import { INIT_ADDRESS_PATTERN, parseInitAddress } from '../values/init-addresses.ts'
import { formatSize, parseSize, SIZE_PATTERN } from '../values/sizes.ts'
import { parseStickTable, STICK_TABLE_PATTERN } from '../values/stick-tables.ts'

/** What a zod issue of code `custom` carries in `params`, when {@link valueSchema} raised it. */
export interface ValueIssue extends Problem {
  /** Set where the value is of another type: what was expected, such as "an address". */
  readonly expected?: string
}

/** A kind of value that one of our parsers reads. */
export interface ValueKind<T> {
  /** Its name in the JSON Schema and in docs/configuration.md. */
  readonly id: string
  /** Its name in messages. */
  readonly title: string
  readonly pattern: string
  /** Bounds of a bare whole number; absent where only text is allowed. */
  readonly numbers?: { readonly minimum: number; readonly maximum: number }
  /** Whether numbers may have decimals. */
  readonly hasDecimals?: boolean
  readonly read: (value: string) => Parsed<T>
  /** What to write instead of a bare number, where that is no value of this kind. */
  readonly numberHint?: (number: number) => string
}

const BALANCE_FACTOR_PROBLEM: Problem = {
  code: 'out-of-range',
  message: 'must be 0 or more than 100',
  hint: '125 to 200 are usual; 0 is no bound.',
}

/** The schema of a value that is written as text, and given back as the parser reads it. */
export type ValueSchema<T> = z.ZodPipe<z.ZodUnknown, z.ZodTransform<T, unknown>>

/** The schema of a value that one of our parsers reads. */
export function valueSchema<T>(kind: ValueKind<T>): ValueSchema<T> {
  const { id, pattern, numbers, hasDecimals = false } = kind
  const type = numbers === undefined ? 'string' : [hasDecimals ? 'number' : 'integer', 'string']
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

/**
 * How long something of TLS sessions lasts: a second, which is what OpenSSL counts in, up to the
 * seven days that RFC 8446 section 4.6.1 allows. Given back in milliseconds.
 */
export const sessionMs: ValueSchema<number> = valueSchema({
  id: 'duration-1s-to-7d',
  title: 'a duration',
  pattern: DURATION_PATTERN,
  numbers: { minimum: 1_000, maximum: 604_800_000 },
  read: (text) => {
    const result = parseDuration(text)
    if ('problem' in result || (result.value >= 1_000 && result.value <= 604_800_000)) return result
    return refused('this is not a duration from 1s to 7d', 'Such as 300s or 2h.', 'out-of-range')
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

const FACTOR_PATTERN = '^[0-9]{1,4}([.][0-9]{1,3})?$'

/** How many times something is something else, 1 to 1000, with up to three decimals. */
export const factor: ValueSchema<number> = valueSchema({
  id: 'factor',
  title: 'a number',
  pattern: FACTOR_PATTERN,
  numbers: { minimum: 1, maximum: 1_000 },
  hasDecimals: true,
  read: (text) => {
    const value = new RegExp(FACTOR_PATTERN).test(text) ? Number(text) : Number.NaN
    if (value >= 1 && value <= 1_000) return { value }
    return refused('this is not a number from 1 to 1000', 'Such as 1.9 or 3.', 'out-of-range')
  },
})

/** The schema of a size within bounds, both included and in bytes, given back in bytes. */
function sizeSchema(minimum: number, maximum: number): ValueSchema<number> {
  const [first, last] = [formatSize(minimum), formatSize(maximum)]
  return valueSchema({
    id: `size-${first}-to-${last}`,
    title: 'a size',
    pattern: SIZE_PATTERN,
    numbers: { minimum, maximum },
    read: (text) => {
      const result = parseSize(text)
      if ('problem' in result || (result.value >= minimum && result.value <= maximum)) return result
      return refused(`the size must be from ${first} to ${last}`, '', 'out-of-range')
    },
  })
}

const KIBI = 1_024
const MEBI = 1_048_576

/** The size of a buffer. A message head must fit into it. */
export const bufsizeBytes: ValueSchema<number> = sizeSchema(4 * KIBI, MEBI)

/** The part of a buffer that is kept free: half of the largest, at most. */
export const maxrewriteBytes: ValueSchema<number> = sizeSchema(0, MEBI / 2)

/** What a part of a message may have at most, such as its first line or its trailers. */
export const messagePartBytes: ValueSchema<number> = sizeSchema(KIBI, MEBI)

/** What the chunk extensions of a body may have at most; 0 allows none. */
export const chunkExtensionBytes: ValueSchema<number> = sizeSchema(0, MEBI)

/** What is kept of a request body for another try at most; 0 keeps nothing. */
export const retryBodyBytes: ValueSchema<number> = sizeSchema(0, 16 * MEBI)

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

/** An IP address or a host name, without a port. */
export const host: ValueSchema<string> = valueSchema({
  id: 'host',
  title: 'a host',
  pattern: '^[^\\s/@]+$',
  read: parseProbeHost,
})

/** An IP address or a network in CIDR form, given back in CIDR form. */
export const network: ValueSchema<string> = valueSchema({
  id: 'network',
  title: 'a network',
  pattern: NETWORK_PATTERN,
  read: parseCidr,
})

/** Text that stands for bytes, given back in latin1. */
export const byteText: ValueSchema<string> = valueSchema({
  id: 'bytes',
  title: 'a text',
  pattern: '.',
  read: parseByteText,
})

/** What an HTTP check expects. */
export const expectation: ValueSchema<HttpExpectation> = valueSchema({
  id: 'expectation',
  title: 'an expectation',
  pattern: EXPECTATION_PATTERN,
  read: parseExpectation,
})

/** How a key finds its server, such as `consistent crc32`. */
export const hashType: ValueSchema<HashTypeConfig> = valueSchema({
  id: 'hash-type',
  title: 'a hash type',
  pattern: HASH_TYPE_PATTERN,
  read: parseHashType,
})

/** Where the address of a host name comes from at first, such as `last,libc,none`. */
export const initAddress: ValueSchema<readonly InitAddress[]> = valueSchema({
  id: 'init-address',
  title: 'a list of ways to find an address',
  pattern: INIT_ADDRESS_PATTERN,
  read: parseInitAddress,
})

/** What a backend says of its cookie, such as `SRV insert indirect nocache`. */
export const cookieLine: ValueSchema<CookieLine> = valueSchema({
  id: 'cookie',
  title: 'a cookie',
  pattern: COOKIE_PATTERN,
  read: parseCookieLine,
})

/** A table of who belongs to which server, such as `type ip size 200k expire 30m`. */
export const stickTable: ValueSchema<StickTableConfig> = valueSchema({
  id: 'stick-table',
  title: 'a stick table',
  pattern: STICK_TABLE_PATTERN,
  read: parseStickTable,
})

/**
 * The value by which a cookie names a server: what RFC 6265 section 4.1.1 allows but for `|` and
 * `~`, which stand between it and what follows it.
 */
export const cookieValue: z.ZodString = z
  .string()
  .regex(
    /^[!#$%&'()*+./0-9:<=>?@A-Z[\]^_`a-z{}-]{1,64}$/,
    'this cannot be the value of a cookie: 1 to 64 characters, none of blanks , ; " \\ | ~',
  )
  .meta({ id: 'cookie-value' })

/** What the values of dynamic cookies are made of. */
export const cookieSecret: z.ZodString = z
  .string()
  .regex(/^.{1,256}$/, 'a secret has 1 to 256 characters')
  .meta({ id: 'secret' })

/** Percent of its share that a server may have: over 100, or 0 for no bound. */
export const balanceFactor: z.ZodInt = integer(0, 65_535).refine(
  (percent) => percent === 0 || percent > 100,
  { params: BALANCE_FACTOR_PROBLEM },
)

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

/** The path of a file, from the root. */
export const absolutePath: z.ZodString = z
  .string()
  .regex(/^\/.*[^/]$/, 'the path of a file starts with "/" and does not end with it')
  .meta({ id: 'path' })

/** A status whose answer may be replaced, as the key of a map. */
export const answerStatus: z.ZodString = z
  .string()
  .refine((text) => ANSWER_STATUSES.map(String).includes(text), {
    error: ANSWER_STATUS_PROBLEM.message,
    params: ANSWER_STATUS_PROBLEM,
  })
  .meta({ id: 'status', pattern: `^(${ANSWER_STATUSES.join('|')})$` })

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

/** Another server: `BACKEND/SERVER`. */
export const trackedServer: z.ZodString = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}\/[A-Za-z0-9_.:-]{1,64}$/, 'this is not BACKEND/SERVER')
  .meta({ id: 'backend-and-server' })

/** A whole number within bounds, both included. */
export function integer(minimum: number, maximum: number): z.ZodInt {
  return z.int().min(minimum).max(maximum)
}
