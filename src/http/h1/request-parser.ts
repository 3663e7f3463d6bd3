import { latin1 } from '../../base/latin1.ts'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../body.ts'
import { bytesStartWith, CR, DIGIT_ZERO, LF, SP, skipTarget, skipToken } from '../characters.ts'
import { FACT_CHUNKED, FACT_HOST, FACT_NAMES } from '../header-table.ts'
import { METHODS } from '../methods.ts'
import { REJECT } from '../rejects.ts'
import type { RequestHead } from '../request-head.ts'
import { parseTarget, TARGET_AUTHORITY, TARGET_ORIGIN } from '../request-target.ts'
import { markNamedHeaders } from './header-facts.ts'
import { parseHeaderLines } from './header-lines.ts'
import { passLineEnd } from './line-end.ts'

/**
 * Empty lines before a request that are passed over. RFC 9112 section 2.2 asks for at least one:
 * old user agents sent one after the body of a POST.
 */
const EMPTY_LINES_MAX = 2
const SLASH = 0x2f
const DOT = 0x2e
const HTTP_NAME = 'HTTP/'
/** Length of `HTTP/1.1`. */
const VERSION_BYTES = 8

/**
 * Reads the head of a request from `view[start, end)`. While it is incomplete, call again with the
 * bytes from `start` on and those that came: nothing is kept between calls. Bytes at `end` and
 * after it are never read. Never throws.
 *
 * @returns how many bytes the head takes, empty lines before it included; 0 while it is
 *   incomplete; or a reject code as soon as what is there cannot become a head
 */
export function parseRequestHead(
  view: Buffer,
  start: number,
  end: number,
  into: RequestHead,
): number {
  const { headBytesMax } = into.limits
  const limit = Math.min(end, start + headBytesMax)
  const result = readHead(view, start, limit, into)
  if (result > 0) return result - start
  return result === 0 && limit - start === headBytesMax ? REJECT.headTooLarge : result
}

function readHead(view: Buffer, start: number, limit: number, head: RequestHead): number {
  if (start >= limit) return 0
  const { headers } = head
  headers.clear()
  let lineStart = start
  if (view[start] === CR || view[start] === LF) {
    lineStart = skipEmptyLines(view, start, limit)
    if (lineStart <= 0) return lineStart
  }
  const linesStart = readRequestLine(view, lineStart, limit, head)
  if (linesStart <= 0) return linesStart
  head.headersStart = linesStart - lineStart
  const headEnd = parseHeaderLines(view, linesStart, limit, lineStart, headers)
  if (headEnd <= 0) return headEnd
  headers.text = latin1(view, lineStart, headEnd)
  const code = settle(head)
  return code < 0 ? code : headEnd
}

/** The first place after empty lines, 0 where that is not yet to be known, or a reject code. */
function skipEmptyLines(view: Buffer, start: number, limit: number): number {
  let at = start
  for (let lines = 0; at < limit; lines++) {
    if (view[at] !== CR && view[at] !== LF) return at
    if (lines === EMPTY_LINES_MAX) return REJECT.emptyLines
    at = passLineEnd(view, at, limit, REJECT.requestLine)
    if (at <= 0) return at
  }
  return 0
}

/**
 * `method SP request-target SP HTTP-version CRLF`, each space exactly one. RFC 9112 section 3 lets
 * a reader split at any white space; who does reads other requests than who does not.
 *
 * @returns where the headers begin, 0 while the line is incomplete, or a reject code
 */
function readRequestLine(view: Buffer, start: number, limit: number, head: RequestHead): number {
  const lineBytesMax = head.limits.requestLineBytesMax + 2
  const end = Math.min(limit, start + lineBytesMax)
  // RFC 9112 section 3: a method longer than any that is known is 501, a target too long is 414.
  const methodEnd = skipToken(view, start, end)
  if (methodEnd === end) return end - start === lineBytesMax ? REJECT.methodTooLong : 0
  if (view[methodEnd] !== SP || methodEnd === start) return REJECT.requestLine
  const targetStart = methodEnd + 1
  const targetEnd = skipTarget(view, targetStart, end)
  if (targetEnd === end) return end - start === lineBytesMax ? REJECT.lineTooLong : 0
  if (view[targetEnd] !== SP) return targetReject(view[targetEnd] as number)
  if (targetEnd === targetStart) return REJECT.requestLine
  const nextLine = readVersion(view, targetEnd + 1, end, head)
  if (nextLine <= 0) {
    return nextLine === 0 && end - start === lineBytesMax ? REJECT.lineTooLong : nextLine
  }
  head.method = methodName(view, start, methodEnd)
  if (view[targetStart] === SLASH && head.method !== 'CONNECT') {
    head.requestTarget.setOrigin(targetStart - start, targetEnd - start)
    return nextLine
  }
  const code = parseTarget(view, start, targetStart, targetEnd, head.method, head.requestTarget)
  return code < 0 ? code : nextLine
}

function targetReject(byte: number): number {
  if (byte === LF) return REJECT.bareLf
  return byte === CR ? REJECT.requestLine : REJECT.target
}

/**
 * `HTTP/1.0` or `HTTP/1.1` and CRLF. RFC 9112 section 2.3 wants the name in upper case and single
 * digits. Any other version is 505: of major version 1 there is none, though RFC 9110 section 2.5
 * would have a higher minor one read as 1.1; llhttp refuses it too.
 */
function readVersion(view: Buffer, start: number, limit: number, head: RequestHead): number {
  const lineEnd = start + VERSION_BYTES
  if (lineEnd >= limit) {
    const seen = HTTP_NAME.slice(0, limit - start)
    return bytesStartWith(view, start, seen) ? 0 : REJECT.requestLine
  }
  if (!bytesStartWith(view, start, HTTP_NAME)) return REJECT.requestLine
  const major = (view[lineEnd - 3] as number) - DIGIT_ZERO
  const minor = (view[lineEnd - 1] as number) - DIGIT_ZERO
  if (major < 0 || major > 9 || minor < 0 || minor > 9 || view[lineEnd - 2] !== DOT) {
    return REJECT.requestLine
  }
  const nextLine = passLineEnd(view, lineEnd, limit, REJECT.requestLine)
  if (nextLine <= 0) return nextLine
  if (major !== 1 || minor > 1) return REJECT.version
  head.minorVersion = minor
  head.isH2 = false
  return nextLine
}

function methodName(view: Buffer, start: number, end: number): string {
  for (let n = 0; n < METHODS.length; n++) {
    const method = METHODS[n] as string
    if (end - start === method.length && bytesStartWith(view, start, method)) return method
  }
  return latin1(view, start, end)
}

function namesHost(head: RequestHead): boolean {
  return head.requestTarget.matchesHost(head.text, head.headers.get('host') ?? '')
}

/** What only the whole head can tell. Returns 0 or a reject code. */
function settle(head: RequestHead): number {
  const { headers } = head
  const { facts } = headers
  // RFC 9112 section 3.2: also where the target is absolute and Host would not be needed.
  if ((facts & FACT_HOST) === 0) {
    if (head.minorVersion === 1) return REJECT.hostMissing
  } else if (head.requestTarget.form !== TARGET_ORIGIN && !namesHost(head)) {
    return REJECT.hostMismatch
  }
  if ((facts & FACT_CHUNKED) !== 0) {
    // RFC 9112 section 6.1: who speaks 1.0 cannot mean it; an intermediary passed it on unread.
    if (head.minorVersion === 0) return REJECT.codingVersion
    head.body = BODY_CHUNKED
  } else {
    head.body = headers.contentLength > 0 ? BODY_LENGTH : BODY_NONE
  }
  // RFC 9110 section 9.3.6: what follows CONNECT is the tunnel's; some readers take it for a body.
  if (head.requestTarget.form === TARGET_AUTHORITY && head.body !== BODY_NONE)
    return REJECT.connectBody
  if ((facts & FACT_NAMES) !== 0) markNamedHeaders(headers)
  return 0
}
