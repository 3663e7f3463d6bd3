import { FRAMING_HEADERS, forEachField } from '../../fields.ts'
import type { OutgoingRequest } from '../../outgoing-request.ts'
import type { Indexing } from '../hpack/hpack-encoder.ts'

/** Where the fields of a header block go, in their order. */
export interface FieldWriter {
  /** @param name in lower case */
  field(name: string, value: string, indexing: Indexing): void
}

/** What a request is sent with beside its head. */
export interface RequestTerms {
  readonly scheme: 'http' | 'https'
  /**
   * The server takes requests of RFC 8441: one that asks to change to another protocol becomes a
   * CONNECT that names it. Otherwise nothing is asked for, which a server is free to do as well (RFC
   * 9110 section 7.8).
   */
  readonly takesProtocol: boolean
}

/**
 * Names whose values are the same for many requests, and no secrets: they go into the table of the
 * connection, which requests of many clients share. Of anything else in it, a client who sees how
 * long its requests become could guess what others have sent (RFC 7541 section 7.1).
 */
const INDEXED_NAMES: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-type',
  'grpc-accept-encoding',
  'grpc-encoding',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'te',
  'user-agent',
  'via',
  'x-forwarded-port',
  'x-forwarded-proto',
])

/** Secrets, which nobody on the way may put into a table either (RFC 7541 section 7.1.3). */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
])

/** Of those that frame a message, the one that HTTP/2 has, too. RFC 9113 section 8.1.1. */
const LENGTH_NAME = 'content-length'

/** The fields of a handshake that HTTP/2 has another way for. RFC 8441 section 5. */
const WEBSOCKET_KEY = 'sec-websocket-key'

/**
 * Writes the head of a request as the fields of a header block: RFC 9113 section 8.3.1. The host is
 * told once, by `:authority`; what is about a connection is left out (section 8.2.2).
 *
 * @returns whether it asks for a tunnel by RFC 8441
 */
export function writeRequest(
  head: OutgoingRequest,
  { scheme, takesProtocol }: RequestTerms,
  to: FieldWriter,
): boolean {
  const { method, target, authority, upgrade } = head
  const protocol = takesProtocol && method === 'GET' ? upgrade : ''
  const isConnect = method === 'CONNECT'
  to.field(':method', protocol === '' ? method : 'CONNECT', 'plain')
  if (protocol !== '') to.field(':protocol', protocol, 'plain')
  // Section 8.5: CONNECT names nothing but its host and port.
  if (!isConnect) to.field(':scheme', scheme, 'plain')
  if (isConnect) to.field(':authority', target, 'indexed')
  else if (authority !== '') to.field(':authority', authority, 'indexed')
  if (!isConnect) to.field(':path', target, 'plain')
  writeFields(head.fields, to, protocol !== '')
  if (head.takesTrailers) to.field('te', 'trailers', 'indexed')
  return protocol !== ''
}

function writeFields(fields: string, to: FieldWriter, isProtocol: boolean): void {
  forEachField(fields, (written, value) => {
    const name = written.toLowerCase()
    if (name === 'host' || (FRAMING_HEADERS.has(name) && name !== LENGTH_NAME)) return
    if (isProtocol && name === WEBSOCKET_KEY) return
    to.field(name, value, indexingOf(name))
  })
}

function indexingOf(name: string): Indexing {
  if (INDEXED_NAMES.has(name)) return 'indexed'
  return SECRET_NAMES.has(name) ? 'never' : 'plain'
}

/** Writes trailers. @param trailers lines and the empty one after them */
export function writeTrailers(trailers: string, to: FieldWriter): void {
  forEachField(trailers.slice(0, -2), (name, value) => {
    to.field(name.toLowerCase(), value, 'plain')
  })
}
