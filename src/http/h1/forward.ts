import { SP } from '../characters.ts'
import type { ConnectionOption, RequestEdits } from '../head-edits.ts'
import {
  FACT_EDITED,
  FACT_TE_TRAILERS,
  FACT_UNUSUAL,
  FACT_UPGRADE,
  HEADER_CONNECTION,
  HEADER_CONTENT_LENGTH,
  HEADER_EXPECT,
  HEADER_HOST,
  HEADER_KEEP_ALIVE,
  HEADER_NAMED,
  HEADER_PROXY_CONNECTION,
  HEADER_REMOVED,
  HEADER_TE,
  HEADER_TRANSFER_ENCODING,
  HEADER_UPGRADE,
  type HeaderTable,
} from '../header-table.ts'
import type { RequestHead } from '../request-head.ts'
import { TARGET_ABSOLUTE } from '../request-target.ts'
import type { ResponseHead } from '../response-head.ts'

/** What is changed in a response on its way. One object serves a thread: set each field or leave it. */
export interface ResponseEdits {
  /** Header lines to add, each ended by CRLF; '' for none. The caller vouches for their grammar. */
  added: string
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

/** Headers that are never forwarded, as bits by id. RFC 9110 section 7.6.1. */
const HOP_BY_HOP =
  (1 << HEADER_CONNECTION) |
  (1 << HEADER_KEEP_ALIVE) |
  (1 << HEADER_PROXY_CONNECTION) |
  (1 << HEADER_TE) |
  (1 << HEADER_NAMED) |
  (1 << HEADER_REMOVED)
/** Where the space before the reason phrase stands. */
const REASON_SPACE = 12
const UPGRADE = 1 << HEADER_UPGRADE
const EXPECT = 1 << HEADER_EXPECT
const FRAMING = (1 << HEADER_CONTENT_LENGTH) | (1 << HEADER_TRANSFER_ENCODING)

/**
 * The head to send to a server: hop-by-hop headers are left out, every other line goes as it came,
 * and the connection says what is true of ours. The version is our own (RFC 9110 section 2.5), but
 * for a request without Host, which only HTTP/1.0 allows (RFC 9112 section 3.2). An absolute target
 * becomes one in origin form (RFC 9112 section 3.2.1).
 */
export function forwardRequestText(head: RequestHead, edits: RequestEdits): string {
  const { headers, requestTarget } = head
  const { text, facts } = headers
  let from = 0
  let out = ''
  if (head.minorVersion === 0 || requestTarget.form === TARGET_ABSOLUTE || edits.target !== '') {
    const version = edits.hostless ? 'HTTP/1.0' : 'HTTP/1.1'
    out = `${head.method} ${forwardTarget(head, edits)} ${version}\r\n`
    from = head.headersStart
  }
  let added = edits.added
  if ((facts & FACT_EDITED) === 0 && head.minorVersion === 1) {
    if (edits.close) added += CONNECTION_LINES.close
    if (added === '' && from === 0) return text
    return `${out + text.substring(from, text.length - 2) + added}\r\n`
  }
  let dropped = HOP_BY_HOP
  const upgrade = edits.upgrade && head.upgrade !== ''
  if (!upgrade) dropped |= UPGRADE
  // RFC 9110 section 10.1.1: in HTTP/1.0 the expectation is ignored; our server would not.
  if (head.minorVersion === 0) dropped |= EXPECT
  added += connectionLines(head, upgrade, edits.close)
  return `${out + keptLines(headers, from, dropped) + added}\r\n`
}

function forwardTarget(head: RequestHead, edits: RequestEdits): string {
  if (edits.target !== '') return edits.target
  return head.requestTarget.form === TARGET_ABSOLUTE ? head.path : head.target
}

/** What we tell the server of our connection. RFC 9110 sections 7.6.1, 7.8 and 10.1.4. */
function connectionLines(head: RequestHead, upgrade: boolean, close: boolean): string {
  // An HTTP/1.0 client is sent no chunks, so that no trailer would reach it.
  const trailers = head.minorVersion === 1 && (head.headers.facts & FACT_TE_TRAILERS) !== 0
  let options = ''
  if (upgrade) options = 'upgrade'
  else if (close) options = 'close'
  if (trailers) return `TE: trailers\r\nConnection: ${options === '' ? 'TE' : `TE, ${options}`}\r\n`
  return options === '' ? '' : `Connection: ${options}\r\n`
}

/**
 * The head to send to a client: as {@link forwardRequestText} does it, and without the framing
 * headers where none may be. The version is our own (RFC 9110 section 2.5).
 */
export function forwardResponseText(head: ResponseHead, edits: ResponseEdits): string {
  const { headers, status } = head
  const { text, facts } = headers
  let added = edits.added
  if (edits.connection !== '') added += CONNECTION_LINES[edits.connection]
  if ((facts & FACT_EDITED) === 0 && head.minorVersion === 1 && !edits.dechunked) {
    return added === '' ? text : `${text.substring(0, text.length - 2) + added}\r\n`
  }
  let dropped = HOP_BY_HOP
  // RFC 9110 section 15.5.22: 426 names the protocols that would do.
  if (status !== 101 && status !== 426) dropped |= UPGRADE
  else if ((facts & FACT_UPGRADE) !== 0) added += 'Connection: upgrade\r\n'
  if (status < 200 || status === 204 || head.tunnel) dropped |= FRAMING
  if (edits.dechunked) dropped |= 1 << HEADER_TRANSFER_ENCODING
  const asIs = head.minorVersion === 1 && text.charCodeAt(REASON_SPACE) === SP
  const line = asIs ? '' : `HTTP/1.1 ${status} ${head.reason}\r\n`
  return `${line + keptLines(headers, asIs ? 0 : head.headersStart, dropped) + added}\r\n`
}

/** The text from `from` to its last header line without the headers in `dropped`. */
function keptLines(headers: HeaderTable, from: number, dropped: number): string {
  const { text, ids, count } = headers
  if ((headers.facts & FACT_UNUSUAL) !== 0) return usualLines(headers, from, dropped)
  let kept = ''
  let start = from
  for (let index = 0; index < count; index++) {
    if (((dropped >>> (ids[index] as number)) & 1) === 0) continue
    kept += text.substring(start, headers.nameStart(index))
    start = headers.lineEnd(index)
  }
  return kept + text.substring(start, text.length - 2)
}

/** As {@link keptLines}, with the headers that frame and route written as everybody writes them. */
function usualLines(headers: HeaderTable, from: number, dropped: number): string {
  let kept = headers.text.substring(from, headers.count > 0 ? headers.nameStart(0) : from)
  for (let index = 0; index < headers.count; index++) {
    const id = headers.ids[index] as number
    if (((dropped >>> id) & 1) !== 0) continue
    const start = headers.nameStart(index)
    if (id === HEADER_HOST || id === HEADER_CONTENT_LENGTH || id === HEADER_TRANSFER_ENCODING) {
      kept += `${headers.name(index)}: ${headers.usualValue(index)}\r\n`
    } else {
      kept += headers.text.substring(start, headers.lineEnd(index))
    }
  }
  return kept
}
