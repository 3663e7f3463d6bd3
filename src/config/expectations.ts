import { type Parsed, refused } from './diagnostics.ts'

/** What `expect` looks like, for JSON Schema. */
export const EXPECTATION_PATTERN = '^status [0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*$'

const OTHER_MATCHES = /^(!|rstatus|hdr|fhdr|string|rstring|comment|min-recv|on-|ok-|error-|tout-)/

/** Inclusive ranges of status codes. */
export type StatusRanges = readonly (readonly [number, number])[]

/**
 * Reads what an HTTP check expects, in the form of HAProxy's `http-check expect`: `status` and a
 * comma-separated list of status codes or ranges of them. Codes are 100 to 599 (RFC 9110
 * section 15). Given back as inclusive ranges, in the order written.
 */
export function parseExpectation(text: string): Parsed<StatusRanges> {
  if (OTHER_MATCHES.test(text)) {
    return refused(
      'only status codes can be expected in this version',
      'Write for example: status 200-399.',
      'unsupported',
    )
  }
  const [, list] = /^status +([0-9,-]+)$/.exec(text) ?? []
  const ranges = list?.split(',').map(parseRange) ?? []
  if (ranges.length === 0 || ranges.includes(null)) {
    return refused('this is not a list of status codes', 'Write for example: status 200-399.')
  }
  return { value: ranges.filter((range) => range !== null) }
}

function parseRange(text: string): readonly [number, number] | null {
  const [, first, last = first] = /^([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?$/.exec(text) ?? []
  if (first === undefined || Number(first) > Number(last)) return null
  return [Number(first), Number(last)]
}

/** Ranges of status codes as `expect` has them. */
export function formatExpectation(ranges: StatusRanges): string {
  return `status ${ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',')}`
}
