import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../../src/http/body.ts'
import { forEachField } from '../../../src/http/fields.ts'
import { requestHeadText } from '../../../src/http/h1/head-text.ts'
import { parseRequestHead } from '../../../src/http/h1/request-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../src/http/limits.ts'
import { OutgoingRequest, type RequestEdits } from '../../../src/http/outgoing-request.ts'
import { RequestHead } from '../../../src/http/request-head.ts'

const AS_IT_CAME: RequestEdits = { added: '', target: '', hostless: false }

/** What becomes of a request of these lines; the table that it was read into has gone on since. */
function outgoing(lines: readonly string[], edits: Partial<RequestEdits> = {}): OutgoingRequest {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  read(head, lines)
  const request = new OutgoingRequest()
  request.begin(head, { ...AS_IT_CAME, ...edits })
  read(head, ['BREW /another HTTP/1.1', 'Host: another', 'Connection: X', 'X: another'])
  return request
}

function read(head: RequestHead, lines: readonly string[]): void {
  const view = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  expect(parseRequestHead(view, 0, view.length, head)).toBe(view.length)
}

function fieldsOf(request: OutgoingRequest): string[] {
  const fields: string[] = []
  forEachField(request.fields, (name, value) => fields.push(`${name}=${value}`))
  return fields
}

const GET = 'GET /a?b HTTP/1.1'
const HOST = 'Host: a:80'

describe('a request on its way', () => {
  it('tells what is asked for whatever carries it', () => {
    const request = outgoing([GET, HOST, 'X:y', 'x:  z  ', 'Empty:'])
    expect(request).toMatchObject({ method: 'GET', target: '/a?b', authority: 'a:80' })
    expect(fieldsOf(request)).toEqual(['Host=a:80', 'X=y', 'x=z', 'Empty='])
  })

  it.each([
    ['GET http://b:81/x?y HTTP/1.1', 'Host: b:81', '/x?y'],
    ['OPTIONS http://b HTTP/1.1', 'Host: b', '*'],
    ['OPTIONS * HTTP/1.1', HOST, '*'],
    ['CONNECT b:443 HTTP/1.1', 'Host: b:443', 'b:443'],
    ['GET /old HTTP/1.0', HOST, '/old'],
  ])('has the target of %s', (line, host, target) => {
    expect(outgoing([line, host]).target).toBe(target)
    expect(outgoing([line, 'Connection: x', host]).target).toBe(target)
    expect(fieldsOf(outgoing([line, host, 'Connection: close']))).toEqual([host.replace(': ', '=')])
  })

  it('has the target and the fields that rules give it', () => {
    const edits = { target: '/new', added: 'X: 1\r\nY: 2\r\n' }
    for (const lines of [[HOST], [HOST, 'Connection: close'], ['Keep-Alive: 1', HOST]]) {
      const request = outgoing([GET, ...lines], edits)
      expect([request.target, ...fieldsOf(request)]).toEqual(['/new', 'Host=a:80', 'X=1', 'Y=2'])
    }
  })

  it('tells beside its fields what those of its connection have said', () => {
    const lines = ['Connection: TE, Upgrade, X', 'TE: trailers', 'Upgrade: websocket', 'X: 1']
    const request = outgoing([GET, ...lines, HOST])
    expect(request).toMatchObject({ upgrade: 'websocket', takesTrailers: true })
    expect(fieldsOf(request)).toEqual(['Host=a:80'])
    const plain = outgoing([GET, HOST])
    expect(plain).toMatchObject({ upgrade: '', takesTrailers: false })
  })

  it.each([
    [[], BODY_NONE],
    [['Content-Length: 0'], BODY_NONE],
    [['Content-Length: 5'], BODY_LENGTH],
    [['Transfer-Encoding: chunked'], BODY_CHUNKED],
  ])('says how its body is framed: %j', (framing, body) => {
    expect(outgoing([GET, HOST, ...framing])).toMatchObject({ body, isUnframed: false })
  })

  it('is a request of HTTP/1.0 without a host', () => {
    const request = outgoing(['GET / HTTP/1.0', 'X: y'], { hostless: true })
    expect(request).toMatchObject({ authority: '', hostless: true })
  })

  it('lets go of its strings', () => {
    const request = outgoing([GET, HOST, 'Upgrade: a', 'Connection: upgrade'], {
      added: 'X: 1\r\n',
    })
    request.clear()
    expect([request.text, request.added, request.upgrade]).toEqual(['', '', ''])
  })

  it('is the same message as its text in HTTP/1.1, which has so many bytes', () => {
    const line = fc.constantFrom(
      ...['X: 1', 'x:  2 ', 'Connection: close', 'Connection: y', 'Y: 3', 'Keep-Alive: 5'],
      ...['TE: trailers', 'Content-Length: 007', 'Expect: 100-continue', 'Cookie: a=b'],
    )
    const first = fc.constantFrom(GET, 'POST http://a:80/p HTTP/1.1', 'PUT /old HTTP/1.0')
    const edits = fc.record({
      added: fc.constantFrom('', 'X-A: 1\r\n', 'X-A: 1\r\nX-B: 2\r\n'),
      target: fc.constantFrom('', '/edited'),
    })
    const requests = fc.tuple(first, fc.array(line, { maxLength: 6 }), edits, fc.nat({ max: 6 }))
    fc.assert(
      fc.property(requests, ([line, fields, edit, at]) => {
        const lines = [...fields.slice(0, at), HOST, ...fields.slice(at)]
        fc.pre(lines.filter((field) => field.startsWith('Content-Length')).length < 2)
        const request = outgoing([line, ...lines], edit)
        const text = requestHeadText(request)
        const [start, ...rest] = text.slice(0, -4).split('\r\n')
        expect(start).toBe(`${request.method} ${request.target} HTTP/1.1`)
        const ofConnection = rest.filter((field) => /^(TE|Connection):/.test(field))
        const others = rest.filter((field) => !ofConnection.includes(field))
        expect(`${others.join('\r\n')}\r\n`).toBe(request.fields)
        const saidBytes = ofConnection.reduce((sum, field) => sum + field.length + 2, 0)
        expect(request.bytes).toBe(text.length - saidBytes)
      }),
    )
  })
})
