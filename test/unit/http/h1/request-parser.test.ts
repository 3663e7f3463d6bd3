import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../../../src/http/body.ts'
import { parseRequestHead } from '../../../../src/http/h1/request-parser.ts'
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from '../../../../src/http/limits.ts'
import { rejectOf } from '../../../../src/http/rejects.ts'
import { RequestHead } from '../../../../src/http/request-head.ts'

function bytes(...lines: string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1')
}

/** The head that `lines` and a blank line are. */
function parsed(...lines: string[]): RequestHead {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const view = bytes(...lines, '')
  expect(parseRequestHead(view, 0, view.length, head)).toBe(view.length)
  return head
}

/** The name of what is wrong with `view`, `incomplete`, or the length of its head. */
function verdict(view: Buffer, limits: Partial<HeadLimits> = {}): string | number {
  const head = new RequestHead({ ...DEFAULT_HEAD_LIMITS, ...limits })
  const used = parseRequestHead(view, 0, view.length, head)
  if (used < 0) return rejectOf(used).name
  return used === 0 ? 'incomplete' : used
}

describe('a request head', () => {
  it('gives what the client said', () => {
    const head = parsed('POST /a?b HTTP/1.1', 'Host: x:80', 'content-LENGTH: 12', 'A:  b c \t')
    expect(head).toMatchObject({
      method: 'POST',
      target: '/a?b',
      path: '/a?b',
      minorVersion: 1,
      impliedHost: '',
      body: BODY_LENGTH,
      contentLength: 12,
      persistent: true,
      expectContinue: false,
      upgrade: '',
    })
    expect(head.headers.count).toBe(3)
    expect(head.headers.name(1)).toBe('content-LENGTH')
    expect(head.headers.value(2)).toBe('b c')
    expect(head.text).toMatch(/^POST \/a\?b HTTP\/1\.1\r\n[\s\S]*\r\n\r\n$/)
  })

  it('keeps every byte of a value', () => {
    const value = Array.from({ length: 128 }, (_, n) => String.fromCharCode(128 + n)).join('')
    expect(parsed('GET / HTTP/1.1', 'Host: a', `X: ${value}`).headers.get('x')).toBe(value)
  })

  it('forgets the message before', () => {
    const head = new RequestHead(DEFAULT_HEAD_LIMITS)
    const first = bytes(
      'POST http://a/ HTTP/1.0',
      'Host: a',
      'Content-Length: 5',
      'Expect: 100-continue',
      '',
    )
    const second = bytes('GET /b HTTP/1.1', 'Host: b', '')
    parseRequestHead(first, 0, first.length, head)
    expect(parseRequestHead(second, 0, second.length, head)).toBe(second.length)
    const fresh = new RequestHead(DEFAULT_HEAD_LIMITS)
    parseRequestHead(second, 0, second.length, fresh)
    expect({ ...head.requestTarget, defaultPorts: [] }).toEqual({
      ...fresh.requestTarget,
      defaultPorts: [],
    })
    expect([
      head.body,
      head.contentLength,
      head.path,
      head.impliedHost,
      head.headers.facts,
    ]).toEqual([BODY_NONE, 0, '/b', '', fresh.headers.facts])
  })

  it.each([
    ['1.1', [], true],
    ['1.1', ['close'], false],
    ['1.1', ['CLOSE, keep-alive'], false],
    ['1.1', ['keep-alive', 'x,close'], false],
    ['1.0', [], false],
    ['1.0', ['Keep-Alive'], true],
    ['1.0', ['keep-alive', 'close'], false],
    ['1.0', ['keep-alives'], false],
  ] as const)('HTTP/%s with Connection %j is persistent: %s', (version, options, persistent) => {
    const lines = options.map((option) => `Connection: ${option}`)
    expect(parsed(`GET / HTTP/${version}`, 'Host: a', ...lines).persistent).toBe(persistent)
  })

  it.each([
    ['1.1', '100-continue', true],
    ['1.1', 'x, 100-CONTINUE', true],
    ['1.1', '100-continued', false],
    ['1.0', '100-continue', false],
  ])('HTTP/%s with Expect: %s waits: %s', (version, expectation, waits) => {
    const head = parsed(`PUT / HTTP/${version}`, 'Host: a', `Expect: ${expectation}`)
    expect(head.expectContinue).toBe(waits)
  })

  it.each([
    ['1.1', ['Connection: x, Upgrade', 'Upgrade: websocket'], 'websocket'],
    ['1.1', ['Connection: upgrade', 'Upgrade: a/1', 'Upgrade: b'], 'a/1, b'],
    ['1.1', ['Upgrade: websocket'], ''],
    ['1.1', ['Connection: upgrade'], ''],
    ['1.1', ['Connection: upgrade', 'Upgrade: h2c'], ''],
    ['1.1', ['Connection: upgrade, HTTP2-Settings', 'Upgrade: x, H2C'], ''],
    ['1.1', ['Connection: upgrade', 'Upgrade: h2c', 'Upgrade: websocket'], 'websocket'],
    ['1.0', ['Connection: upgrade', 'Upgrade: websocket'], ''],
  ])('HTTP/%s with %j asks for %j', (version, lines, upgrade) => {
    expect(parsed(`GET / HTTP/${version}`, 'Host: a', ...lines).upgrade).toBe(upgrade)
  })

  it.each([
    ['GET', 'http://a/b?c', '/b?c'],
    ['GET', 'http://a', '/'],
    ['GET', 'http://a?c', '/?c'],
    ['OPTIONS', 'http://a', '*'],
    ['OPTIONS', 'http://a/', '/'],
    ['OPTIONS', 'http://a?c', '/?c'],
    ['OPTIONS', '*', '*'],
    ['CONNECT', 'a:443', ''],
  ])('%s %s is routed by %j', (method, target, path) => {
    expect(parsed(`${method} ${target} HTTP/1.1`, 'Host: a').path).toBe(path)
  })

  it.each([
    ['GET http://a:81/ HTTP/1.0', [], 'a:81'],
    ['CONNECT a:443 HTTP/1.0', [], 'a:443'],
    ['GET / HTTP/1.0', [], ''],
    ['OPTIONS * HTTP/1.0', [], ''],
    ['GET http://a:80/ HTTP/1.0', ['Host: a'], ''],
    ['GET http://a:80/ HTTP/1.1', ['Host: a'], ''],
  ])('%s with %j implies the host %j', (line, lines, host) => {
    expect(parsed(line, ...lines).impliedHost).toBe(host)
  })

  it('knows a chunked body', () => {
    const head = parsed('PUT / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')
    expect(head.body).toBe(BODY_CHUNKED)
  })
})

describe('the bounds of a request head', () => {
  const line = 'GET /56789 HTTP/1.1'

  it('hold for the request line', () => {
    const requestLineBytesMax = line.length
    expect(verdict(bytes(line, 'Host: a', ''), { requestLineBytesMax })).toBe(32)
    for (const longer of [`GET /567890 HTTP/1.1`, `GET /${'5'.repeat(99)} HTTP/1.1`]) {
      expect(verdict(bytes(longer, 'Host: a', ''), { requestLineBytesMax })).toBe(
        'request-line-too-long',
      )
    }
    const unended = Buffer.from(`GET /${'5'.repeat(99)}`)
    expect(verdict(unended, { requestLineBytesMax })).toBe('request-line-too-long')
    expect(verdict(Buffer.from('G'.repeat(99)), { requestLineBytesMax })).toBe('method-too-long')
  })

  it('hold for the whole head, as soon as it exceeds them', () => {
    const view = bytes(line, 'Host: a', 'X: y', '')
    expect(verdict(view, { headBytesMax: view.length })).toBe(view.length)
    expect(verdict(view, { headBytesMax: view.length - 1 })).toBe('head-too-large')
    const begun = view.subarray(0, 25)
    expect(verdict(begun, { headBytesMax: 26 })).toBe('incomplete')
    expect(verdict(begun, { headBytesMax: 25 })).toBe('head-too-large')
  })

  it('hold for the number of headers', () => {
    const view = bytes(line, 'Host: a', 'X: y', 'Z:', '')
    expect(verdict(view, { headersMax: 3 })).toBe(view.length)
    expect(verdict(view, { headersMax: 2 })).toBe('too-many-headers')
  })

  it('hold for the options of Connection over all its lines', () => {
    const options = (count: number): string => `Connection: ${Array(count).fill('x').join()}`
    const host = 'Host: a'
    expect(verdict(bytes(line, host, options(16), options(16), ''))).toBeTypeOf('number')
    expect(verdict(bytes(line, host, options(16), options(17), ''))).toBe('connection')
  })

  it('hold for empty elements of Connection as for options', () => {
    const host = 'Host: a'
    expect(verdict(bytes(line, host, `Connection: close${','.repeat(32)}`, ''))).toBeTypeOf(
      'number',
    )
    expect(verdict(bytes(line, host, `Connection: close${','.repeat(33)}`, ''))).toBe('connection')
    expect(
      verdict(bytes(line, host, 'Connection: ,,,', `Connection: ${' , '.repeat(30)}`, '')),
    ).toBe('connection')
  })

  it('hold for the codings that are listed', () => {
    const codings = (count: number): string =>
      `Transfer-Encoding: ${Array(count).fill('gzip').join(', ')}`
    expect(verdict(bytes(line, 'Host: a', codings(8), ''))).toBe('transfer-coding-unknown')
    expect(verdict(bytes(line, 'Host: a', codings(9), ''))).toBe('transfer-encoding')
  })
})

describe('parsing a request head', () => {
  it.each([
    '\x16',
    ' ',
    'GET\n',
    'GET /#',
    'GET / HTTQ',
    'GET / HTTP/1.1\n',
    'GET / HTTP/1.1\r\nA ',
  ])('refuses %j before more comes', (text) => {
    expect(verdict(Buffer.from(text, 'latin1'))).toBeTypeOf('string')
    expect(verdict(Buffer.from(text, 'latin1'))).not.toBe('incomplete')
  })

  it('finds a message anywhere in a view', () => {
    const head = new RequestHead(DEFAULT_HEAD_LIMITS)
    const message = bytes('GET /x HTTP/1.1', 'Host: a', 'B: c', '')
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 9 }),
        fc.uint8Array({ maxLength: 9 }),
        (before, after) => {
          const view = Buffer.concat([before, message, after])
          const end = before.length + message.length
          expect(parseRequestHead(view, before.length, end, head)).toBe(message.length)
          expect([head.text, head.headers.get('b')]).toEqual([message.toString(), 'c'])
        },
      ),
    )
  })

  it('reads nothing after its end', () => {
    const head = new RequestHead(DEFAULT_HEAD_LIMITS)
    const message = bytes(
      '',
      'GET /x HTTP/1.1',
      'Host: a:80',
      'Connection: x, close',
      'B: cde \t',
      '',
    )
    for (let end = 0; end <= message.length; end++) {
      const guarded = new Proxy(message, {
        get(target, key) {
          expect(Number(key) >= end, `byte ${String(key)} of ${end}`).toBe(false)
          const value: unknown = Reflect.get(target, key)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
      expect(parseRequestHead(guarded, 0, end, head)).toBe(end === message.length ? end : 0)
    }
  })

  it('gives every prefix of anything no other verdict than the whole', () => {
    const head = new RequestHead(DEFAULT_HEAD_LIMITS)
    const piece = fc.constantFrom(
      'GET ',
      '/ ',
      'HTTP/1.1',
      '\r\n',
      'Host: a',
      ':',
      ' ',
      '\n',
      '\r',
      '\0',
      '\xff',
      'A',
      '9',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const view = Buffer.from(pieces.join(''), 'latin1')
        const whole = parseRequestHead(view, 0, view.length, head)
        expect(whole).toBeLessThanOrEqual(view.length)
        let seen = 0
        for (let end = 0; end <= view.length && seen === 0; end++) {
          seen = parseRequestHead(view, 0, end, head)
        }
        expect(seen).toBe(whole)
      }),
    )
  })
})
