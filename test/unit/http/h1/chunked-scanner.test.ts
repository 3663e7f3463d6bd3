import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkedScanner } from '../../../../src/http/h1/chunked-scanner.ts'
import { type ChunkLimits, DEFAULT_CHUNK_LIMITS } from '../../../../src/http/limits.ts'
import { REJECT } from '../../../../src/http/rejects.ts'

function scanner(
  decode: boolean,
  limits: Partial<ChunkLimits> = {},
  direction: 'request' | 'response' = 'request',
): ChunkedScanner {
  const drops = (name: string): boolean => name === 'x-own'
  const made = new ChunkedScanner({ ...DEFAULT_CHUNK_LIMITS, ...limits }, direction, drops)
  made.reset(decode)
  return made
}

function spans(scanned: ChunkedScanner, view: Buffer): string[] {
  return Array.from({ length: scanned.spanCount }, (_, n) =>
    view.toString('latin1', scanned.spanStart(n), scanned.spanEnd(n)),
  )
}

/** What `body` is passed on as, and how many bytes of it were used. */
function scan(body: string, decode: boolean): { spans: string[]; used: number } {
  const view = Buffer.from(body, 'latin1')
  const scanned = scanner(decode)
  const used = scanned.feed(view, 0, view.length)
  return { spans: spans(scanned, view), used }
}

function refusal(body: string, limits: Partial<ChunkLimits>): number {
  const view = Buffer.from(body)
  return scanner(false, limits).feed(view, 0, view.length)
}

/** The body that `datas` are, a chunk each. */
function chunked(datas: readonly string[]): string {
  const chunks = datas.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`)
  return `${chunks.join('')}0\r\n\r\n`
}

describe('scanning a chunked body', () => {
  const body = '5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n'

  it('passes a body without extensions on in one span', () => {
    expect(scan(`${body}GET`, false)).toEqual({ spans: [body], used: body.length })
  })

  it('passes the data alone on, a span a chunk', () => {
    expect(scan(`${body}GET`, true)).toEqual({ spans: ['hello', '!'], used: body.length })
  })

  it('leaves extensions out', () => {
    expect(scan('5;a=b\r\nhello\r\n0;c="d"\r\n\r\n', false).spans).toEqual([
      '5',
      '\r\nhello\r\n0',
      '\r\n\r\n',
    ])
  })

  it('counts the data and knows the end', () => {
    const view = Buffer.from(body)
    const scanned = scanner(false)
    scanned.feed(view, 0, view.length - 1)
    expect([scanned.dataBytes, scanned.done]).toEqual([6, false])
    expect(scanned.feed(view, view.length - 1, view.length)).toBe(1)
    expect([scanned.done, scanned.feed(view, 0, view.length)]).toEqual([true, 0])
    scanned.reset(true)
    expect([scanned.dataBytes, scanned.done, scanned.spanCount]).toEqual([0, false, 0])
  })

  it('gives no span for no bytes', () => {
    const scanned = scanner(false)
    expect(scanned.feed(Buffer.from(body), 3, 3)).toBe(0)
    expect(scanned.spanCount).toBe(0)
  })

  it('stops when its spans are used up, and goes on from there', () => {
    const text = chunked(Array(100).fill('x'))
    const view = Buffer.from(text)
    const scanned = scanner(true)
    const first = scanned.feed(view, 0, view.length)
    expect([scanned.spanCount, scanned.done]).toEqual([64, false])
    const second = scanned.feed(view, first, view.length)
    expect([scanned.spanCount, scanned.done, first + second]).toEqual([36, true, view.length])
  })

  it('goes on refusing what it refused, and keeps the spans before it', () => {
    const view = Buffer.from('2\r\nhix0\r\n\r\n')
    const scanned = scanner(true)
    expect(scanned.feed(view, 0, view.length)).toBe(REJECT.chunkEnd)
    expect(spans(scanned, view)).toEqual(['hi'])
    expect(scanned.feed(view, 0, view.length)).toBe(REJECT.chunkEnd)
    expect(scanned.done).toBe(false)
  })

  it('takes chunks of more than 2^31 bytes', () => {
    const view = Buffer.from('1fffffffffffff\r\nab')
    const scanned = scanner(true)
    expect(scanned.feed(view, 0, view.length)).toBe(view.length)
    expect(scanned.feed(view, 16, view.length)).toBe(2)
    expect(scanned.dataBytes).toBe(4)
  })
})

/** What is passed on of a body that comes in pieces of a size. */
function passed(
  body: string,
  size: number,
  direction: 'request' | 'response',
  decode = false,
): string | number {
  const view = Buffer.from(body, 'latin1')
  const scanned = scanner(decode, {}, direction)
  let out = ''
  for (let at = 0; at < view.length && !scanned.done; ) {
    const used = scanned.feed(view, at, Math.min(view.length, at + size))
    if (used < 0) return used
    out += spans(scanned, view).join('')
    at += used
  }
  expect(scanned.done).toBe(true)
  return out + scanned.trailers
}

describe.each([1, 2, 3, 7, 1000])('in pieces of %i bytes', (size) => {
  it.each([
    ['X-Sum: 1', 'A:b', 'grpc-status: 0', 'Grpc-Message: \xe9', 'ETag: "x"', 'Content-Digest: s=1'],
    ['Transfer-Encodings: x', 'X-Owner: a', 'Accepted: 1', 'hosts:', 'Cookies: 1'],
  ])('trailers are passed on: %s, %s, %s', (...lines) => {
    const trailers = `${lines.join('\r\n')}\r\n\r\n`
    const body = `1\r\nx\r\n0\r\n${trailers}`
    for (const direction of ['request', 'response'] as const) {
      expect(passed(body, size, direction)).toBe(body)
      expect(passed(body, size, direction, true)).toBe(`x${trailers}`)
    }
  })

  it('those are refused that frame, in either direction', () => {
    const refused = [
      ...['Content-Length', 'TRANSFER-ENCODING', 'Host', 'connection', 'Upgrade', 'TE', 'Trailer'],
      ...['Expect', 'Keep-Alive', 'Proxy-Connection'],
    ]
    for (const name of refused) {
      const body = `1\r\nx\r\n0\r\nA: 1\r\n${name}: 1\r\n\r\n`
      for (const direction of ['request', 'response'] as const) {
        expect(passed(body, size, direction)).toBe(REJECT.trailerForbidden)
        expect(passed(body, size, direction, true)).toBe(REJECT.trailerForbidden)
      }
    }
  })

  it('those are dropped that route, authenticate, control or describe', () => {
    const dropped = [
      ...['Authorization', 'Proxy-Authorization', 'X-Original-URL', 'X-HTTP-Method-Override'],
      ...['WWW-Authenticate', 'Cookie', 'Set-Cookie', 'Content-Type', 'Content-Range', 'Range'],
      ...['Content-Encoding', 'Max-Forwards', 'Cache-Control', 'If-Match', 'If-None-Match', 'Age'],
      ...['Date', 'Expires', 'Location', 'Vary', 'Retry-After', 'Warning', 'Authentication-Info'],
      ...['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Proto', 'x-real-ip', 'X-Own', 'Sec-Token'],
    ]
    for (const name of dropped) {
      const line = `${name}: 1\r\n`
      const body = (trailers: string): string => `1\r\nx\r\n0\r\n${trailers}\r\n`
      for (const direction of ['request', 'response'] as const) {
        expect(passed(body(line), size, direction)).toBe(body(''))
        expect(passed(body(`A: 1\r\n${line}B: 2\r\n`), size, direction)).toBe(
          body('A: 1\r\nB: 2\r\n'),
        )
        expect(passed(body(line), size, direction, true)).toBe('x\r\n')
      }
    }
  })

  it('blanks behind a size are left out in a response, and refused in a request', () => {
    const padded = '5   \r\nhello\r\n1\t\r\n!\r\n2 ;a=b\r\nxy\r\n0       \r\n\r\n'
    const plain = '5\r\nhello\r\n1\r\n!\r\n2\r\nxy\r\n0\r\n\r\n'
    expect(passed(padded, size, 'response')).toBe(plain)
    expect(passed(padded, size, 'response', true)).toBe('hello!xy')
    expect(passed(padded, size, 'request')).toBe(REJECT.chunkSize)
    const blanks = (count: number): string => `1${' '.repeat(count)}\r\nx\r\n0\r\n\r\n`
    expect(passed(blanks(16), size, 'response')).toBe('1\r\nx\r\n0\r\n\r\n')
    for (const bad of [blanks(17), '1 2\r\nx\r\n', '1 x\r\n', ' 1\r\nx\r\n']) {
      expect(passed(bad, size, 'response')).toBe(REJECT.chunkSize)
    }
    expect(passed('1 \nx\r\n0\r\n\r\n', size, 'response')).toBe(REJECT.bareLf)
  })
})

describe('the bounds of a chunked body', () => {
  it('hold for all its extensions together', () => {
    const text = '1;a\r\nx\r\n1;b\r\ny\r\n0\r\n\r\n'
    expect(refusal(text, { extensionBytesMax: 2 })).toBe(text.length)
    expect(refusal(text, { extensionBytesMax: 1 })).toBe(REJECT.chunkExtensionTooLong)
    expect(refusal(`1;${'a'.repeat(99)}`, { extensionBytesMax: 50 })).toBe(
      REJECT.chunkExtensionTooLong,
    )
  })

  it('hold for its trailers, the empty line included', () => {
    const text = '0\r\nA: b\r\n\r\n'
    expect(refusal(text, { trailerBytesMax: 8 })).toBe(text.length)
    expect(refusal(text, { trailerBytesMax: 7 })).toBe(REJECT.trailersTooLarge)
    expect(refusal(`0\r\n${'a'.repeat(99)}`, { trailerBytesMax: 50 })).toBe(REJECT.trailersTooLarge)
    expect(refusal('0\r\n\r\n', { trailerBytesMax: 2 })).toBe(5)
    expect(refusal('0\r\n\r\n', { trailerBytesMax: 1 })).toBe(REJECT.trailersTooLarge)
  })

  it('hold for each body by itself', () => {
    const view = Buffer.from('1;a\r\nx\r\n0\r\nA: b\r\n\r\n')
    const scanned = scanner(false, { extensionBytesMax: 1, trailerBytesMax: 8 })
    for (let body = 0; body < 3; body++) {
      scanned.reset(false)
      expect(scanned.feed(view, 0, view.length)).toBe(view.length)
    }
  })

  it.each([1, 2, 7, 8, 9, 10])('hold alike for pieces of %i bytes', (size) => {
    const view = Buffer.from('1;ab\r\nx\r\n0;c\r\nA: b\r\nC: d\r\n\r\n')
    for (const limits of [{ trailerBytesMax: 13 }, { extensionBytesMax: 2 }]) {
      const scanned = scanner(false, limits)
      let used = 0
      for (let at = 0; at < view.length && used >= 0; at += size) {
        used = scanned.feed(view, at, Math.min(view.length, at + size))
      }
      expect(used).toBe(refusal(view.toString(), limits))
      expect(used).toBeLessThan(0)
    }
  })
})

describe('any chunked body', () => {
  const data = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' })

  it('comes out as it went in, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.array(data, { maxLength: 12 }),
        fc.integer({ min: 1, max: 30 }),
        (datas, size) => {
          const text = chunked(datas)
          const view = Buffer.from(`${text}next`, 'latin1')
          for (const decode of [true, false]) {
            const scanned = scanner(decode)
            let out = ''
            let at = 0
            while (!scanned.done && at < view.length) {
              at += scanned.feed(view, at, Math.min(view.length, at + size))
              out += spans(scanned, view).join('')
            }
            expect(out).toBe(decode ? datas.join('') : text)
            expect(at).toBe(text.length)
            expect(scanned.dataBytes).toBe(datas.join('').length)
          }
        },
      ),
    )
  })

  it('or what is none never throws, and is never read past its end', () => {
    const piece = fc.constantFrom(
      '5',
      'a',
      '0',
      ';',
      '=',
      '"',
      '\\',
      '\r\n',
      '\r',
      '\n',
      'hello',
      ':',
      ' ',
      '\0',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, decode) => {
        const text = pieces.join('')
        const view = Buffer.from(`${text}\r\n0\r\n\r\n`)
        const scanned = scanner(decode)
        const used = scanned.feed(view, 0, text.length)
        expect(used).toBeLessThanOrEqual(text.length)
        for (let n = 0; n < scanned.spanCount; n++) {
          expect(scanned.spanStart(n)).toBeLessThan(scanned.spanEnd(n))
          expect(scanned.spanEnd(n)).toBeLessThanOrEqual(text.length)
        }
      }),
    )
  })
})
