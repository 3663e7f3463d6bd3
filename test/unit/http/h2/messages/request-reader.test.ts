import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../../../../src/http/body.ts'
import { requestHeadText } from '../../../../../src/http/h1/head-text.ts'
import { parseRequestHead } from '../../../../../src/http/h1/request-parser.ts'
import { HeaderField } from '../../../../../src/http/h2/hpack/header-field.ts'
import { FieldBlock } from '../../../../../src/http/h2/messages/field-block.ts'
import { RequestReader } from '../../../../../src/http/h2/messages/request-reader.ts'
import { FACT_EXPECT_CONTINUE, FACT_TE_TRAILERS } from '../../../../../src/http/header-table.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../../src/http/limits.ts'
import { OutgoingRequest } from '../../../../../src/http/outgoing-request.ts'
import { REJECT, rejectOf } from '../../../../../src/http/rejects.ts'
import { RequestHead } from '../../../../../src/http/request-head.ts'

type Fields = readonly (readonly [name: string, value: string])[]

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const UNCHANGED = { added: '', target: '', hostless: false }

/** What is read into for one test after the other, as in a worker. */
const head = new RequestHead(DEFAULT_HEAD_LIMITS)
const reader = new RequestReader(head, KEY)

function read(fields: Fields, isLast = true, by = reader): number {
  const block = new FieldBlock(DEFAULT_HEAD_LIMITS)
  for (const [name, value] of fields) block.onField(new HeaderField(name, value))
  return by.read(block, head, isLast)
}

/** The name of what is wrong, or the text. */
function verdict(fields: Fields, isLast = true, by = reader): string {
  const code = read(fields, isLast, by)
  return code < 0 ? rejectOf(code).name : head.text
}

/** A good request, with other fields in the place of some, and more behind them. */
function request(changes: Readonly<Record<string, string | null>>, ...more: Fields): Fields {
  const pseudo = { ':method': 'GET', ':scheme': 'https', ':authority': 'a.test', ':path': '/' }
  const fields = Object.entries({ ...pseudo, ...changes })
  return [...fields.filter((field): field is [string, string] => field[1] !== null), ...more]
}

const GOOD = request({})

describe('a request in HTTP/2', () => {
  it.each<[string, Fields, string]>([
    ['as it is', GOOD, 'GET / HTTP/1.1\r\nhost: a.test\r\n\r\n'],
    [
      'with fields in their order',
      request({ ':path': '/a?b=c' }, ['x-one', '1'], ['accept', '*/*'], ['x-one', '2']),
      'GET /a?b=c HTTP/1.1\r\nhost: a.test\r\nx-one: 1\r\naccept: */*\r\nx-one: 2\r\n\r\n',
    ],
    [
      'with a method that nobody knows',
      request({ ':method': 'M-SEARCH' }),
      'M-SEARCH / HTTP/1.1\r\nhost: a.test\r\n\r\n',
    ],
    [
      'with Host in the place of :authority',
      request({ ':authority': null }, ['x', '1'], ['host', 'b.test']),
      'GET / HTTP/1.1\r\nhost: b.test\r\nx: 1\r\n\r\n',
    ],
    [
      'with both, alike but for case and port',
      request({}, ['host', 'A.test:443']),
      'GET / HTTP/1.1\r\nhost: a.test\r\n\r\n',
    ],
    [
      'for the server itself',
      request({ ':method': 'OPTIONS', ':path': '*' }),
      'OPTIONS * HTTP/1.1\r\nhost: a.test\r\n\r\n',
    ],
    [
      'with a cookie in crumbs',
      request({}, ['cookie', 'a=1'], ['x', '1'], ['cookie', 'b=2'], ['cookie', 'c=3']),
      'GET / HTTP/1.1\r\nhost: a.test\r\nx: 1\r\ncookie: a=1; b=2; c=3\r\n\r\n',
    ],
    [
      'with a cookie in crumbs of which some are empty',
      request({}, ['cookie', ''], ['cookie', 'a=1'], ['cookie', '']),
      'GET / HTTP/1.1\r\nhost: a.test\r\ncookie: a=1\r\n\r\n',
    ],
    [
      'with an empty value',
      request({}, ['x', '']),
      'GET / HTTP/1.1\r\nhost: a.test\r\nx: \r\n\r\n',
    ],
    [
      'with pseudo-header fields in any order',
      [
        [':path', '/'],
        [':authority', 'a'],
        [':method', 'GET'],
        [':scheme', 'http'],
      ],
      'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
    ],
    [
      'to connect',
      [
        [':method', 'CONNECT'],
        [':authority', 'a.test:443'],
        ['x', '1'],
      ],
      'CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\nx: 1\r\n\r\n',
    ],
    [
      'for a WebSocket',
      request({ ':method': 'CONNECT', ':protocol': 'websocket' }, ['sec-websocket-version', '13']),
      'GET / HTTP/1.1\r\nhost: a.test\r\nsec-websocket-version: 13\r\n' +
        `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${KEY}\r\n\r\n`,
    ],
    [
      'for a WebSocket, with a key of its own',
      request({ ':method': 'CONNECT', ':protocol': 'websocket' }, ['sec-websocket-key', 'x']),
      'GET / HTTP/1.1\r\nhost: a.test\r\n' +
        `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${KEY}\r\n\r\n`,
    ],
  ])('has the text of HTTP/1.1: %s', (_, fields, text) => {
    expect(verdict(fields)).toBe(text)
    const read11 = new RequestHead(DEFAULT_HEAD_LIMITS)
    const view = Buffer.from(text, 'latin1')
    expect(parseRequestHead(view, 0, view.length, read11)).toBe(view.length)
    expect(plainOf(head)).toEqual(plainOf(read11))
  })

  it('says its version, and a request in HTTP/1.1 after it says its own', () => {
    expect(read(GOOD)).toBe(0)
    expect([head.version, head.persistent]).toEqual(['2.0', true])
    const view = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    parseRequestHead(view, 0, view.length, head)
    expect(head.version).toBe('1.1')
  })

  it.each<[string, Fields, boolean, number]>([
    ['none', GOOD, true, BODY_NONE],
    ['of a length', request({}, ['content-length', '5']), false, BODY_LENGTH],
    ['of no length', request({}, ['content-length', '0']), false, BODY_NONE],
    ['that ends with its stream', GOOD, false, BODY_CHUNKED],
  ])('has a content: %s', (_, fields, isLast, body) => {
    expect(read(fields, isLast)).toBe(0)
    expect([head.body, head.headers.get('transfer-encoding')]).toEqual([
      body,
      body === BODY_CHUNKED ? 'chunked' : undefined,
    ])
  })

  it('says what its fields say', () => {
    read(request({}, ['te', 'trailers'], ['expect', '100-continue']), false)
    const asked = FACT_TE_TRAILERS | FACT_EXPECT_CONTINUE
    expect(head.headers.facts & asked).toBe(asked)
    expect(head.expectContinue).toBe(true)
  })
})

/** What every reader of a head may see of it. */
function plainOf(read: RequestHead): object {
  const { headers, method, target, path, body, contentLength, upgrade } = read
  const outgoing = new OutgoingRequest()
  outgoing.begin(read, UNCHANGED)
  return {
    method,
    target,
    path,
    form: read.requestTarget.form,
    host: read.requestTarget.authority(read.text),
    body,
    contentLength,
    upgrade,
    facts: headers.facts,
    ids: [...headers.ids.subarray(0, headers.count)],
    fields: Array.from({ length: headers.count }, (_, n) => [headers.name(n), headers.value(n)]),
    sent: requestHeadText(outgoing),
  }
}

const LONG = 'x'.repeat(20_000)

/** RFC 9113 sections 8.2 and 8.3, RFC 8441, and what the reader of HTTP/1 refuses. */
const REFUSED: readonly (readonly [section: string, what: string, Fields, string])[] = [
  ['8.2', 'no name', request({}, ['', 'x']), 'name-empty'],
  ['8.2.1', 'a name in upper case', request({}, ['X-One', '1']), 'name-upper-case'],
  ['8.2.1', 'one capital letter', request({}, ['hosT', 'a.test']), 'name-upper-case'],
  ['8.2.1', 'a space in a name', request({}, ['a b', '1']), 'name'],
  ['8.2.1', 'a colon in a name', request({}, ['a:b', '1']), 'name'],
  ['8.2.1', 'a NUL in a name', request({}, ['a\0', '1']), 'name'],
  ['8.2.1', 'a line end in a name', request({}, ['a\r\nhost', 'b']), 'name'],
  ['8.2.1', 'a byte above 0x7e in a name', request({}, ['a\xe9', '1']), 'name'],
  ['8.2.1', 'NUL in a value', request({}, ['x', 'a\0b']), 'value'],
  ['8.2.1', 'CR in a value', request({}, ['x', 'a\rb']), 'value'],
  ['8.2.1', 'LF in a value', request({}, ['x', 'a\nb']), 'value'],
  ['8.2.1', 'a header in a value', request({}, ['x', 'a\r\nhost: b']), 'value'],
  ['8.2.1', 'a request in a value', request({}, ['x', '\r\n\r\nGET / HTTP/1.1\r\n']), 'value'],
  ['8.2.1', 'DEL in a value', request({}, ['x', '\x7f']), 'value'],
  ['8.2.1', 'a space before a value', request({}, ['x', ' a']), 'value-blanks'],
  ['8.2.1', 'a tab behind a value', request({}, ['x', 'a\t']), 'value-blanks'],
  ['8.2.2', 'Connection', request({}, ['connection', 'close']), 'connection-field'],
  ['8.2.2', 'Keep-Alive', request({}, ['keep-alive', '5']), 'connection-field'],
  ['8.2.2', 'Proxy-Connection', request({}, ['proxy-connection', 'x']), 'connection-field'],
  ['8.2.2', 'Transfer-Encoding', request({}, ['transfer-encoding', 'chunked']), 'connection-field'],
  ['8.2.2', 'another one', request({}, ['transfer-encoding', 'identity']), 'connection-field'],
  ['8.2.2', 'Upgrade', request({}, ['upgrade', 'h2c']), 'connection-field'],
  ['8.2.2', 'TE with another value', request({}, ['te', 'gzip']), 'connection-field'],
  ['8.2.2', 'TE with one more value', request({}, ['te', 'trailers, gzip']), 'connection-field'],
  [
    '8.3',
    'a pseudo-header field that follows',
    [...GOOD.slice(1), ['x', '1'], [':method', 'GET']],
    'pseudo-field',
  ],
  ['8.3', 'one that nobody knows', request({ ':x': '1' }), 'pseudo-field'],
  ['8.3', 'one of responses', request({ ':status': '200' }), 'pseudo-field'],
  ['8.3', 'one without a name', request({ ':': 'x' }), 'name-empty'],
  ['8.3', 'one in upper case', request({ ':Path': '/' }), 'name-upper-case'],
  ['8.3', 'two methods', request({}).concat([[':method', 'GET']]), 'pseudo-field'],
  ['8.3', 'two paths', request({}).concat([[':path', '/']]), 'pseudo-field'],
  ['8.3', 'two schemes', request({}).concat([[':scheme', 'http']]), 'pseudo-field'],
  ['8.3', 'two authorities', request({}).concat([[':authority', 'a.test']]), 'pseudo-field'],
  ['8.3.1', 'no method', request({ ':method': null }), 'pseudo-field'],
  ['8.3.1', 'an empty method', request({ ':method': '' }), 'pseudo-field'],
  [
    '8.3.1',
    'a request line as method',
    request({ ':method': 'GET /admin HTTP/1.1' }),
    'request-line',
  ],
  ['8.3.1', 'a line end in the method', request({ ':method': 'GET\r\n' }), 'value'],
  ['8.3.1', 'a tab in the method', request({ ':method': 'GE\tT' }), 'request-line'],
  ['8.3.1', 'no scheme', request({ ':scheme': null }), 'pseudo-field'],
  ['8.3.1', 'an empty scheme', request({ ':scheme': '' }), 'scheme'],
  ['8.3.1', 'another scheme', request({ ':scheme': 'ftp' }), 'scheme'],
  ['8.3.1', 'a URI as scheme', request({ ':scheme': 'http://b/?' }), 'scheme'],
  ['8.3.1', 'no path', request({ ':path': null }), 'pseudo-field'],
  ['8.3.1', 'an empty path', request({ ':path': '' }), 'pseudo-field'],
  ['8.3.1', 'a path that does not begin', request({ ':path': 'x' }), 'target-form'],
  ['8.3.1', 'an asterisk for GET', request({ ':path': '*' }), 'target-form'],
  ['8.3.1', 'a URI as path', request({ ':path': 'http://b.test/' }), 'target-form'],
  ['8.3.1', 'a host as path', request({ ':path': 'b.test:80' }), 'target-form'],
  ['8.3.1', 'a space in the path', request({ ':path': '/ HTTP/1.1' }), 'target'],
  ['8.3.1', 'a request in the path', request({ ':path': '/ HTTP/1.1\r\nx: y' }), 'value'],
  ['8.3.1', 'a tab in the path', request({ ':path': '/\tx' }), 'target'],
  ['8.3.1', 'a fragment', request({ ':path': '/#x' }), 'target'],
  ['8.3.1', 'a byte above 0x7e in the path', request({ ':path': '/\xe9' }), 'target'],
  ['8.3.1', 'no host', request({ ':authority': null }), 'host-missing'],
  ['8.3.1', 'an empty authority', request({ ':authority': '' }), 'host'],
  ['8.3.1', 'an empty host', request({ ':authority': null }, ['host', '']), 'host'],
  ['8.3.1', 'a port without a host', request({ ':authority': ':80' }), 'host'],
  ['8.3.1', 'a user in the authority', request({ ':authority': 'me@a.test' }), 'host'],
  ['8.3.1', 'a path in the authority', request({ ':authority': 'a.test/x' }), 'host'],
  ['8.3.1', 'a list as authority', request({ ':authority': 'a.test,b.test' }), 'host'],
  ['8.3.1', 'a space in the authority', request({ ':authority': 'a b' }), 'host'],
  ['8.3.1', 'a line end in the authority', request({ ':authority': 'a\r\nx: y' }), 'value'],
  ['8.3.1', 'a port that is none', request({ ':authority': 'a.test:99999' }), 'host'],
  ['8.3.1', 'another host', request({}, ['host', 'b.test']), 'host-mismatch'],
  ['8.3.1', 'the port of another scheme', request({}, ['host', 'a.test:80']), 'host-mismatch'],
  ['8.3.1', 'two hosts', request({}, ['host', 'a.test'], ['host', 'a.test']), 'host-repeated'],
  [
    '8.1.1',
    'a length without content',
    request({}, ['content-length', '5']),
    'content-length-mismatch',
  ],
  ['8.1.1', 'a length that is none', request({}, ['content-length', '+5']), 'content-length'],
  ['8.1.1', 'an empty length', request({}, ['content-length', '']), 'content-length'],
  ['8.1.1', 'a list of lengths', request({}, ['content-length', '0, 0']), 'content-length'],
  [
    '8.1.1',
    'two lengths',
    request({}, ['content-length', '0'], ['content-length', '0']),
    'content-length-repeated',
  ],
  [
    '8.5',
    'CONNECT with a path',
    request({ ':method': 'CONNECT', ':authority': 'a:1', ':scheme': null }),
    'pseudo-field',
  ],
  [
    '8.5',
    'CONNECT with a scheme',
    request({ ':method': 'CONNECT', ':authority': 'a:1', ':path': null }),
    'pseudo-field',
  ],
  [
    '8.5',
    'CONNECT without a host',
    [
      [':method', 'CONNECT'],
      ['host', 'a:1'],
    ],
    'pseudo-field',
  ],
  [
    '8.5',
    'CONNECT without a port',
    [
      [':method', 'CONNECT'],
      [':authority', 'a'],
    ],
    'target-form',
  ],
  [
    '8.5',
    'CONNECT to a path',
    [
      [':method', 'CONNECT'],
      [':authority', '/a:1'],
    ],
    'target-form',
  ],
  [
    '8.5',
    'CONNECT to another host',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      ['host', 'b:1'],
    ],
    'host-mismatch',
  ],
  [
    '8.5',
    'CONNECT with a length',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      ['content-length', '5'],
    ],
    'connect-body',
  ],
  [
    'RFC 8441 4',
    'a protocol without CONNECT',
    request({ ':protocol': 'websocket' }),
    'pseudo-field',
  ],
  [
    'RFC 8441 4',
    'a protocol without a path',
    request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': null }),
    'pseudo-field',
  ],
  [
    'RFC 8441 4',
    'a protocol without a scheme',
    request({ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': null }),
    'pseudo-field',
  ],
  [
    'RFC 8441 4',
    'another protocol',
    request({ ':method': 'CONNECT', ':protocol': 'connect-udp' }),
    'protocol-unknown',
  ],
  [
    'RFC 8441 4',
    'a WebSocket with a length',
    request({ ':method': 'CONNECT', ':protocol': 'websocket' }, ['content-length', '5']),
    'connect-body',
  ],
  ['10.5.1', 'a head too large', request({}, ['x', LONG]), 'head-too-large'],
  ['10.5.1', 'a head too large by its cookie', request({}, ['cookie', LONG]), 'head-too-large'],
  [
    '10.5.1',
    'too long a path',
    request({ ':path': `/${'x'.repeat(8192)}` }),
    'request-line-too-long',
  ],
  ['10.5.1', 'too long a method', request({ ':method': 'X'.repeat(8193) }), 'method-too-long'],
  [
    '10.5.1',
    'too many fields',
    request({}, ...Array.from({ length: 101 }, (_, n) => [`x${n}`, ''] as const)),
    'too-many-headers',
  ],
  [
    '10.5.1',
    'very many fields',
    request({}, ...Array.from({ length: 999 }, () => ['x', ''] as const)),
    'too-many-headers',
  ],
]

describe('a request in HTTP/2 is refused', () => {
  it.each(REFUSED)('section %s: %s', (_, __, fields, name) => {
    expect(verdict(fields)).toBe(name)
    expect(verdict(GOOD), 'what follows is read as ever').toMatch(/^GET/)
  })

  it('that asks for a protocol where it was not told that it may', () => {
    const fields = request({ ':method': 'CONNECT', ':protocol': 'websocket' })
    expect(verdict(fields, true, new RequestReader(head, ''))).toBe('pseudo-field')
  })

  it('whose length says more than chunks would', () => {
    const fields = Array.from({ length: 100 }, (_, n) => [`x${n}`, ''] as const)
    expect(read(request({}, ...fields), true)).toBe(0)
    expect(read(request({}, ...fields), false)).toBe(REJECT.tooManyHeaders)
  })
})

/** Characters that readers differ on, and some that they do not. */
const SHARP = ' \t\r\n\0:;,/?#@[]"\\\x7f\x80\xff%2e*=aZ09-_.'
const sharpText = fc
  .array(fc.constantFrom(...SHARP), { maxLength: 8 })
  .map((characters) => characters.join(''))
const mostly = (good: readonly string[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: sharpText })
const anyField = fc.tuple(
  mostly(['x', 'accept', 'content-length', 'te', 'expect', 'host', 'authorization', 'cookie']),
  mostly(['', '1', '0', '007', 'trailers', '100-continue', 'a.test', 'NTLM x', 'a=1']),
)

describe('readers of both versions', () => {
  it('make the same of the same request, and HTTP/2 lets nothing pass that HTTP/1.1 refuses', () => {
    const anyRequest = fc.record({
      method: mostly(['GET', 'POST', 'OPTIONS', 'HEAD', 'X']),
      path: mostly(['/', '/a?b=c', '//x', '*']),
      host: mostly(['a.test', 'A:80', '[::1]:8080', 'a:']),
      fields: fc.array(anyField, { maxLength: 4 }),
      isLast: fc.boolean(),
    })
    const inH1 = new RequestHead(DEFAULT_HEAD_LIMITS)
    let both = 0
    fc.assert(
      fc.property(anyRequest, ({ method, path, host, fields, isLast }) => {
        const pseudo = { ':method': method, ':authority': host, ':path': path }
        if (read(request(pseudo, ...fields), isLast) < 0) return
        // Whatever passed is exactly one head for whoever reads it as HTTP/1.1.
        const view = Buffer.from(head.text, 'latin1')
        expect(parseRequestHead(view, 0, view.length, inH1)).toBe(view.length)
        expect(plainOf(head)).toEqual(plainOf(inH1))
        both++
      }),
      { numRuns: 5000 },
    )
    expect(both).toBeGreaterThan(500)
  })
})
