import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../../../../src/http/body.ts'
import { parseResponseHead } from '../../../../../src/http/h1/response-parser.ts'
import { HeaderField } from '../../../../../src/http/h2/hpack/header-field.ts'
import { FieldBlock } from '../../../../../src/http/h2/messages/field-block.ts'
import { ResponseReader } from '../../../../../src/http/h2/messages/response-reader.ts'
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from '../../../../../src/http/limits.ts'
import { rejectOf } from '../../../../../src/http/rejects.ts'
import { ResponseHead } from '../../../../../src/http/response-head.ts'

type Field = readonly [name: string, value: string]

interface Asked {
  readonly method?: string
  readonly isLast?: boolean
  readonly limits?: HeadLimits
}

function blockOf(fields: readonly Field[], limits = DEFAULT_HEAD_LIMITS): FieldBlock {
  const block = new FieldBlock(limits)
  for (const [name, value] of fields) block.onField(new HeaderField(name, value))
  return block
}

function read(fields: readonly Field[], asked: Asked = {}): ResponseHead | string {
  const { method = 'GET', isLast = false, limits = DEFAULT_HEAD_LIMITS } = asked
  const head = new ResponseHead(limits)
  const code = new ResponseReader(head).read(blockOf(fields, limits), method, isLast)
  return code < 0 ? rejectOf(code).name : head
}

/** What rules, the log and the client's stream can learn of a head. */
function facts(head: ResponseHead): unknown {
  const { status, body, contentLength, tunnel, upgrade, reason, headers, text, headersStart } = head
  const fields = Array.from({ length: headers.count }, (_, n) => [
    headers.ids[n],
    headers.name(n),
    headers.value(n),
  ])
  const more = { text, headersStart, facts: headers.facts, fields }
  return { status, body, contentLength, tunnel, upgrade, reason, ...more }
}

function readAsH1(status: number, fields: readonly Field[], method: string): unknown {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const view = Buffer.from(`HTTP/1.1 ${status} \r\n${lines}\r\n`, 'latin1')
  const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const used = parseResponseHead(view, 0, view.length, method, head)
  return used < 0 ? rejectOf(used).name : facts(head)
}

const OK: Field = [':status', '200']
const LENGTH_5: Field = ['content-length', '5']

describe('a response in HTTP/2', () => {
  it('is read into the table of HTTP/1', () => {
    const head = read([OK, ['content-type', 'a/b'], LENGTH_5]) as ResponseHead
    expect(head.text).toBe('HTTP/1.1 200 \r\ncontent-type: a/b\r\ncontent-length: 5\r\n\r\n')
    expect(head).toMatchObject({
      status: 200,
      body: BODY_LENGTH,
      contentLength: 5,
      version: '2.0',
      reason: '',
      tunnel: false,
      persistent: true,
    })
    expect(head.headers.get('content-type')).toBe('a/b')
  })

  it.each<[string, Field[], Asked, number, string]>([
    ['goes on until its stream ends', [OK], {}, BODY_CHUNKED, 'transfer-encoding: chunked\r\n'],
    ['is empty', [OK], { isLast: true }, BODY_NONE, 'content-length: 0\r\n'],
    [
      'says that it is empty',
      [OK, ['content-length', '0']],
      {},
      BODY_NONE,
      'content-length: 0\r\n',
    ],
    ['answers HEAD', [OK, LENGTH_5], { method: 'HEAD' }, BODY_NONE, 'content-length: 5\r\n'],
    ['answers HEAD at once', [OK], { method: 'HEAD', isLast: true }, BODY_NONE, ''],
    [
      'has changed in nothing',
      [[':status', '304'], LENGTH_5],
      {},
      BODY_NONE,
      'content-length: 5\r\n',
    ],
    ['has no content by its status', [[':status', '204']], { isLast: true }, BODY_NONE, ''],
    [
      'is interim',
      [
        [':status', '103'],
        ['link', 'x'],
      ],
      {},
      BODY_NONE,
      'link: x\r\n',
    ],
    ['agrees to a tunnel', [OK], { method: 'CONNECT' }, BODY_NONE, ''],
  ])('%s', (_, fields, asked, body, lines) => {
    const head = read(fields, asked) as ResponseHead
    expect(head.body).toBe(body)
    expect(head.tunnel).toBe(asked.method === 'CONNECT')
    expect(head.text).toBe(`HTTP/1.1 ${head.status} \r\n${lines}\r\n`)
  })

  // RFC 9113, by section.
  it.each<[string, string, Field[], Asked?]>([
    ['8.3.2 no status', 'pseudo-field', [['a', 'b']]],
    ['8.3.2 nothing at all', 'pseudo-field', []],
    ['8.3 a status behind a field', 'pseudo-field', [['a', 'b'], OK]],
    ['8.3 a status again', 'pseudo-field', [OK, OK]],
    ['8.3 a status again behind a field', 'pseudo-field', [OK, ['a', 'b'], OK]],
    ['8.3 a pseudo-header field of requests', 'pseudo-field', [OK, [':path', '/']]],
    ['8.3 one that nobody knows', 'pseudo-field', [OK, [':x', 'y']]],
    ['8.3 one that is nothing but its colon', 'name-empty', [OK, [':', 'y']]],
    ['8.3.2 a status of two digits', 'pseudo-field', [[':status', '20']]],
    ['8.3.2 a status of four digits', 'pseudo-field', [[':status', '2000']]],
    ['8.3.2 a status with a blank', 'pseudo-field', [[':status', '20 ']]],
    ['8.3.2 a status with a reason', 'pseudo-field', [[':status', '200 OK']]],
    ['8.3.2 a signed status', 'pseudo-field', [[':status', '+20']]],
    ['8.3.2 a status below 100', 'pseudo-field', [[':status', '099']]],
    ['8.6 status 101', 'switching-in-h2', [[':status', '101']]],
    [
      '8.1 an interim one that ends its stream',
      'stream-end',
      [[':status', '100']],
      { isLast: true },
    ],
    ['8.2.1 a capital letter', 'name-upper-case', [OK, ['aB', '']]],
    ['8.2.1 an empty name', 'name-empty', [OK, ['', 'x']]],
    ...['\0', '\t', '\n', '\r', ' ', '"', '/', ':', '\x7f', '\x80', '\xff'].map(
      (byte): [string, string, Field[]] => [
        `8.2.1 ${JSON.stringify(byte)} in a name`,
        'name',
        [OK, [`a${byte}b`, '']],
      ],
    ),
    ...['\0', '\n', '\r', '\x01', '\x1f', '\x7f'].map((byte): [string, string, Field[]] => [
      `8.2.1 ${JSON.stringify(byte)} in a value`,
      'value',
      [OK, ['a', `b${byte}c`]],
    ]),
    ['8.2.1 a blank before a value', 'value-blanks', [OK, ['a', ' b']]],
    ['8.2.1 a tab behind a value', 'value-blanks', [OK, ['a', 'b\t']]],
    ['8.2.1 a value that is a blank', 'value-blanks', [OK, ['a', ' ']]],
    ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te'].map(
      (name): [string, string, Field[]] => [`8.2.2 ${name}`, 'connection-field', [OK, [name, 'x']]],
    ),
    ['8.2.2 te: trailers, which only requests have', 'connection-field', [OK, ['te', 'trailers']]],
    ['8.1.1 two lengths', 'content-length-repeated', [OK, LENGTH_5, LENGTH_5]],
    ['8.1.1 a length that is none', 'content-length', [OK, ['content-length', '5, 5']]],
    ['8.1.1 a length without digits', 'content-length', [OK, ['content-length', '']]],
    ['8.1.1 a signed length', 'content-length', [OK, ['content-length', '-1']]],
    ['8.1.1 a length, and no content', 'content-length-mismatch', [OK, LENGTH_5], { isLast: true }],
  ])('is malformed: %s', (_, reject, fields, asked) => {
    expect(read(fields, asked)).toBe(reject)
  })

  it('may not be larger than one in HTTP/1', () => {
    const { headersMax, headBytesMax } = DEFAULT_HEAD_LIMITS
    const many = (count: number): Field[] => [OK, ...Array<Field>(count).fill(['a', 'b'])]
    expect(read(many(headersMax), { isLast: true, method: 'HEAD' })).toBeInstanceOf(ResponseHead)
    expect(read(many(headersMax + 1), { method: 'HEAD' })).toBe('too-many-headers')
    // What would be added would be one too many.
    expect(read(many(headersMax))).toBe('too-many-headers')
    expect(read(many(10_000))).toBe('too-many-headers')
    const rest = 'HTTP/1.1 200 \r\na: \r\n\r\n'.length
    const long = (bytes: number): Field[] => [OK, ['a', 'b'.repeat(bytes - rest)]]
    expect(read(long(headBytesMax), { method: 'HEAD' })).toBeInstanceOf(ResponseHead)
    expect(read(long(headBytesMax + 1), { method: 'HEAD' })).toBe('head-too-large')
    expect(read([OK, ...Array<Field>(50).fill(['a', 'b'.repeat(1000)])])).toBe('head-too-large')
  })

  it('leaves nothing behind for the next one', () => {
    const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
    const reader = new ResponseReader(head)
    const block = blockOf([OK, LENGTH_5, ['www-authenticate', 'NTLM']])
    expect(reader.read(block, 'GET', false)).toBe(0)
    block.clear()
    for (const [name, value] of [
      [':status', '204'],
      ['x', 'y'],
    ] as const) {
      block.onField(new HeaderField(name, value))
    }
    expect(reader.read(block, 'GET', true)).toBe(0)
    expect(facts(head)).toEqual(
      facts(
        read([
          [':status', '204'],
          ['x', 'y'],
        ]) as ResponseHead,
      ),
    )
    for (let n = 0; n < 1000; n++) block.onField(new HeaderField('a', 'b'))
    block.clear()
    expect(block.reject).toBe(0)
  })

  it('is what the reader of HTTP/1 finds in the same response', () => {
    const token = fc.string({ unit: fc.constantFrom(..."abcxyz019-_.!#$%&'*+^`|~"), minLength: 1 })
    const text = fc.string({ unit: fc.constantFrom(...'aZ 9,;="\t\x80\xff') })
    const value = text.map((raw) => raw.replace(/^[ \t]+|[ \t]+$/g, ''))
    const known = fc.constantFrom<Field>(
      ['www-authenticate', 'Negotiate'],
      ['www-authenticate', 'Basic realm="x"'],
      ['persistent-auth', 'true'],
      ['expect', '100-continue'],
      ['host', 'a:80'],
      ['host', 'a b'],
      ['content-length', '5'],
      ['content-length', '05'],
      ['content-length', '12345678901234567'],
      ['set-cookie', 'a=b'],
    )
    const field = fc.oneof(known, fc.tuple(token, value))
    const status = fc.constantFrom(100, 103, 200, 204, 206, 304, 404, 426, 503, 599, 999)
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'CONNECT')
    fc.assert(
      fc.property(status, fc.array(field, { maxLength: 8 }), method, (code, fields, asked) => {
        const said: Field[] = [[':status', String(code)], ...fields]
        const ours = read(said, { method: asked })
        const hasBody = typeof ours !== 'string' && ours.body === BODY_CHUNKED
        const framed: Field[] = hasBody ? [...fields, ['transfer-encoding', 'chunked']] : fields
        const found = typeof ours === 'string' ? ours : facts(ours)
        expect(found).toEqual(readAsH1(code, framed, asked))
      }),
      { numRuns: 2000 },
    )
  })
})
