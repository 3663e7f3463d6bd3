import { latin1 } from '../base/latin1.ts'
import { authoritiesMatch, isAuthority } from './authority.ts'
import { bytesAre } from './characters.ts'
import { REJECT } from './rejects.ts'

/** `/path?query`. RFC 9112 section 3.2.1. */
export const TARGET_ORIGIN = 0
/** `http://host/path?query`. RFC 9112 section 3.2.2. */
export const TARGET_ABSOLUTE = 1
/** `host:port`, of CONNECT alone. RFC 9112 section 3.2.3. */
export const TARGET_AUTHORITY = 2
/** `*`, of OPTIONS alone. RFC 9112 section 3.2.4. */
export const TARGET_ASTERISK = 3

/** Form of a request target. */
export type TargetForm =
  | typeof TARGET_ORIGIN
  | typeof TARGET_ABSOLUTE
  | typeof TARGET_AUTHORITY
  | typeof TARGET_ASTERISK

const SLASH = 0x2f
const QUESTION_MARK = 0x3f
const ASTERISK = 0x2a
/** The schemes that this codec is spoken for, with the ports that may be left out. */
const SCHEMES = [
  { prefix: 'http://', ports: ['80'] },
  { prefix: 'https://', ports: ['443'] },
]
/** CONNECT names no scheme: clients leave out either port in Host, as HAProxy lets them. */
const CONNECT_PORTS = ['80', '443']

/** The target of a request, as places in the text of its head. */
export class RequestTarget {
  form: TargetForm = TARGET_ORIGIN
  start = 0
  end = 0
  /** Where the authority of an absolute or authority form lies; both 0 in the other forms. */
  authorityStart = 0
  authorityEnd = 0
  /** Ports that this authority or Host may leave out. */
  defaultPorts: readonly string[] = CONNECT_PORTS

  /** Sets a target in origin form. */
  setOrigin(start: number, end: number): void {
    this.form = TARGET_ORIGIN
    this.start = start
    this.end = end
    this.authorityStart = 0
    this.authorityEnd = 0
  }

  /** The authority that the target names, or ''. */
  authority(text: string): string {
    return text.substring(this.authorityStart, this.authorityEnd)
  }

  /**
   * Whether `host`, the value of Host, is the authority of the target, where it has one. RFC 9112
   * section 3.2 has the client send them alike and section 3.2.2 has Host passed over; readers
   * that route by Host would see another site, so that unlike ones are refused, as by HAProxy.
   */
  matchesHost(text: string, host: string): boolean {
    return (
      this.authorityEnd === 0 || authoritiesMatch(this.authority(text), host, this.defaultPorts)
    )
  }

  /**
   * Path and query in origin form, whatever the form of the target; `*` for a request to the
   * server itself; '' for CONNECT.
   */
  path(text: string, method: string): string {
    if (this.form === TARGET_ORIGIN) return text.substring(this.start, this.end)
    if (this.form === TARGET_AUTHORITY) return ''
    if (this.form === TARGET_ASTERISK) return '*'
    const path = text.substring(this.authorityEnd, this.end)
    if (path.charCodeAt(0) === SLASH) return path
    // RFC 9112 section 3.2.4: OPTIONS for a URI with neither path nor query is for the server.
    return path === '' && method === 'OPTIONS' ? '*' : `/${path}`
  }
}

/**
 * Reads a target that is not in origin form. RFC 9112 section 3.2: each other form has its methods.
 *
 * @param origin the place in `view` of the head's first byte
 * @returns 0 or a reject code
 */
export function parseTarget(
  view: Buffer,
  origin: number,
  start: number,
  end: number,
  method: string,
  into: RequestTarget,
): number {
  into.setOrigin(start - origin, end - origin)
  if (method === 'CONNECT') {
    // RFC 9110 section 9.3.6: a CONNECT to an empty or invalid port must be rejected.
    const named = /^[^:].*:0*[1-9][0-9]*$/.test(latin1(view, start, end))
    if (!named || !isAuthority(view, start, end)) return REJECT.targetForm
    into.form = TARGET_AUTHORITY
    into.authorityStart = into.start
    into.authorityEnd = into.end
    into.defaultPorts = CONNECT_PORTS
    return 0
  }
  if (view[start] === ASTERISK && end - start === 1 && method === 'OPTIONS') {
    into.form = TARGET_ASTERISK
    return 0
  }
  for (const { prefix, ports } of SCHEMES) {
    const authorityStart = start + prefix.length
    if (authorityStart > end || !bytesAre(view, start, authorityStart, prefix)) continue
    const authorityEnd = authorityEndOf(view, authorityStart, end)
    // RFC 9110 section 4.2.1: an http URI with an empty host is invalid.
    if (/^(:|$)/.test(latin1(view, authorityStart, authorityEnd))) return REJECT.targetForm
    if (!isAuthority(view, authorityStart, authorityEnd)) return REJECT.host
    into.form = TARGET_ABSOLUTE
    into.authorityStart = authorityStart - origin
    into.authorityEnd = authorityEnd - origin
    into.defaultPorts = ports
    return 0
  }
  return REJECT.targetForm
}

function authorityEndOf(view: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && view[at] !== SLASH && view[at] !== QUESTION_MARK) at++
  return at
}
