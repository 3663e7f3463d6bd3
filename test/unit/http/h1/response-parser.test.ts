import { describe, expect, it } from 'vitest'
import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE } from '../../../../src/http/body.ts'
import { parseResponseHead } from '../../../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../src/http/limits.ts'
import { rejectOf } from '../../../../src/http/rejects.ts'
import { ResponseHead } from '../../../../src/http/response-head.ts'
import { describeVerdicts, type VerdictRow } from '../verdict-table.ts'

const CHUNKED = 'Transfer-Encoding: chunked'
const NEXT = 'HTTP/1.1 204 \r\n\r\n'

/** A response with these header lines and `hello`, and a response after it. */
function response(statusLine: string, ...lines: string[]): string {
  return `${statusLine}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\nhello${NEXT}`
}

const rows: VerdictRow[] = [
  [
    '9112 4',
    'a length',
    response('HTTP/1.1 200 OK', 'Content-Length: 5'),
    ['1.1 200 OK|hello', '1.1 204 |'],
  ],
  [
    '9112 4',
    'no reason',
    response('HTTP/1.1 200 ', 'Content-Length: 5'),
    ['1.1 200 |hello', '1.1 204 |'],
  ],
  [
    '9112 4',
    'no space before the reason',
    response('HTTP/1.1 200', 'Content-Length: 5'),
    ['1.1 200 |hello', '1.1 204 |'],
  ],
  [
    '9112 4',
    'any reason',
    response('HTTP/1.1 200 \t\xe9 ! ', 'Content-Length: 5'),
    ['1.1 200 \t\xe9 ! |hello', '1.1 204 |'],
  ],
  [
    '9110 15',
    'a status without class',
    response('HTTP/1.1 999 ', 'Content-Length: 5'),
    ['1.1 999 |hello', '1.1 204 |'],
  ],
  ['9110 15', 'a status below all', 'HTTP/1.1 099 OK\r\n\r\n', 'status-line'],
  ['9112 4', 'a status of two digits', response('HTTP/1.1 20 OK'), 'status-line'],
  ['9112 4', 'a status of four digits', response('HTTP/1.1 2000 OK'), 'status-line'],
  ['9112 4', 'a status with a sign', response('HTTP/1.1 -20 OK'), 'status-line'],
  ['9112 4', 'two spaces', response('HTTP/1.1  200 OK'), 'status-line'],
  ['9112 4', 'a tab', response('HTTP/1.1\t200 OK'), 'status-line'],
  ['9112 4', 'a tab after the status', response('HTTP/1.1 200\tOK'), 'status-line'],
  ['9112 4', 'a NUL in the reason', response('HTTP/1.1 200 \0'), 'status-line'],
  ['9112 2.3', 'HTTP/1.2', response('HTTP/1.2 200 OK'), 'status-line'],
  ['9112 2.3', 'HTTP/2.0', response('HTTP/2.0 200 OK'), 'status-line'],
  ['9112 2.3', 'another protocol', response('ICY 200 OK'), 'status-line'],
  ['9112 2.3', 'the name in lower case', response('http/1.1 200 OK'), 'status-line'],
  ['9112 2.2', 'an empty line before', `\r\n${response('HTTP/1.1 200 OK')}`, 'status-line'],
  ['9112 2.2', 'LF alone after the status', 'HTTP/1.1 200\n\r\n', 'bare-lf'],
  ['9112 2.2', 'LF alone after the reason', 'HTTP/1.1 200 OK\n\r\n', 'bare-lf'],
  ['9112 2.2', 'CR alone in the reason', response('HTTP/1.1 200 O\rK'), 'bare-cr'],
  [
    '9112 6.3',
    'no framing: until close',
    response('HTTP/1.1 200 OK'),
    [`1.1 200 OK|hello${NEXT} ...`],
  ],
  [
    '9112 6.3',
    'TE.CL',
    response('HTTP/1.1 200 OK', CHUNKED, 'Content-Length: 5'),
    'framing-conflict',
  ],
  [
    '9112 6.3',
    'CL.TE',
    response('HTTP/1.1 200 OK', 'Content-Length: 5', CHUNKED),
    'framing-conflict',
  ],
  [
    '9110 8.6',
    'two lengths',
    response('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 6'),
    'content-length-repeated',
  ],
  [
    '9110 8.6',
    'two lengths alike',
    response('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 5'),
    'content-length-repeated',
  ],
  [
    '9110 8.6',
    'a length that is none',
    response('HTTP/1.1 200 OK', 'Content-Length: 5,5'),
    'content-length',
  ],
  [
    '9112 6.1',
    'chunked in HTTP/1.0',
    response('HTTP/1.0 200 OK', CHUNKED),
    'transfer-encoding-1.0',
  ],
  [
    '9112 6.1',
    'another coding',
    response('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked'),
    'transfer-coding-unknown',
  ],
  ['9112 5.1', 'a space before the colon', response('HTTP/1.1 200 OK', 'A : b'), 'name-space'],
  ['9112 5.2', 'a folded line', response('HTTP/1.1 200 OK', 'A: b', ' c'), 'obs-fold'],
  ['9110 5.5', 'a NUL', response('HTTP/1.1 200 OK', 'A: \0'), 'value'],
  [
    '9110 7.8',
    '101 without Upgrade',
    response('HTTP/1.1 101 ', 'Connection: upgrade'),
    'upgrade-missing',
  ],
  [
    '9110 7.8',
    '101 without its option',
    response('HTTP/1.1 101 ', 'Upgrade: x'),
    'upgrade-missing',
  ],
  [
    '9113 3.1',
    '101 to h2c',
    response('HTTP/1.1 101 ', 'Connection: upgrade', 'Upgrade: h2c'),
    'upgrade-missing',
  ],
  [
    '9110 15.2',
    '100 and 103 before the response',
    `HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 \r\nLink: x\r\n\r\n${NEXT}`,
    ['1.1 100 |', '1.1 103 |', '1.1 204 |'],
  ],
]

/** What a server says that lets a tunnel be opened; the framing in it means nothing. */
const tunnels: VerdictRow[] = [
  ['9110 9.3.6', 'nothing', response('HTTP/1.1 200 OK'), ['1.1 200 OK|']],
  ['9110 9.3.6', '204', response('HTTP/1.1 204 '), ['1.1 204 |']],
  ['9110 9.3.6', 'HTTP/1.0', response('HTTP/1.0 200 '), ['1.0 200 |']],
  ['9110 9.3.6', 'a length', response('HTTP/1.1 200 ', 'Content-Length: 5'), ['1.1 200 |']],
  ['9110 9.3.6', 'chunked', response('HTTP/1.1 200 ', CHUNKED), ['1.1 200 |']],
  ['9110 9.3.6', 'chunked in HTTP/1.0', response('HTTP/1.0 200 ', CHUNKED), ['1.0 200 |']],
  [
    '9110 9.3.6',
    'a length and chunked',
    response('HTTP/1.1 200 ', 'Content-Length: 5', CHUNKED),
    ['1.1 200 |'],
  ],
  [
    '9110 9.3.6',
    'a length of no digits',
    response('HTTP/1.1 200 ', 'content-length:\tx\t'),
    ['1.1 200 |'],
  ],
  ['9110 9.3.6', 'a coding', response('HTTP/1.1 200 ', 'Transfer-Encoding: x'), ['1.1 200 |']],
  [
    '9110 15.2',
    'an interim response before',
    `HTTP/1.1 103 \r\n\r\n${response('HTTP/1.1 200 ')}`,
    ['1.1 103 |', '1.1 200 |'],
  ],
  [
    '9110 9.3.6',
    'no success: a body, and another response',
    response('HTTP/1.1 407 ', 'Content-Length: 5'),
    ['1.1 407 |hello', '1.1 204 |'],
  ],
  [
    '9112 6.3',
    'no success with a length and chunked',
    response('HTTP/1.1 503 ', 'Content-Length: 5', CHUNKED),
    'framing-conflict',
  ],
  ['9112 2.2', 'LF alone', 'HTTP/1.1 200 OK\n\r\n', 'bare-lf'],
  ['9112 5.2', 'a folded line', response('HTTP/1.1 200 OK', 'A: b', ' c'), 'obs-fold'],
]

describeVerdicts('responses', rows, { answering: 'GET' })
describeVerdicts('responses to CONNECT', tunnels, { answering: 'CONNECT' })

function parsed(method: string, ...lines: string[]): ResponseHead {
  const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from(`${lines.map((line) => `${line}\r\n`).join('')}\r\n`, 'latin1')
  expect(parseResponseHead(view, 0, view.length, method, head)).toBe(view.length)
  return head
}

describe('the body of a response (RFC 9112 section 6.3)', () => {
  const length = 'Content-Length: 5'
  it.each([
    ['GET', '200', [length], { body: BODY_LENGTH, contentLength: 5, persistent: true }],
    ['GET', '200', ['Content-Length: 0'], { body: BODY_NONE, persistent: true }],
    ['GET', '200', [CHUNKED], { body: BODY_CHUNKED, persistent: true }],
    ['GET', '200', [], { body: BODY_CLOSE, persistent: false }],
    ['HEAD', '200', [length], { body: BODY_NONE, contentLength: 5, persistent: true }],
    ['HEAD', '200', [CHUNKED], { body: BODY_NONE, persistent: true }],
    ['HEAD', '200', [], { body: BODY_NONE, persistent: true }],
    ['GET', '304', [length], { body: BODY_NONE, persistent: true }],
    ['GET', '304', [], { body: BODY_NONE, persistent: true }],
    ['GET', '204', [], { body: BODY_NONE, persistent: true }],
    ['GET', '204', ['Content-Length: 0'], { body: BODY_NONE, persistent: true }],
    ['GET', '204', [length], { body: BODY_NONE, persistent: false }],
    ['GET', '204', [CHUNKED], { body: BODY_NONE, persistent: false }],
    ['GET', '100', [length], { body: BODY_NONE, persistent: false }],
    [
      'GET',
      '101',
      ['Upgrade: x', 'Connection: upgrade'],
      { body: BODY_NONE, tunnel: true, upgrade: 'x' },
    ],
    ['CONNECT', '200', [length], { body: BODY_NONE, tunnel: true, persistent: false }],
    ['CONNECT', '299', [CHUNKED], { body: BODY_NONE, tunnel: true }],
    ['CONNECT', '300', [length], { body: BODY_LENGTH, tunnel: false }],
    ['CONNECT', '407', [], { body: BODY_CLOSE, tunnel: false }],
  ] as const)('%s answered with %s and %j', (method, status, lines, facts) => {
    expect(parsed(method, `HTTP/1.1 ${status} `, ...lines)).toMatchObject({
      status: Number(status),
      tunnel: false,
      ...facts,
    })
  })

  it.each([
    ['HTTP/1.1', [], true],
    ['HTTP/1.1', ['close'], false],
    ['HTTP/1.0', [], false],
    ['HTTP/1.0', ['keep-alive'], true],
    ['HTTP/1.0', ['keep-alive, close'], false],
  ] as const)('%s with Connection %j is persistent: %s', (version, options, persistent) => {
    const lines = options.map((option) => `Connection: ${option}`)
    expect(parsed('GET', `${version} 200 OK`, ...lines, length).persistent).toBe(persistent)
  })
})

describe('parsing a response head', () => {
  it('heeds the framing again after it had none to heed', () => {
    const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
    const view = Buffer.from(`HTTP/1.1 200 \r\n${CHUNKED}\r\n\r\n`)
    for (const [method, body] of [
      ['CONNECT', BODY_NONE],
      ['GET', BODY_CHUNKED],
    ] as const) {
      expect(parseResponseHead(view, 0, view.length, method, head)).toBe(view.length)
      expect([head.body, head.tunnel]).toEqual([body, method === 'CONNECT'])
      expect(head.headers.has('transfer-encoding')).toBe(method === 'GET')
    }
  })

  it('keeps its bounds', () => {
    const head = new ResponseHead({ ...DEFAULT_HEAD_LIMITS, headBytesMax: 30, headersMax: 1 })
    const nameOf = (text: string): string => {
      const view = Buffer.from(text)
      return rejectOf(parseResponseHead(view, 0, view.length, 'GET', head)).name
    }
    expect(nameOf(`HTTP/1.1 200 ${'x'.repeat(99)}`)).toBe('head-too-large')
    expect(nameOf('HTTP/1.1 200 \r\na:\r\nb:\r\n\r\n')).toBe('too-many-headers')
  })

  it('refuses another protocol at its first byte', () => {
    const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
    expect(parseResponseHead(Buffer.from('S'), 0, 1, 'GET', head)).toBeLessThan(0)
    expect(parseResponseHead(Buffer.from('H'), 0, 1, 'GET', head)).toBe(0)
    expect(parseResponseHead(Buffer.from(''), 0, 0, 'GET', head)).toBe(0)
  })
})
