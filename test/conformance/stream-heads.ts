import { parseRequestHead } from '../../src/http/h1/request-parser.ts'
import { parseResponseHead } from '../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../src/http/limits.ts'
import { OutgoingRequest } from '../../src/http/outgoing-request.ts'
import { RequestHead } from '../../src/http/request-head.ts'
import { ResponseHead } from '../../src/http/response-head.ts'

/** The head of a response to GET with a body of so many bytes, as a server's stream tells it. */
export function responseHead(status: number, bodyBytes: number): ResponseHead {
  const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const length = status < 200 ? '' : `Content-Length: ${bodyBytes}\r\n`
  const view = Buffer.from(`HTTP/1.1 ${status} Fine\r\n${length}\r\n`)
  if (parseResponseHead(view, 0, view.length, 'GET', head) <= 0) throw new Error('not a head')
  return head
}

/** The head of a request as an exchange sends it on that has received these fields. */
export function outgoingRequest(
  method: string,
  target: string,
  fields: readonly (readonly [name: string, value: string])[],
): OutgoingRequest {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const view = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`)
  if (parseRequestHead(view, 0, view.length, head) <= 0) throw new Error('not a head')
  const outgoing = new OutgoingRequest()
  outgoing.begin(head, { added: '', target: '', hostless: false })
  return outgoing
}
