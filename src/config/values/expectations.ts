import { alternatives } from '../../base/spelling.ts'
import type { HttpExpectation, StatusRange, TextExpectation } from '../../model/probe-protocol.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'
import { parseByteText, parseHexadecimal, parsePattern } from './byte-texts.ts'

/** What `expect` of an HTTP check looks like, for JSON Schema. */
export const EXPECTATION_PATTERN = '^(! ?)?(status|rstatus|string|rstring) +.*\\S'

/** Kinds of HAProxy that are not here, and what may stand before a kind. */
const OTHER_WORDS = /^(hdr|fhdr|comment|min-recv|on-.*|ok-.*|error-.*|tout-.*|string-lf|binary-lf)$/

const HTTP_KINDS = ['status', 'rstatus', 'string', 'rstring']
const TCP_KINDS = ['string', 'rstring', 'binary', 'rbinary']

/**
 * Reads what an HTTP check expects, in the form of HAProxy's `http-check expect`: `status` and a
 * comma-separated list of status codes or ranges of them, `rstatus` and a regular expression, or
 * `string` and `rstring` for the body; `!` before it for the contrary. Codes are 100 to 599
 * (RFC 9110 section 15); their ranges are inclusive and in the order written.
 */
export function parseExpectation(text: string): Parsed<HttpExpectation> {
  return parse(text, HTTP_KINDS, 'Write for example: status 200-399.')
}

/** Reads what follows `expect` in a line of HAProxy's `tcp-check`. */
export function parseTcpExpectation(text: string): Parsed<TextExpectation> {
  const result = parse(text, TCP_KINDS, 'Write for example: expect string OK.')
  return result as Parsed<TextExpectation>
}

function parse(text: string, kinds: readonly string[], hint: string): Parsed<HttpExpectation> {
  const [, sign, kind = '', rest = ''] = /^(! *)?(\S+) *(.*)$/s.exec(text.trim()) ?? []
  if (!kinds.includes(kind)) {
    if (OTHER_WORDS.test(kind)) {
      return refused(`expecting by "${kind}" is not available in this version`, hint, 'unsupported')
    }
    return refused(`expected ${alternatives(kinds)}`, hint)
  }
  const negated = sign !== undefined
  switch (kind) {
    case 'status':
      return mapped(parseRanges(rest), (ranges) => ({ kind, negated, ranges }))
    case 'string':
      return mapped(parseByteText(rest), (bytes) => ({ kind, negated, text: bytes }))
    case 'binary':
      return mapped(parseHexadecimal(rest), (bytes) => ({ kind: 'string', negated, text: bytes }))
    default: {
      const ofText = kind as 'rstatus' | 'rstring' | 'rbinary'
      return mapped(parsePattern(rest), (pattern) => ({ kind: ofText, negated, pattern }))
    }
  }
}

function mapped<From, To>(parsed: Parsed<From>, to: (value: From) => To): Parsed<To> {
  return 'value' in parsed ? { value: to(parsed.value) } : parsed
}

function parseRanges(list: string): Parsed<readonly StatusRange[]> {
  const ranges = /^[0-9,-]+$/.test(list) ? list.split(',').map(parseRange) : []
  const known = ranges.filter((range) => range !== null)
  if (known.length === 0 || known.length < ranges.length) {
    return refused('this is not a list of status codes', 'Write for example: status 200-399.')
  }
  return { value: known }
}

function parseRange(text: string): StatusRange | null {
  const [, first, last = first] = /^([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?$/.exec(text) ?? []
  if (first === undefined || Number(first) > Number(last)) return null
  return [Number(first), Number(last)]
}

/** Ranges of status codes as `expect` has them. */
export function formatExpectation(ranges: readonly StatusRange[]): string {
  return `status ${ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',')}`
}
