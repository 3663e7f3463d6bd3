import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BODY_LENGTH, BODY_NONE } from '../../../../src/http/body.ts'
import { readErrorFile } from '../../../../src/http/h1/error-file.ts'
import { answerText } from '../../../../src/http/h1/head-text.ts'
import { parseResponseHead } from '../../../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../src/http/limits.ts'
import { ResponseHead } from '../../../../src/http/response-head.ts'

/** The response before a close, or what is wrong behind an exclamation mark. */
function read(file: string): string {
  const result = readErrorFile(Buffer.from(file, 'latin1'), DEFAULT_HEAD_LIMITS)
  return 'answer' in result ? answerText(result.answer, 'close', false) : `!${result.problem}`
}

describe('an errorfile', () => {
  it('is sent as it is, framed and ending its connection', () => {
    const file =
      'HTTP/1.1 503 Sorry\r\nContent-Type: text/html\r\nx-A:  b \r\n\r\n<p>\xe9\n</p>\r\n'
    expect(read(file)).toBe(
      'HTTP/1.1 503 Sorry\r\n' +
        'Content-Length: 11\r\n' +
        'Content-Type: text/html\r\n' +
        'x-A:  b \r\n' +
        'Connection: close\r\n' +
        '\r\n' +
        '<p>\xe9\n</p>\r\n',
    )
  })

  it('may have lines that end with LF; its body stays as it is', () => {
    expect(read('HTTP/1.0 503 Sorry\nX: y\n\na\n\nb\r\n')).toBe(
      'HTTP/1.0 503 Sorry\r\nContent-Length: 6\r\nX: y\r\nConnection: close\r\n\r\na\n\nb\r\n',
    )
    expect(read('HTTP/1.1 503 Sorry\r\nX: y\n\nb')).toBe(
      read('HTTP/1.1 503 Sorry\r\nX: y\r\n\r\nb'),
    )
  })

  it.each([
    ['a length that is not the body’s', 'Content-Length: 99', ''],
    ['a length in other letters', 'content-LENGTH: 0', ''],
    ['a connection that stays', 'Connection: keep-alive\r\nKeep-Alive: timeout=5', ''],
    ['headers of its connection', 'Connection: X-Hop\r\nX-Hop: 1\r\nProxy-Connection: close', ''],
    ['another protocol', 'Upgrade: websocket\r\nConnection: upgrade\r\nX: y', 'X: y\r\n'],
  ])('has its framing set right: %s', (_, lines, kept) => {
    expect(read(`HTTP/1.1 502 No\r\n${lines}\r\n\r\nbody`)).toBe(
      `HTTP/1.1 502 No\r\nContent-Length: 4\r\n${kept}Connection: close\r\n\r\nbody`,
    )
  })

  it('may have no reason, no headers and no body', () => {
    expect(read('HTTP/1.1 503\n\n')).toBe(
      'HTTP/1.1 503 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
  })

  it('may have another status than the one that it is for, and one without a body', () => {
    expect(read('HTTP/1.1 200 Fine\r\n\r\nx')).toMatch(/^HTTP\/1\.1 200 Fine\r\n/)
    expect(read('HTTP/1.1 204 Nothing\r\nContent-Length: 0\r\n\r\n')).toBe(
      'HTTP/1.1 204 Nothing\r\nConnection: close\r\n\r\n',
    )
  })

  it('names the protocols that would do', () => {
    const file = 'HTTP/1.1 426 No\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n'
    expect(read(file)).toBe(
      'HTTP/1.1 426 No\r\nContent-Length: 0\r\nUpgrade: a\r\nConnection: upgrade\r\nConnection: close\r\n\r\n',
    )
  })

  it('stands for no answer at all where it is empty', () => {
    expect(read('')).toBe('')
  })

  it.each([
    ['<html>Sorry</html>', 'no empty line ends its headers'],
    ['HTTP/1.1 503 Sorry\r\nX: y\r\n', 'no empty line ends its headers'],
    ['\r\nHTTP/1.1 503 Sorry\r\n\r\n', 'the status line is not `HTTP/1.x status reason`'],
    ['HTTP/1.1\r\n\r\n', 'the status line is not `HTTP/1.x status reason`'],
    ['HTTP/2 503\r\n\r\n', 'the status line is not `HTTP/1.x status reason`'],
    ['HTTP/1.1 5O3 Sorry\r\n\r\n', 'the status line is not `HTTP/1.x status reason`'],
    ['HTTP/1.1 503 Sorry\r\nX/y: z\r\n\r\n', 'a header name has a byte that is no token character'],
    ['HTTP/1.1 503 Sorry\r\nX: y\r\n z\r\n\r\n', 'a header is continued on the next line'],
    ['HTTP/1.1 503 Sorry\r\nX: a\rb\r\n\r\n', 'a CR without LF'],
    ['HTTP/1.1 503 Sorry\r\nX: a\0b\r\n\r\n', 'a header value has a control character'],
    [
      'HTTP/1.1 503 Sorry\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
      'more than one Content-Length',
    ],
    [
      'HTTP/1.1 503 Sorry\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      'a body in chunks cannot be sent from a file',
    ],
    [
      'HTTP/1.1 101 Go\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n',
      'status 101 announces a response and is none',
    ],
    ['HTTP/1.1 100 Go\r\n\r\n', 'status 100 announces a response and is none'],
    ['HTTP/1.1 204 Nothing\r\n\r\nx', 'a response with status 204 has no body'],
    ['HTTP/1.1 304 Same\r\n\r\nx', 'a response with status 304 has no body'],
    [`HTTP/1.1 503 Sorry\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 'the message head is too large'],
    [`HTTP/1.1 503 Sorry\r\n${'X: y\r\n'.repeat(102)}\r\n`, 'the message has too many headers'],
  ])('is refused where it is no response (%#)', (file, problem) => {
    expect(read(file)).toBe(`!${problem}`)
  })

  it('is one whole response to any reader, or refused, whatever is in it', () => {
    const line = fc.oneof(
      fc.constantFrom('Content-Length: 3', 'Connection: keep-alive, x-a', 'X-A: b', 'Upgrade: h2c'),
      fc.constantFrom('Transfer-Encoding: chunked', 'Keep-Alive: 1', ' folded', '', 'Trailer: x'),
      fc.string({ unit: 'binary', maxLength: 8 }),
    )
    const end = fc.constantFrom('\r\n', '\n', '\r\r\n')
    const start = fc.constantFrom(
      'HTTP/1.1 503 No',
      'HTTP/1.0 503',
      'HTTP/1.1 204 No',
      'HTTP/1.1 304 ',
    )
    const files = fc
      .tuple(start, fc.array(fc.tuple(end, line)), end, fc.string({ unit: 'binary' }))
      .map(([first, lines, last, body]) => first + lines.flat().join('') + last + last + body)
    let responses = 0
    fc.assert(
      fc.property(files, (file) => {
        const response = read(file)
        if (response.startsWith('!')) return
        responses++
        const view = Buffer.from(response, 'latin1')
        const head = new ResponseHead({ ...DEFAULT_HEAD_LIMITS, headersMax: 200 })
        const used = parseResponseHead(view, 0, view.length, 'GET', head)
        expect(used).toBeGreaterThan(0)
        expect(head.persistent).toBe(false)
        expect(head.headers.has('transfer-encoding')).toBe(false)
        expect([BODY_LENGTH, BODY_NONE]).toContain(head.body)
        expect(head.contentLength).toBe(view.length - used)
      }),
      { numRuns: 2000 },
    )
    expect(responses).toBeGreaterThan(100)
  })
})
