import { COLON, DIGIT_BYTES, decimal, HOST_BYTES, IPV6_BYTES, skipBytes } from './characters.ts'

const PORT_DIGITS_MAX = 5
const PORT_MAX = 65_535
const LEFT_BRACKET = 0x5b
const RIGHT_BRACKET = 0x5d

/**
 * Whether `view[start, end)` is `uri-host [":" port]` (RFC 9110 section 7.2, RFC 3986 section 3.2).
 * Both may be empty; a user name may not be there (RFC 9110 section 4.2.4).
 */
export function isAuthority(view: Buffer, start: number, end: number): boolean {
  let at = start
  if (at < end && view[at] === LEFT_BRACKET) {
    at = skipBytes(IPV6_BYTES, view, at + 1, end)
    if (at === end || view[at] !== RIGHT_BRACKET || at === start + 1) return false
    at++
  } else {
    at = skipBytes(HOST_BYTES, view, at, end)
  }
  if (at === end) return true
  if (view[at] !== COLON) return false
  const portStart = at + 1
  if (skipBytes(DIGIT_BYTES, view, portStart, end) !== end) return false
  return end - portStart <= PORT_DIGITS_MAX && decimal(view, portStart, end) <= PORT_MAX
}

/**
 * Whether two authorities are one: names are compared without regard to case, and a port that is
 * empty or among `defaultPorts` may be left out. RFC 9110 section 4.2.3.
 */
export function authoritiesMatch(
  left: string,
  right: string,
  defaultPorts: readonly string[],
): boolean {
  const one = left.toLowerCase()
  const other = right.toLowerCase()
  if (one === other) return true
  return defaultPorts.some((port) => withoutPort(one, port) === withoutPort(other, port))
}

function withoutPort(authority: string, port: string): string {
  if (authority.endsWith(`:${port}`)) return authority.slice(0, -port.length - 1)
  return authority.endsWith(':') ? authority.slice(0, -1) : authority
}
