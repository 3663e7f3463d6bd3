import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileHttpError, validateHttpError } from '../../../../src/rules/actions/http-error.ts'

/** The problem of a line, as its text with the message put in behind a caret; or what was read. */
function told(line: string): string {
  const read = validateHttpError(line)
  if ('status' in read) return `${read.status}: ${read.rule}`
  const { offset, message, hint } = read
  return `${line.slice(0, offset)}^${line.slice(offset)} | ${message} | ${hint}`
}

describe('validateHttpError', () => {
  it.each([
    ['status 503', '503: '],
    [
      'status 503 content-type text/plain string "a b"',
      '503: content-type text/plain string "a b"',
    ],
    ['  status\t404   errorfile /e/404.http ', '404: errorfile /e/404.http '],
    ['"status" 503 hdr X-A ""', '503: hdr X-A ""'],
  ])('%s', (line, expected) => {
    expect(told(line)).toBe(expected)
  })

  it.each([
    ['', '^ | status is missing | Write status CODE, then the answer.'],
    [
      'content-type text/plain status 503 string a',
      '^content-type text/plain status 503 string a | an answer begins with its status | Write status CODE, then the answer.',
    ],
    ['status', 'status^ | a status code is missing | Write a number from 200 to 599.'],
    [
      'status 5O3',
      'status ^5O3 | "5O3" is not a status code that fits here | Write a number from 200 to 599.',
    ],
    [
      'status 503 string a',
      'status 503 ^string a | a body needs a content-type | Write content-type text/plain.',
    ],
    [
      'status 503 file /e/sorry.html hdr X 1',
      'status 503 ^file /e/sorry.html hdr X 1 | a body needs a content-type | Write content-type text/plain.',
    ],
    ['status 503 string', 'status 503 string^ | the body is missing | '],
    ['status 503 errorfile', 'status 503 errorfile^ | a path is missing | '],
    ['status 503 content-type', 'status 503 content-type^ | a content type is missing | '],
    [
      'status 503 content-type "a\\n" string x',
      'status 503 content-type "a^\\n" string x | a header cannot hold this control character | ',
    ],
    [
      'status 503 errorfile e/503.http',
      'status 503 errorfile ^e/503.http | this is no absolute path | Write a path that begins with /.',
    ],
    [
      'status 503 content-type text/plain file "/e\\x00"',
      'status 503 content-type text/plain file ^"/e\\x00" | this is no absolute path | Write a path that begins with /.',
    ],
    [
      'status 503 content-type text/plain string a file /b',
      'status 503 content-type text/plain string a ^file /b | there is string already | An answer has one body.',
    ],
    [
      'status 503 errorfile /e hdr X 1',
      'status 503 ^errorfile /e hdr X 1 | an errorfile is the whole response, with its headers | Leave content-type and hdr out, or write file.',
    ],
    [
      'status 503 content-type text/plain errorfile /e',
      'status 503 content-type text/plain ^errorfile /e | an errorfile is the whole response, with its headers | Leave content-type and hdr out, or write file.',
    ],
    [
      'status 503 content-type text/plain lf-string %[src]',
      'status 503 content-type text/plain ^lf-string %[src] | lf-string is not available in http-error in this version | Write string TEXT, file PATH or errorfile PATH.',
    ],
    [
      'status 503 default-errorfiles',
      'status 503 ^default-errorfiles | default-errorfiles is not available in http-error in this version | Write string TEXT, file PATH or errorfile PATH.',
    ],
    [
      'status 503 hdr X-Client %[src]',
      'status 503 hdr X-Client ^%[src] | samples are not available in http-error in this version | Write text; for a percent sign write %%.',
    ],
    [
      'status 503 hdr Content-Type text/plain',
      'status 503 hdr ^Content-Type text/plain | Content-Type has an argument of its own | Write content-type TYPE.',
    ],
    [
      'status 503 hdr Content-Length 5',
      'status 503 hdr ^Content-Length 5 | Content-Length is written by the proxy alone | Leave the rule out.',
    ],
    [
      'status 503 content-type text/plain string a if TRUE',
      'status 503 content-type text/plain string a ^if TRUE | an error answer takes no condition | It is given whenever its status is; http-request return takes one.',
    ],
    [
      'status 503 body a',
      'status 503 ^body a | unknown argument "body" | Known: content-type, string, file, errorfile, hdr.',
    ],
    [
      'status 503 status 502',
      'status 503 ^status 502 | unknown argument "status" | Known: content-type, string, file, errorfile, hdr.',
    ],
    [
      'status 503 content-type text/plain string "a',
      'status 503 content-type text/plain string ^"a | this quote is not closed | Close it, or put a backslash before it.',
    ],
  ])('%s', (line, expected) => {
    expect(told(line)).toBe(expected)
  })

  it('never throws, points into the line, and passes only what compiles', () => {
    const pieces = fc.constantFrom(
      ...[
        'status',
        '503',
        'content-type',
        'text/plain',
        'string',
        'file',
        'errorfile',
        '/e',
        'hdr',
      ],
      ...['X-A', '%[src]', '%%', '"a b"', '"', 'lf-string', 'if', 'TRUE', '\\', "''"],
    )
    const start = fc.constantFrom('', 'status 503 ', 'status 503 content-type a/b string x ')
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(start, fc.array(pieces, { maxLength: 6 }))
        .map(([first, list]) => first + list.join(' ')),
    )
    let right = 0
    fc.assert(
      fc.property(line, (text) => {
        const read = validateHttpError(text)
        if ('status' in read) {
          right++
          expect(() => compileHttpError(read.rule)).not.toThrow()
          return
        }
        expect(read.offset).toBeGreaterThanOrEqual(0)
        expect(read.offset).toBeLessThanOrEqual(text.length)
        expect(read.message).not.toBe('')
      }),
      { numRuns: 2000 },
    )
    expect(right).toBeGreaterThan(10)
  })
})

describe('compileHttpError', () => {
  it.each([
    ['', { kind: 'reply', contentType: null, body: null, headers: [] }],
    ['content-type text/plain', { kind: 'reply', contentType: null, body: null, headers: [] }],
    [
      'string "Sorry, 100%\\n" content-type text/plain',
      {
        kind: 'reply',
        contentType: 'text/plain',
        body: { kind: 'text', text: 'Sorry, 100%\n' },
        headers: [],
      },
    ],
    [
      'hdr Retry-After 10 content-type text/html file /e/sorry.html hdr X-A "b 5%%"',
      {
        kind: 'reply',
        contentType: 'text/html',
        body: { kind: 'file', path: '/e/sorry.html' },
        headers: [
          { name: 'Retry-After', value: '10' },
          { name: 'X-A', value: 'b 5%' },
        ],
      },
    ],
    ['errorfile "/e/a b.http"', { kind: 'errorfile', path: '/e/a b.http' }],
  ])('%s', (rule, expected) => {
    expect(compileHttpError(rule)).toEqual(expected)
  })

  it('throws on what validateHttpError would have refused', () => {
    expect(() => compileHttpError('lf-string %[src]')).toThrow(/lf-string is not available/)
  })
})
