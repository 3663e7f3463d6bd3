import { parseResponseHead } from '../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../src/http/limits.ts'
import { ResponseHead } from '../../src/http/response-head.ts'

/** The head of a response to GET with a body of so many bytes, as a server's stream tells it. */
export function responseHead(status: number, bodyBytes: number): ResponseHead {
  const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const length = status < 200 ? '' : `Content-Length: ${bodyBytes}\r\n`
  const view = Buffer.from(`HTTP/1.1 ${status} Fine\r\n${length}\r\n`)
  if (parseResponseHead(view, 0, view.length, 'GET', head) <= 0) throw new Error('not a head')
  return head
}
