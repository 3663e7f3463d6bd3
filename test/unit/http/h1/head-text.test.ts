import { describe, expect, it } from 'vitest'
import {
  type ResponseEdits,
  requestHeadText,
  responseHeadText,
} from '../../../../src/http/h1/head-text.ts'
import { parseRequestHead } from '../../../../src/http/h1/request-parser.ts'
import { parseResponseHead } from '../../../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../src/http/limits.ts'
import { OutgoingRequest, type RequestEdits } from '../../../../src/http/outgoing-request.ts'
import { RequestHead } from '../../../../src/http/request-head.ts'
import { ResponseHead } from '../../../../src/http/response-head.ts'

const PLAIN: RequestEdits = { added: '', target: '', hostless: false }

function requestHead(lines: readonly string[]): RequestHead {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  expect(parseRequestHead(view, 0, view.length, head)).toBe(view.length)
  return head
}

function forwarded(head: RequestHead, edits: Partial<RequestEdits> = {}): string {
  const outgoing = new OutgoingRequest()
  outgoing.begin(head, { ...PLAIN, ...edits })
  return requestHeadText(outgoing)
}

/** The lines that are sent for a request of these lines. */
function sent(lines: readonly string[], edits: Partial<RequestEdits> = {}): string[] {
  const text = forwarded(requestHead(lines), edits)
  expect(text.endsWith('\r\n\r\n')).toBe(true)
  return text.slice(0, -4).split('\r\n')
}

/** The lines that are sent for a response of these lines. */
function answered(
  lines: readonly string[],
  edits: Partial<ResponseEdits> = {},
  method = 'GET',
): string[] {
  const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  expect(parseResponseHead(view, 0, view.length, method, head)).toBe(view.length)
  const text = responseHeadText(head, { added: '', connection: '', dechunked: false, ...edits })
  expect(text.endsWith('\r\n\r\n')).toBe(true)
  return text.slice(0, -4).split('\r\n')
}

const GET = 'GET / HTTP/1.1'
const HOST = 'Host: a'
const OK = 'HTTP/1.1 200 OK'

describe('a forwarded request', () => {
  it('is the received one, byte for byte, where nothing has to change', () => {
    const lines = [
      GET,
      'hOsT: a',
      'X:   \t',
      'y:\xe9 z ',
      'Content-Length: 10',
      'y: 2',
      'Expect: 100-continue',
    ]
    expect(sent(lines)).toEqual(lines)
  })

  it.each([
    ['first', ['Connection: keep-alive', HOST, 'A: b']],
    ['in the middle', [HOST, 'Connection: keep-alive', 'A: b']],
    ['last', [HOST, 'A: b', 'Connection: keep-alive']],
    [
      'everywhere',
      ['Connection: x', HOST, 'Keep-Alive: 5', 'X: 1', 'A: b', 'Proxy-Connection: close', 'x: 2'],
    ],
    ['with the case of others', ['CONNECTION: KEEP-ALIVE, B', HOST, 'b: 1', 'A: b']],
    [
      'from several lines',
      ['Connection: b', HOST, 'B: 1', 'Connection: c , d', 'A: b', 'D:', 'C: 2'],
    ],
    [
      'with an Upgrade that Connection does not name',
      [HOST, 'Upgrade: websocket', 'Connection: keep-alive', 'A: b'],
    ],
    ['with codings that are not understood', [HOST, 'TE: gzip;q=1', 'Connection: TE', 'A: b']],
  ])('lacks what is meant for one connection: %s', (_where, lines) => {
    expect(sent([GET, ...lines])).toEqual([GET, HOST, 'A: b'])
  })

  it('keeps what frames and routes, whatever Connection names', () => {
    const framed = [HOST, 'Content-Length: 3']
    expect(sent([GET, 'Connection: x, Host, content-length', ...framed])).toEqual([GET, ...framed])
    const chunked = [HOST, 'Transfer-Encoding: chunked']
    expect(sent([GET, ...chunked, 'Connection: transfer-encoding'])).toEqual([GET, ...chunked])
  })

  it.each([
    ['Content-Length:5', 'Content-Length: 5'],
    ['Content-Length: 005', 'Content-Length: 5'],
    ['content-length:\t 5  ', 'content-length: 5'],
    ['Transfer-Encoding:\tchunked', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: CHUNKED ', 'Transfer-Encoding: chunked'],
  ])('writes %j as %j', (received, usual) => {
    expect(sent([GET, HOST, 'Y:  z ', received])).toEqual([GET, HOST, 'Y:  z ', usual])
    const lines = [GET, 'Connection: x', 'Host:\ta ', received, 'X: y']
    expect(sent(lines)).toEqual([GET, HOST, usual])
  })

  it('has the version and the target of our own', () => {
    expect(sent(['GET http://a/b?c HTTP/1.1', HOST])).toEqual(['GET /b?c HTTP/1.1', HOST])
    expect(sent(['OPTIONS http://a HTTP/1.1', HOST])).toEqual(['OPTIONS * HTTP/1.1', HOST])
    expect(sent(['GET / HTTP/1.0', HOST])).toEqual([GET, HOST])
    expect(sent([GET, HOST], { target: '/x?y' })).toEqual(['GET /x?y HTTP/1.1', HOST])
  })

  it('keeps the authority of CONNECT', () => {
    const line = 'CONNECT [::1]:443 HTTP/1.1'
    expect(sent([line, 'Host: [::1]'])).toEqual([line, 'Host: [::1]'])
    expect(sent(['CONNECT a:443 HTTP/1.0', HOST])).toEqual(['CONNECT a:443 HTTP/1.1', HOST])
    expect(
      sent([line, 'Host: [::1]:443', 'Proxy-Connection: keep-alive', 'A: b'], {
        added: 'C: d\r\n',
      }),
    ).toEqual([line, 'Host: [::1]:443', 'A: b', 'C: d'])
  })

  it('has a Host, or is of HTTP/1.0', () => {
    const added = 'Host: b:81\r\n'
    expect(sent(['GET http://b:81/ HTTP/1.0', 'A: b'], { added })).toEqual([
      GET,
      'A: b',
      'Host: b:81',
    ])
    const old = 'GET / HTTP/1.0'
    const close = 'Connection: close'
    expect(sent([old, 'A: b'], { hostless: true })).toEqual([old, 'A: b', close])
    expect(sent([old], { hostless: true, target: '/x' })).toEqual(['GET /x HTTP/1.0', close])
  })

  it('does not ask in the name of HTTP/1.0 for what that client cannot take', () => {
    const lines = [
      'Expect: 100-continue',
      'TE: trailers',
      'Connection: upgrade',
      'Upgrade: websocket',
    ]
    expect(sent(['PUT / HTTP/1.0', HOST, ...lines])).toEqual(['PUT / HTTP/1.1', HOST])
  })

  it('says what is true of the connection to the server', () => {
    const upgrade = ['Connection: keep-alive, Upgrade', 'Upgrade: websocket']
    expect(sent([GET, HOST, 'TE: trailers'])).toEqual([GET, HOST, 'TE: trailers', 'Connection: TE'])
    expect(sent([GET, ...upgrade, HOST])).toEqual([
      GET,
      HOST,
      'Upgrade: websocket',
      'Connection: upgrade',
    ])
    expect(sent([GET, HOST, ...upgrade, 'TE: x, trailers'])).toEqual([
      GET,
      HOST,
      'TE: trailers',
      'Upgrade: websocket',
      'Connection: TE, upgrade',
    ])
    expect(sent([GET, HOST, 'Upgrade: x'])).toEqual([GET, HOST])
    const h2c = ['Connection: upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: x']
    expect(sent([GET, HOST, ...h2c])).toEqual([GET, HOST])
  })

  it('has the lines that were added, last', () => {
    const added = 'X-Forwarded-For: 1\r\n'
    expect(sent([GET, HOST], { added })).toEqual([GET, HOST, 'X-Forwarded-For: 1'])
    expect(
      sent([GET, 'Connection: x-forwarded-for', 'X-Forwarded-For: 9', HOST], { added }),
    ).toEqual([GET, HOST, 'X-Forwarded-For: 1'])
  })

  it('lacks what was removed, but for the framing', () => {
    const head = requestHead([GET, HOST, 'Cookie: a', 'Content-Length: 3', 'COOKIE: b', 'C: d'])
    expect(head.headers.remove('cookie')).toBe(2)
    expect(head.headers.remove('cookie')).toBe(0)
    expect(head.headers.remove('content-length')).toBe(0)
    expect(head.headers.has('cookie')).toBe(false)
    expect(forwarded(head)).toBe(`${GET}\r\n${HOST}\r\nContent-Length: 3\r\nC: d\r\n\r\n`)
  })
})

describe('a forwarded response', () => {
  it('is the received one, byte for byte, where nothing has to change', () => {
    const lines = [OK, 'Content-Length: 3', 'Set-Cookie: a', 'set-cookie:b', 'X: \xff']
    expect(answered(lines)).toEqual(lines)
    expect(answered(['HTTP/1.1 200 '])).toEqual(['HTTP/1.1 200 '])
  })

  it.each([
    ['HTTP/1.0 200 OK', 'HTTP/1.1 200 OK'],
    ['HTTP/1.1 200', 'HTTP/1.1 200 '],
    ['HTTP/1.0 404', 'HTTP/1.1 404 '],
  ])('has %j as %j', (received, line) => {
    expect(answered([received, 'Connection: x', 'A: b'])).toEqual([line, 'A: b'])
  })

  it('lacks what is meant for one connection', () => {
    const lines = [
      'Connection: keep-alive, y',
      'A: b',
      'Keep-Alive: timeout=5',
      'Y: z',
      'Upgrade: h2',
    ]
    expect(answered([OK, ...lines])).toEqual([OK, 'A: b'])
  })

  it('tells the client about its connection', () => {
    expect(answered([OK, 'A: b'], { connection: 'close' })).toEqual([
      OK,
      'A: b',
      'Connection: close',
    ])
    expect(answered([OK, 'Connection: close', 'A: b'], { connection: 'keep-alive' })).toEqual([
      OK,
      'A: b',
      'Connection: keep-alive',
    ])
  })

  it('has no framing where none may be', () => {
    for (const line of ['HTTP/1.1 204 ', 'HTTP/1.1 103 ']) {
      expect(answered([line, 'Content-Length: 0', 'A: b'])).toEqual([line, 'A: b'])
      expect(answered([line, 'A: b', 'Transfer-Encoding: chunked'])).toEqual([line, 'A: b'])
    }
    const both = ['Content-Length: 5', 'A: b', 'Transfer-Encoding: chunked']
    expect(answered([OK, ...both], {}, 'CONNECT')).toEqual([OK, 'A: b'])
    const bad = ['content-length:\t5, 6', 'A: b', 'Transfer-Encoding: x']
    expect(answered(['HTTP/1.0 200', ...bad], {}, 'CONNECT')).toEqual(['HTTP/1.1 200 ', 'A: b'])
    expect(answered([OK, 'Content-Length: 5'], {}, 'HEAD')).toEqual([OK, 'Content-Length: 5'])
    const not = 'HTTP/1.1 304 '
    expect(answered([not, 'Content-Length: 5'])).toEqual([not, 'Content-Length: 5'])
  })

  it('is not chunked for a client that is sent the data alone', () => {
    const lines = [OK, 'Transfer-Encoding: chunked', 'A: b']
    expect(answered(lines, { dechunked: true, connection: 'close', added: 'X: y\r\n' })).toEqual([
      OK,
      'A: b',
      'X: y',
      'Connection: close',
    ])
    // RFC 9112 section 6.1: nor is it told of chunks that GET would have got.
    expect(answered(lines, { dechunked: true }, 'HEAD')).toEqual([OK, 'A: b'])
  })

  it('names the protocol that comes now, or that would do', () => {
    for (const line of ['HTTP/1.1 101 x', 'HTTP/1.1 426 x']) {
      expect(answered([line, 'upgrade: websocket', 'connection: upgrade', 'A: b'])).toEqual([
        line,
        'upgrade: websocket',
        'A: b',
        'Connection: upgrade',
      ])
    }
  })
})
