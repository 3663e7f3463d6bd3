/** Why a message is refused. */
export interface Reject {
  /** Stable name for logs, counters and tests. */
  readonly name: string
  /**
   * What a client that sent such a request is answered. The connection is closed after it, since
   * where the next message begins is not known. A response that is refused is always answered with
   * {@link RESPONSE_REJECT_STATUS}.
   */
  readonly status: 400 | 414 | 431 | 501 | 505
  /** What is wrong, for the log. */
  readonly message: string
}

/** What a client is answered whose server sent a refused response. RFC 9110 section 15.6.3. */
export const RESPONSE_REJECT_STATUS = 502

const rejects: Reject[] = []

function reject(name: string, status: Reject['status'], message: string): number {
  rejects.push({ name, status, message })
  return -rejects.length
}

/**
 * Every reject, in the order of its code: code -1 first. Codes hold for one build; what outlives a
 * process is the name.
 */
export const REJECTS: readonly Reject[] = rejects

/** The reject that a negative result of a parser stands for. */
export function rejectOf(code: number): Reject {
  return rejects[-code - 1] as Reject
}

/** The codes that the parsers return, by what is wrong. All are negative. */
export const REJECT = {
  emptyLines: reject('empty-lines', 400, 'too many empty lines before the request'),
  requestLine: reject('request-line', 400, 'the request line is not `method target HTTP/1.x`'),
  methodTooLong: reject('method-too-long', 501, 'the method fills the longest request line'),
  lineTooLong: reject('request-line-too-long', 414, 'the request line is too long'),
  target: reject('target', 400, 'the request target has a byte that none may have'),
  targetForm: reject('target-form', 400, 'the request target has no form that its method allows'),
  version: reject('version', 505, 'the version is neither HTTP/1.0 nor HTTP/1.1'),
  statusLine: reject('status-line', 400, 'the status line is not `HTTP/1.x status reason`'),
  headTooLarge: reject('head-too-large', 431, 'the message head is too large'),
  tooManyHeaders: reject('too-many-headers', 431, 'the message has too many headers'),
  bareCr: reject('bare-cr', 400, 'a CR without LF'),
  bareLf: reject('bare-lf', 400, 'an LF without CR'),
  obsFold: reject('obs-fold', 400, 'a header is continued on the next line'),
  nameEmpty: reject('name-empty', 400, 'a header has no name'),
  nameSpace: reject('name-space', 400, 'white space between a header name and its colon'),
  name: reject('name', 400, 'a header name has a byte that is no token character'),
  value: reject('value', 400, 'a header value has a control character'),
  hostMissing: reject('host-missing', 400, 'an HTTP/1.1 request without Host'),
  hostRepeated: reject('host-repeated', 400, 'more than one Host'),
  host: reject('host', 400, 'the host is not `name[:port]`'),
  hostMismatch: reject('host-mismatch', 400, 'the request target names another host than Host'),
  length: reject('content-length', 400, 'Content-Length is not a number below 2^53'),
  lengthRepeated: reject('content-length-repeated', 400, 'more than one Content-Length'),
  coding: reject('transfer-encoding', 400, 'Transfer-Encoding is malformed or repeated'),
  codingUnknown: reject('transfer-coding-unknown', 501, 'a transfer coding other than chunked'),
  codingVersion: reject('transfer-encoding-1.0', 400, 'Transfer-Encoding in an HTTP/1.0 message'),
  framingTab: reject('framing-tab', 400, 'a tab after a header that frames or routes'),
  framing: reject('framing-conflict', 400, 'both Transfer-Encoding and Content-Length'),
  connectBody: reject('connect-body', 400, 'a CONNECT request with a body'),
  connection: reject('connection', 400, 'Connection is not a short list of tokens'),
  upgradeMissing: reject('upgrade-missing', 400, 'status 101 does not name the protocol'),
  chunkSize: reject('chunk-size', 400, 'a chunk size is not hexadecimal or not below 2^53'),
  chunkExtension: reject('chunk-extension', 400, 'a chunk extension is malformed'),
  chunkExtensionTooLong: reject('chunk-extension-too-long', 400, 'too many chunk extensions'),
  chunkEnd: reject('chunk-end', 400, 'chunk data does not end where its size says'),
  trailersTooLarge: reject('trailers-too-large', 431, 'the trailers are too large'),
  trailerForbidden: reject('trailer-forbidden', 400, 'a trailer that frames or routes'),
  nameUpperCase: reject('name-upper-case', 400, 'a field name in HTTP/2 with capital letters'),
  valueBlanks: reject('value-blanks', 400, 'a field value in HTTP/2 with blanks around it'),
  pseudoField: reject(
    'pseudo-field',
    400,
    'pseudo-header fields of HTTP/2 that are not as they must be',
  ),
  connectionField: reject('connection-field', 400, 'a field in HTTP/2 that is about a connection'),
  scheme: reject('scheme', 400, 'the scheme is neither http nor https'),
  protocolUnknown: reject('protocol-unknown', 501, 'CONNECT for a protocol other than websocket'),
  switching: reject('switching-in-h2', 400, 'status 101 in HTTP/2'),
  streamEnd: reject('stream-end', 400, 'a stream of HTTP/2 that ends, or goes on, where it cannot'),
  contentLength: reject('content-length-mismatch', 400, 'Content-Length is not what has come'),
} as const
