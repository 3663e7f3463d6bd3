/** Methods of RFC 9110 section 9 and RFC 5789; a head hands these out instead of cutting its text. */
export const METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'CONNECT',
  'TRACE',
]

const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
])

/**
 * Whether doing a request twice is meant to do no more than doing it once, so that it may be sent
 * again when nobody knows whether it was done. RFC 9110 section 9.2.2.
 */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}
