import type { ByteView } from '../net/conn.ts'

/**
 * Bytes of a connection that are looked at: RDP's connection request has its length in one byte, so
 * that a cookie ends far sooner.
 */
export const RDP_REQUEST_BYTES_MAX = 1024

/** What is known of the cookie: its value in latin1, or that there is none. */
export type RdpCookieReading =
  | { readonly kind: 'incomplete' | 'absent' }
  | { readonly kind: 'found'; readonly value: string }

const INCOMPLETE: RdpCookieReading = { kind: 'incomplete' }
const ABSENT: RdpCookieReading = { kind: 'absent' }

/** The version of TPKT (RFC 1006 section 6), and where its length is. */
const TPKT_VERSION = 3
const TPKT_LENGTH_OFFSET = 2
/** Where X.224 names the kind of its unit, and Connection Request, whose low bits are a credit. */
const KIND_OFFSET = 5
const CONNECTION_REQUEST = 0xe0
/** The heads of TPKT and of the request. */
const HEAD_BYTES = 11

const FIELD = 'cookie:'
const SPACE = ' '

/**
 * Finds a cookie in the first message of a client of RDP: `Cookie: mstshash=NAME` (MS-RDPBCGR
 * section 2.2.1.1). To be called again, from the first byte, when more has arrived.
 *
 * @param view the bytes are `view[0, length)`
 * @param name in lower case, since letters count the same in either (HAProxy configuration manual,
 *   req.rdp_cookie)
 */
export function readRdpCookie(view: ByteView, length: number, name: string): RdpCookieReading {
  if (length > 0 && view[0] !== TPKT_VERSION) return ABSENT
  const type = length > KIND_OFFSET ? (view[KIND_OFFSET] as number) : CONNECTION_REQUEST
  if ((type & 0xf0) !== CONNECTION_REQUEST) return ABSENT
  if (length < HEAD_BYTES) return INCOMPLETE
  const end = Math.min(view.readUInt16BE(TPKT_LENGTH_OFFSET), RDP_REQUEST_BYTES_MAX)
  const isAll = length >= end
  const text = view.toString('latin1', HEAD_BYTES, Math.max(Math.min(length, end), HEAD_BYTES))
  const value = readLine(text, name)
  return value === INCOMPLETE && isAll ? ABSENT : value
}

/** Reads `Cookie: NAME=VALUE` and the end of the line. */
function readLine(text: string, name: string): RdpCookieReading {
  const field = text.slice(0, FIELD.length).toLowerCase()
  if (!FIELD.startsWith(field)) return ABSENT
  let at = FIELD.length
  while (text[at] === SPACE) at++
  const wanted = `${name}=`
  const written = text.slice(at, at + wanted.length).toLowerCase()
  if (!wanted.startsWith(written)) return ABSENT
  if (written.length < wanted.length) return INCOMPLETE
  const start = at + wanted.length
  const end = text.indexOf('\r', start)
  if (end < 0 || end + 1 === text.length) return INCOMPLETE
  return text[end + 1] === '\n' ? { kind: 'found', value: text.slice(start, end) } : ABSENT
}
