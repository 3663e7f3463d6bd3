import { forwardResponseText } from '../h1/forward.ts'
import { parseResponseHead } from '../h1/response-parser.ts'
import { FACT_CHUNKED, FACT_EDITED, HEADER_REMOVED } from '../header-table.ts'
import type { HeadLimits } from '../limits.ts'
import { REJECT, rejectOf } from '../rejects.ts'
import { ResponseHead } from '../response-head.ts'

/** What an `errorfile` holds: a response that is ready to send, or why it holds none. */
export type ErrorFile =
  | {
      /** In latin1; '' for an empty file: the connection is closed without an answer. */
      readonly response: string
    }
  | {
      /** What is wrong, to follow `errorfile PATH: `. */
      readonly problem: string
    }

/** The first empty line, with the end of the line before it. Files are written with LF, too. */
const HEAD_END = /\r?\n\r?\n/
/** Where the version's last digit stands in a status line. */
const MINOR_VERSION_AT = 'HTTP/1.'.length

/**
 * Reads a whole HTTP response and makes it one that can be sent before a connection is closed:
 * every line ends with CRLF, Content-Length is the body's, Connection is `close` and other headers
 * of a connection are gone (RFC 9110 section 7.6.1), so that a client knows where the answer ends
 * whatever the file says of it. Status line, all other headers and body stay as they are.
 *
 * HAProxy configuration manual, errorfile.
 *
 * @param bytes the file; an empty one, such as /dev/null, stands for no answer at all
 */
export function readErrorFile(bytes: Buffer, limits: HeadLimits): ErrorFile {
  if (bytes.length === 0) return { response: '' }
  const text = bytes.toString('latin1')
  const end = HEAD_END.exec(text)
  if (end === null) return { problem: 'no empty line ends its headers' }
  const lines = text.slice(0, end.index).split(/\r?\n/)
  const body = text.slice(end.index + end[0].length)
  const head = new ResponseHead(limits)
  const view = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  const used = parseResponseHead(view, 0, view.length, 'GET', head)
  if (used <= 0) return { problem: rejectOf(used === 0 ? REJECT.statusLine : used).message }
  const problem = problemOf(head, body)
  return problem === null ? { response: closingResponse(head, body) } : { problem }
}

function problemOf({ status, headers }: ResponseHead, body: string): string | null {
  if (status < 200) return `status ${status} announces a response and is none`
  if ((headers.facts & FACT_CHUNKED) !== 0) return 'a body in chunks cannot be sent from a file'
  if (!hasContent(status) && body !== '') return `a response with status ${status} has no body`
  return null
}

/** RFC 9110 sections 15.3.5 and 15.4.5. */
function hasContent(status: number): boolean {
  return status !== 204 && status !== 304
}

function closingResponse(head: ResponseHead, body: string): string {
  const { headers, status, minorVersion } = head
  const announced = headers.find('content-length')
  if (announced >= 0) headers.mark(announced, HEADER_REMOVED)
  headers.facts |= FACT_EDITED
  const added = hasContent(status) ? `Content-Length: ${body.length}\r\n` : ''
  const text = forwardResponseText(head, { added, connection: 'close', dechunked: false })
  // The status line is the file's, its version too.
  return text.slice(0, MINOR_VERSION_AT) + minorVersion + text.slice(MINOR_VERSION_AT + 1) + body
}
