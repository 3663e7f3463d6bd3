import type { OwnAnswer } from '../../model/own-answer.ts'
import { SP } from '../characters.ts'
import type { FieldLines } from '../fields.ts'
import {
  DROPS_CODING,
  DROPS_FRAMING,
  DROPS_HOP_BY_HOP,
  DROPS_UPGRADE,
  FACT_EDITED,
  FACT_UPGRADE,
  keptFields,
} from '../header-table.ts'
import type { OutgoingRequest } from '../outgoing-request.ts'
import type { ResponseHead } from '../response-head.ts'

/** What a client is told of its connection (RFC 9112 section 9.3). */
export type ConnectionOption = '' | 'close' | 'keep-alive'

/**
 * What to tell a client whose connection is kept or not: HTTP/1.1 keeps by default, HTTP/1.0 closes.
 *
 * @param minorVersion of the client's HTTP/1
 */
export function connectionOption(keep: boolean, minorVersion: number): ConnectionOption {
  if (!keep) return 'close'
  return minorVersion === 0 ? 'keep-alive' : ''
}

/** What is changed in a response on its way. One object serves a thread: set each field or leave it. */
export interface ResponseEdits {
  /** Fields to add. The caller vouches for their grammar. */
  added: FieldLines
  /**
   * What the client is told: `close` where the connection ends after this response, `keep-alive`
   * for an HTTP/1.0 client that asked for it and gets it, '' otherwise. RFC 9112 section 9.3.
   */
  connection: ConnectionOption
  /** The client is sent the data of chunks alone: it speaks HTTP/1.0. RFC 9112 section 6.1. */
  dechunked: boolean
}

const CONNECTION_LINES = {
  '': '',
  'close': 'Connection: close\r\n',
  'keep-alive': 'Connection: keep-alive\r\n',
}

/** Where the space before the reason phrase stands. */
const REASON_SPACE = 12

/**
 * The head to send to a server, in one pass: what it was received as, where that is HTTP/1.1 and
 * nothing was changed. The version is our own (RFC 9110 section 2.5), but for a request without
 * Host, which only HTTP/1.0 allows (RFC 9112 section 3.2).
 */
export function requestHeadText(head: OutgoingRequest): string {
  const { text, fieldsStart, fieldsEnd, isLineKept, added } = head
  const line = isLineKept ? '' : requestLine(head)
  const isWhole = fieldsEnd < text.length
  // What concerns a connection is told apart only where something was not to go on.
  if (!isWhole) return `${line + text + added + connectionFields(head)}\r\n`
  if (line === '' && added === '') return text
  return `${line + text.substring(isLineKept ? 0 : fieldsStart, fieldsEnd) + added}\r\n`
}

function requestLine({ method, target, hostless }: OutgoingRequest): string {
  return `${method} ${target} ${hostless ? 'HTTP/1.0' : 'HTTP/1.1'}\r\n`
}

/** What we tell the server of our connection. RFC 9110 sections 7.6.1, 7.8 and 10.1.4. */
function connectionFields({ upgrade, takesTrailers, hostless }: OutgoingRequest): string {
  let fields = takesTrailers ? 'TE: trailers\r\n' : ''
  let options = takesTrailers ? 'TE' : ''
  if (upgrade !== '') {
    fields += `Upgrade: ${upgrade}\r\n`
    options += options === '' ? 'upgrade' : ', upgrade'
  }
  // Some servers keep what HTTP/1.0 would have them close, and do not say which of the two they do.
  if (hostless) options = 'close'
  return options === '' ? fields : `${fields}Connection: ${options}\r\n`
}

/**
 * The head to send to a client: hop-by-hop headers are left out, every other line goes as it came but
 * for the framing headers where none may be, and the connection says what is true of ours. The
 * version is our own (RFC 9110 section 2.5).
 */
export function responseHeadText(head: ResponseHead, edits: ResponseEdits): string {
  const { headers, status } = head
  const { text, facts } = headers
  let added = edits.added
  if (edits.connection !== '') added += CONNECTION_LINES[edits.connection]
  if ((facts & FACT_EDITED) === 0 && head.minorVersion === 1 && !edits.dechunked) {
    return added === '' ? text : `${text.substring(0, text.length - 2) + added}\r\n`
  }
  let dropped = DROPS_HOP_BY_HOP
  // RFC 9110 section 15.5.22: 426 names the protocols that would do.
  if (status !== 101 && status !== 426) dropped |= DROPS_UPGRADE
  else if ((facts & FACT_UPGRADE) !== 0) added += 'Connection: upgrade\r\n'
  if (status < 200 || status === 204 || head.tunnel) dropped |= DROPS_FRAMING
  if (edits.dechunked) dropped |= DROPS_CODING
  const asIs = head.minorVersion === 1 && text.charCodeAt(REASON_SPACE) === SP
  const line = asIs ? '' : `HTTP/1.1 ${status} ${head.reason}\r\n`
  return `${line + keptFields(headers, asIs ? 0 : head.headersStart, dropped) + added}\r\n`
}

/**
 * The whole response in latin1.
 *
 * @param connection what the client is told of its connection, '' for nothing
 * @param headOnly the request was HEAD: the head is that of the answer to GET, no body follows (RFC
 *   9110 section 9.3.2)
 * @returns '' for an answer that is silent
 */
export function answerText(
  { status, reason, minorVersion, fields, body, isSilent }: OwnAnswer,
  connection: ConnectionOption,
  headOnly: boolean,
): string {
  if (isSilent) return ''
  // RFC 9110 section 8.6: no Content-Length with 204; with 304 it would be that of a 200.
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${body.length}\r\n`
  const line = `HTTP/1.${minorVersion} ${status} ${reason}\r\n`
  // Of a response in HTTP/1.0 nobody expects that its connection stays.
  const option = connection === '' && minorVersion === 0 ? 'keep-alive' : connection
  const head = `${line + length + fields + CONNECTION_LINES[option]}\r\n`
  return headOnly || length === '' ? head : head + body
}
