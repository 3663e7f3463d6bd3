import type { ConnectionOption } from '../head-edits.ts'

/**
 * Reason phrases of RFC 9110 section 15, RFC 6585, RFC 7725 and RFC 8470, for answers that rules
 * give; 418 is a joke that is answered.
 */
const REASONS: ReadonlyMap<number, string> = new Map([
  [200, 'OK'],
  [201, 'Created'],
  [202, 'Accepted'],
  [204, 'No Content'],
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [304, 'Not Modified'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [402, 'Payment Required'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [406, 'Not Acceptable'],
  [407, 'Proxy Authentication Required'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [410, 'Gone'],
  [411, 'Length Required'],
  [412, 'Precondition Failed'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [415, 'Unsupported Media Type'],
  [416, 'Range Not Satisfiable'],
  [417, 'Expectation Failed'],
  [418, "I'm a teapot"],
  [421, 'Misdirected Request'],
  [422, 'Unprocessable Content'],
  [425, 'Too Early'],
  [426, 'Upgrade Required'],
  [428, 'Precondition Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [451, 'Unavailable For Legal Reasons'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
  [511, 'Network Authentication Required'],
])

/** A response that is given here, in the place of a server's. */
export interface OwnAnswer {
  readonly status: number
  /** The client's connection closes with it, whatever the client wants. */
  readonly closes: boolean
  /**
   * The whole response as it is written in HTTP/1.1, latin1.
   *
   * @param connection what the client is told of its connection
   * @param headOnly the request was HEAD: no body follows (RFC 9110 section 9.3.2)
   * @returns '' where the client is to be told nothing, its connection closed and no more
   */
  text(connection: ConnectionOption, headOnly: boolean): string
}

/** An answer that a rule gives in the place of a server. */
export interface LocalAnswer {
  readonly status: number
  /** Header lines, each ended by CRLF, without framing and Connection. */
  readonly lines: string
  /** One character a byte. */
  readonly body: string
}

/**
 * The whole response in latin1.
 *
 * @param connection what the client is told of its connection, '' for nothing
 * @param headOnly the request was HEAD: the head is that of the answer to GET, no body follows (RFC
 *   9110 section 9.3.2)
 */
export function localAnswerText(
  { status, lines, body }: LocalAnswer,
  connection: ConnectionOption,
  headOnly: boolean,
): string {
  // RFC 9110 section 8.6: no Content-Length with 204; with 304 it would be that of a 200.
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${body.length}\r\n`
  const option = connection === '' ? '' : `Connection: ${connection}\r\n`
  const head = `HTTP/1.1 ${status} ${REASONS.get(status) ?? 'Other'}\r\n${length}${lines}${option}\r\n`
  return headOnly || length === '' ? head : head + body
}
