import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRequestHead } from '../../../../../src/http/h1/request-parser.ts'
import { HeaderField } from '../../../../../src/http/h2/hpack/header-field.ts'
import type { Indexing } from '../../../../../src/http/h2/hpack/hpack-encoder.ts'
import { kindOf } from '../../../../../src/http/h2/messages/field-kind.ts'
import { writeRequest, writeTrailers } from '../../../../../src/http/h2/messages/request-writer.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../../src/http/limits.ts'
import { OutgoingRequest, type RequestEdits } from '../../../../../src/http/outgoing-request.ts'
import { RequestHead } from '../../../../../src/http/request-head.ts'

/** Takes fields down as `name: value`, secrets marked. */
class Fields {
  readonly lines: string[] = []
  readonly indexed: string[] = []

  field(name: string, value: string, indexing: Indexing): void {
    this.lines.push(`${name}: ${value}${indexing === 'never' ? ' (secret)' : ''}`)
    if (indexing === 'indexed') this.indexed.push(name)
  }
}

interface Sent {
  readonly edits?: Partial<RequestEdits>
  readonly scheme?: 'http' | 'https'
  readonly takesProtocol?: boolean
}

function write(lines: readonly string[], sent: Sent = {}): Fields & { isTunnel: boolean } {
  const { edits = {}, scheme = 'http', takesProtocol = false } = sent
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  expect(parseRequestHead(view, 0, view.length, head)).toBe(view.length)
  const request = new OutgoingRequest()
  request.begin(head, { added: '', target: '', hostless: false, ...edits })
  const fields = new Fields()
  const isTunnel = writeRequest(request, { scheme, takesProtocol }, fields)
  return Object.assign(fields, { isTunnel })
}

const GET = 'GET /a?b HTTP/1.1'
const HOST = 'Host: a:80'
const PSEUDO = [':method: GET', ':scheme: http', ':authority: a:80', ':path: /a?b']

describe('a request in HTTP/2', () => {
  it('has its pseudo-header fields first, and names in lower case', () => {
    const { lines } = write([GET, 'User-Agent: X', HOST, 'X-A:  b c '], { scheme: 'https' })
    const [method, , ...rest] = PSEUDO
    expect(lines).toEqual([method, ':scheme: https', ...rest, 'user-agent: X', 'x-a: b c'])
  })

  it.each<[string, string[], string[], Sent?]>([
    [
      'names no host',
      ['GET / HTTP/1.0'],
      [':method: GET', ':scheme: http', ':path: /'],
      { edits: { hostless: true } },
    ],
    [
      'asks for a whole server',
      ['OPTIONS * HTTP/1.1', HOST],
      [':method: OPTIONS', ':scheme: http', ':authority: a:80', ':path: *'],
    ],
    [
      'has an absolute target',
      ['GET http://a:80 HTTP/1.1', HOST],
      [':method: GET', ':scheme: http', ':authority: a:80', ':path: /'],
    ],
    [
      'is a CONNECT',
      ['CONNECT b:443 HTTP/1.1', 'Host: b:443'],
      [':method: CONNECT', ':authority: b:443'],
    ],
    [
      'was rewritten',
      [GET, HOST],
      [':method: GET', ':scheme: http', ':authority: a:80', ':path: /new', 'x-b: 1'],
      { edits: { target: '/new', added: 'X-B: 1\r\n' } },
    ],
    [
      'got another host',
      [GET, HOST, 'Connection: close'],
      [...PSEUDO.slice(0, 2), ':authority: b', ':path: /a?b'],
      { edits: { added: 'Host: b\r\n' } },
    ],
  ])('%s', (_, lines, fields, sent) => {
    expect(write(lines, sent).lines).toEqual(fields)
  })

  it('says nothing of the connection that it came on', () => {
    const connection = [
      'Connection: keep-alive, TE, X-Gone, Upgrade',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: gzip',
      'Upgrade: echo',
      'X-Gone: 1',
      'Transfer-Encoding: chunked',
    ]
    expect(write([GET, HOST, ...connection, 'X: 1']).lines).toEqual([...PSEUDO, 'x: 1'])
  })

  it('says that trailers are taken, and how long the body is', () => {
    const { lines } = write([GET, HOST, 'TE: trailers', 'Connection: TE', 'Content-Length: 5'])
    expect(lines).toEqual([...PSEUDO, 'content-length: 5', 'te: trailers'])
    expect(write([GET, HOST, 'Expect: 100-continue']).lines).toContain('expect: 100-continue')
  })

  it('puts no secret into a table, and nothing that only one client sends', () => {
    const secrets = ['Authorization: Basic x', 'Cookie: a=b; c=d', 'Proxy-Authorization: y']
    const { lines, indexed } = write([GET, HOST, ...secrets, 'X-Token: z', 'User-Agent: u'])
    expect(lines.slice(4, 7)).toEqual([
      'authorization: Basic x (secret)',
      'cookie: a=b; c=d (secret)',
      'proxy-authorization: y (secret)',
    ])
    expect(indexed).toEqual([':authority', 'user-agent'])
  })

  it('asks for another protocol as RFC 8441 has it, where its server takes that', () => {
    const lines = [GET, HOST, 'Connection: Upgrade', 'Upgrade: websocket']
    const key = ['Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13']
    const asked = write([...lines, ...key], { takesProtocol: true })
    expect(asked.isTunnel).toBe(true)
    expect(asked.lines).toEqual([
      ':method: CONNECT',
      ':protocol: websocket',
      ...PSEUDO.slice(1),
      'sec-websocket-version: 13',
    ])
    const plain = write([...lines, ...key])
    expect(plain.isTunnel).toBe(false)
    expect(plain.lines.slice(0, 4)).toEqual(PSEUDO)
    expect(write([GET, HOST], { takesProtocol: true }).isTunnel).toBe(false)
  })

  it('has trailers behind its body', () => {
    const fields = new Fields()
    writeTrailers('X-Sum: 1\r\nY:2\r\n\r\n', fields)
    expect(fields.lines).toEqual(['x-sum: 1', 'y: 2'])
  })

  it('is well-formed, whatever HTTP/1 has let in', () => {
    const name = fc.constantFrom('X-A', 'Cookie', 'TE', 'Expect', 'Upgrade', 'Keep-Alive', 'x!#$%')
    const value = fc.string({ unit: fc.constantFrom(...'aZ ,;="\t\x80\xff') })
    const connection = fc.constantFrom('Connection: X-A, Cookie', 'Connection: TE', 'X: y')
    const field = fc.tuple(name, value).map(([n, v]) => `${n}: ${v}`)
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), connection, (fields, last) => {
        const { lines } = write([GET, HOST, ...fields, last])
        expect(lines.slice(0, 4)).toEqual(PSEUDO)
        for (const line of lines.slice(4)) {
          const [, field = '', text = ''] = /^([^:]+): (.*?)(?: \(secret\))?$/s.exec(line) ?? []
          expect(kindOf(new HeaderField(field, text))).toBeGreaterThanOrEqual(0)
          expect(['host', 'connection', 'keep-alive', 'upgrade']).not.toContain(field)
          if (field === 'te') expect(text).toBe('trailers')
        }
      }),
      { numRuns: 1000 },
    )
  })
})
