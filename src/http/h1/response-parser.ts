import { latin1 } from '../../base/latin1.ts'
import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE } from '../body.ts'
import { bytesStartWith, DIGIT_ZERO, SP, skipValue } from '../characters.ts'
import {
  FACT_CHUNKED,
  FACT_CLOSE,
  FACT_EDITED,
  FACT_KEEP_ALIVE,
  FACT_LENGTH,
  FACT_NAMES,
  FACT_UPGRADE,
  FACT_UPGRADE_OPTION,
} from '../header-table.ts'
import { REJECT } from '../rejects.ts'
import type { ResponseHead } from '../response-head.ts'
import { markNamedHeaders } from './header-facts.ts'
import { parseHeaderLines } from './header-lines.ts'
import { passLineEnd } from './line-end.ts'

const VERSION = 'HTTP/1.'
/** Length of `HTTP/1.1 200`, after which a reason may follow. */
const STATUS_END = 12
const STATUS_MIN = 100

/**
 * Reads the head of a response from `view[start, end)`, as {@link parseRequestHead} does that of a
 * request. A reject is answered to the client with 502.
 *
 * @param requestMethod the method of the request that this answers, which decides on the body
 * @returns how many bytes the head takes; 0 while it is incomplete; or a reject code
 */
export function parseResponseHead(
  view: Buffer,
  start: number,
  end: number,
  requestMethod: string,
  into: ResponseHead,
): number {
  const { headBytesMax } = into.limits
  const limit = Math.min(end, start + headBytesMax)
  const result = readHead(view, start, limit, requestMethod, into)
  if (result > 0) return result - start
  return result === 0 && limit - start === headBytesMax ? REJECT.headTooLarge : result
}

function readHead(
  view: Buffer,
  start: number,
  limit: number,
  requestMethod: string,
  head: ResponseHead,
): number {
  const { headers } = head
  headers.clear()
  const linesStart = readStatusLine(view, start, limit, head)
  if (linesStart <= 0) return linesStart
  head.headersStart = linesStart - start
  // RFC 9110 section 9.3.6: what comes after success is the tunnel's; a body is not to be looked for.
  if (isConnectSuccess(requestMethod, head.status)) headers.framingIgnored = true
  const headEnd = parseHeaderLines(view, linesStart, limit, start, headers)
  if (headEnd <= 0) return headEnd
  headers.text = latin1(view, start, headEnd)
  const code = settle(head, requestMethod)
  return code < 0 ? code : headEnd
}

/**
 * `HTTP/1.x SP status SP [reason] CRLF`. RFC 9112 section 4 wants the second space even where no
 * reason follows; servers that leave it out are read, as by HAProxy, and the line is set right when
 * it is forwarded.
 */
function readStatusLine(view: Buffer, start: number, limit: number, head: ResponseHead): number {
  const statusEnd = start + STATUS_END
  if (statusEnd >= limit) {
    const seen = VERSION.slice(0, limit - start)
    return bytesStartWith(view, start, seen) ? 0 : REJECT.statusLine
  }
  if (!bytesStartWith(view, start, VERSION)) return REJECT.statusLine
  const minor = (view[start + VERSION.length] as number) - DIGIT_ZERO
  if ((minor !== 0 && minor !== 1) || view[start + VERSION.length + 1] !== SP) {
    return REJECT.statusLine
  }
  let status = 0
  for (let at = statusEnd - 3; at < statusEnd; at++) {
    const digit = (view[at] as number) - DIGIT_ZERO
    if (digit < 0 || digit > 9) return REJECT.statusLine
    status = status * 10 + digit
  }
  if (status < STATUS_MIN) return REJECT.statusLine
  let lineEnd = statusEnd
  if (view[lineEnd] === SP) lineEnd = skipValue(view, lineEnd + 1, limit)
  else head.headers.facts |= FACT_EDITED
  head.status = status
  head.minorVersion = minor
  head.isH2 = false
  return passLineEnd(view, lineEnd, limit, REJECT.statusLine)
}

/**
 * Finds how the body ends, in the order of RFC 9112 section 6.3, and whether the connection lives
 * on (section 9.3). Returns 0 or a reject code.
 */
function settle(head: ResponseHead, requestMethod: string): number {
  const { headers, status, minorVersion } = head
  const { facts } = headers
  // RFC 9112 section 6.1: the framing is to be treated as faulty.
  if ((facts & FACT_CHUNKED) !== 0 && minorVersion === 0) return REJECT.codingVersion
  if ((facts & FACT_NAMES) !== 0) markNamedHeaders(headers)
  head.persistent = minorVersion === 1 || (facts & FACT_KEEP_ALIVE) !== 0
  if ((facts & FACT_CLOSE) !== 0) head.persistent = false
  head.tunnel = status === 101 || isConnectSuccess(requestMethod, status)
  if (head.tunnel) return settleTunnel(head)
  if (status < 200 || status === 204) return settleBodiless(head)
  if (requestMethod === 'HEAD' || status === 304) head.body = BODY_NONE
  else if ((facts & FACT_CHUNKED) !== 0) head.body = BODY_CHUNKED
  else if ((facts & FACT_LENGTH) !== 0) {
    head.body = headers.contentLength > 0 ? BODY_LENGTH : BODY_NONE
  } else {
    head.body = BODY_CLOSE
    head.persistent = false
  }
  return 0
}

function isConnectSuccess(requestMethod: string, status: number): boolean {
  return requestMethod === 'CONNECT' && status >= 200 && status < 300
}

/** What follows is the tunnel's, whatever the framing headers say (RFC 9112 section 6.3 rule 2). */
function settleTunnel(head: ResponseHead): number {
  const { headers } = head
  head.body = BODY_NONE
  head.persistent = false
  headers.facts |= FACT_EDITED
  const named = FACT_UPGRADE | FACT_UPGRADE_OPTION
  // RFC 9110 section 7.8: 101 must say which protocol comes now.
  if (head.status === 101 && (headers.facts & named) !== named) return REJECT.upgradeMissing
  return 0
}

/**
 * 1xx and 204 have no body and may not announce one (RFC 9110 section 8.6, RFC 9112 section 6.1).
 * Servers do send `Content-Length: 0` there: such lines are not forwarded. After a line that
 * announces bytes the server may send them, so that its connection is not used again.
 */
function settleBodiless(head: ResponseHead): number {
  const { headers } = head
  const { facts } = headers
  head.body = BODY_NONE
  if ((facts & (FACT_LENGTH | FACT_CHUNKED)) !== 0) headers.facts |= FACT_EDITED
  if ((facts & FACT_CHUNKED) !== 0 || headers.contentLength > 0) head.persistent = false
  return 0
}
