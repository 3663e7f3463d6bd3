import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccessLogFormat, REQUEST_CHARS_MAX } from '../../../src/telemetry/access-log.ts'
import { httpRecord } from './log-records.ts'

const format = new AccessLogFormat()

/** The fields of HAProxy's manual, section 8.2.3, and nothing else. */
const HTTP_LINE =
  /^(\S+):(\d+) \[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] (\S+) (\S+)\/(\S+) (-?\d+)\/(-?\d+)\/(-?\d+)\/(-?\d+)\/(-?\d+) (-?\d+) (\d+) - - ([A-Za-z-]{4}) (\d+)\/(\d+)\/(\d+)\/(\d+)\/(\+?\d+) (\d+)\/(\d+) "([\x20\x21\x23-\x7e]*)"\n$/

describe('the HTTP format', () => {
  it('is what HAProxy 2.6 writes', () => {
    // Captured from HAProxy 2.6.12, `option httplog`, for a request of curl.
    const captured =
      '127.0.0.1:53016 [23/Nov/2026:05:03:01.261] fe be/s1 0/0/0/0/0 200 53 - - ---- 1/1/0/0/0 0/0 "GET /a#22b%20 HTTP/1.1"\n'
    const record = httpRecord({
      queueMs: 0,
      connectMs: 0,
      responseMs: 0,
      totalMs: 0,
      actconn: 1,
      feconn: 1,
      beconn: 0,
      srvConn: 0,
      request: 'GET /a"b%20 HTTP/1.1',
    })
    expect(format.httpLine(record)).toBe(captured)
    expect(captured).toMatch(HTTP_LINE)
  })

  it('has every fact in its field', () => {
    expect(format.httpLine(httpRecord({ retries: 2, srvQueue: 8, backendQueue: 9 }))).toBe(
      '127.0.0.1:53016 [23/Nov/2026:05:03:01.261] fe be/s1 0/1/2/3/6 200 53 - - ---- 7/6/5/4/2 8/9 "GET /a HTTP/1.1"\n',
    )
  })

  it.each([
    ['no valid request', { request: '', status: 400, termination: 'PR' }, '"<BADREQ>"'],
    ['its termination', { termination: 'SD' }, ' SD-- '],
    ['what became of its cookie', { termination: 'cD', cookies: 'VN' }, ' cDVN '],
    ['no backend', { backend: '', server: '' }, ' fe fe/<NOSRV> '],
    ['no server', { server: '' }, ' fe be/<NOSRV> '],
    ['phases not reached', { connectMs: -1, responseMs: -1 }, ' 0/1/-1/-1/6 '],
    ['fractions of milliseconds', { requestMs: 0.4, totalMs: 12.6 }, ' 0/1/2/3/13 '],
    ['a retry elsewhere', { retries: 1, redispatched: true }, ' 7/6/5/4/+1 '],
    ['IPv6', { clientAddress: '2001:db8::1', clientPort: 4 }, '2001:db8::1:4 ['],
    ['a Unix socket', { clientAddress: '', clientPort: 0 }, 'unix:1 ['],
    [
      'control characters',
      { request: 'GET /\r\n\t\x00\x7f HTTP/1.1' },
      '"GET /#0D#0A#09#00#7F HTTP/1.1"',
    ],
    ['bytes beyond ASCII', { request: 'GET /\xe9\xff HTTP/1.1' }, '"GET /#E9#FF HTTP/1.1"'],
    ['its escape character', { request: 'GET /# HTTP/1.1' }, '"GET /#23 HTTP/1.1"'],
    ['a long request, cut', { request: 'x'.repeat(9999) }, ` "${'x'.repeat(REQUEST_CHARS_MAX)}"\n`],
  ])('writes %s', (_, changes, part) => {
    const line = format.httpLine(httpRecord(changes))
    expect(line).toContain(part)
    expect(line).toMatch(HTTP_LINE)
  })

  it('shows what was captured, behind the queues', () => {
    const format = new AccessLogFormat()
    const captures = { requestCaptures: ['a', null, ''], responseCaptures: [null] }
    expect(format.httpLine(httpRecord(captures))).toContain(' 0/0 {a||} {} "GET /a HTTP/1.1"\n')
    const odd = { requestCaptures: ['{|}"#\x7f\xe9~ z\n'] }
    expect(format.httpLine(httpRecord(odd))).toContain(' {#7B#7C#7D#22#23#7F#E9~ z#0A} "GET')
  })

  it('writes one line that can be taken apart, whatever the bytes of the request', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2000 }),
      fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    )
    fc.assert(
      fc.property(anyText, (request) => {
        const fields = HTTP_LINE.exec(format.httpLine(httpRecord({ request })))
        expect(fields).not.toBeNull()
        const logged = fields?.[22] ?? ''
        const decoded = logged.replace(/#([0-9A-F]{2})/g, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        )
        const asBytes = Buffer.from(request.slice(0, REQUEST_CHARS_MAX), 'latin1')
        expect(decoded).toBe(request === '' ? '<BADREQ>' : asBytes.toString('latin1'))
      }),
    )
  })
})

describe('the TCP format', () => {
  it('has every fact in its field', () => {
    const record = httpRecord({ termination: 'cD', totalMs: 30_007, retries: 3 })
    expect(format.tcpLine(record)).toBe(
      '127.0.0.1:53016 [23/Nov/2026:05:03:01.261] fe be/s1 1/2/30007 53 cD 7/6/5/4/3 0/0\n',
    )
  })
})

describe('the date', () => {
  it('is right whatever was written before', () => {
    const seconds = fc.integer({ min: 0, max: 4e9 })
    fc.assert(
      fc.property(fc.array(fc.tuple(seconds, fc.integer({ min: 0, max: 999 }))), (moments) => {
        for (const [second, ms] of moments) {
          const line = format.tcpLine(httpRecord({ startedAtMs: second * 1000 + ms }))
          const [, day, month, year, time] =
            /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\S+)\]/.exec(line) ?? []
          expect(new Date(`${day} ${month} ${year} ${time}`).getTime()).toBe(second * 1000 + ms)
        }
      }),
    )
  })
})

describe('a connection that ended before there was a session', () => {
  const record = {
    clientAddress: '127.0.0.1',
    clientPort: 53016,
    startedAtMs: new Date(2026, 10, 23, 5, 3, 1, 261).getTime(),
    frontend: 'web',
    bind: 2,
    reason: 'SSL handshake failure',
  }

  it('has a line of its own', () => {
    expect(new AccessLogFormat().failureLine(record)).toBe(
      '127.0.0.1:53016 [23/Nov/2026:05:03:01.261] web/2: SSL handshake failure\n',
    )
  })
})

it('a client that uses TLS is marked at its frontend', () => {
  const line = new AccessLogFormat().httpLine(httpRecord({ isTls: true, backend: '', server: '' }))
  expect(line).toContain(' fe~ fe/<NOSRV> ')
})
