import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatExpectation,
  parseExpectation,
  parseTcpExpectation,
} from '../../../../src/config/values/expectations.ts'

describe('what an HTTP check expects', () => {
  it.each([
    ['status 200', [[200, 200]]],
    ['status 200-399', [[200, 399]]],
    [
      'status 204,301-302,404',
      [
        [204, 204],
        [301, 302],
        [404, 404],
      ],
    ],
    ['status  100-599', [[100, 599]]],
  ])('reads %s', (text, ranges) => {
    expect(parseExpectation(text)).toEqual({ value: { kind: 'status', negated: false, ranges } })
  })

  it.each([
    ['! status 500', { kind: 'status', negated: true, ranges: [[500, 500]] }],
    ['!status 500', { kind: 'status', negated: true, ranges: [[500, 500]] }],
    ['rstatus ^2', { kind: 'rstatus', negated: false, pattern: '^2' }],
    ['string all is well', { kind: 'string', negated: false, text: 'all is well' }],
    ['string "all is well "', { kind: 'string', negated: false, text: 'all is well ' }],
    ['string a\\r\\n\\t\\x00\\\\ \\ b', { kind: 'string', negated: false, text: 'a\r\n\t\0\\  b' }],
    ['string für', { kind: 'string', negated: false, text: 'f\xc3\xbcr' }],
    ['! string error', { kind: 'string', negated: true, text: 'error' }],
    ['rstring ^O[kK]\\.$', { kind: 'rstring', negated: false, pattern: '^O[kK]\\.$' }],
    ['! rstring (?:bad)+', { kind: 'rstring', negated: true, pattern: '(?:bad)+' }],
  ])('reads %s', (text, value) => {
    expect(parseExpectation(text)).toEqual({ value })
  })

  it.each([
    'status',
    'status ',
    'status 20',
    'status 2000',
    'status 099',
    'status 600',
    'status 300-200',
    'status 200,',
    'status 200,,201',
    'status 200 201',
    'status 200-',
    '',
    '200',
    'Status 200',
    '!',
    'binary 00',
  ])('refuses %j with an example', (text) => {
    expect(parseExpectation(text)).toMatchObject({
      problem: { hint: 'Write for example: status 200-399.' },
    })
  })

  it.each([
    ['string', 'there is no text'],
    ['rstring', 'there is no text'],
    [`string ${'x'.repeat(4097)}`, 'these are more than 4096 bytes'],
    [`rstring ${'x'.repeat(4097)}`, 'this has more than 4096 characters'],
  ])('refuses %.20j', (text, message) => {
    expect(parseExpectation(text)).toMatchObject({ problem: { message } })
  })

  it.each(['hdr name x', 'fhdr name x', 'min-recv 2 string a', 'string-lf x'])(
    'says that %j is not available',
    (text) => {
      expect(parseExpectation(text)).toMatchObject({ problem: { code: 'unsupported' } })
    },
  )

  it('writes what is read back', () => {
    const code = fc.integer({ min: 100, max: 599 })
    const range = fc.tuple(code, code).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 5 }), (ranges) => {
        expect(parseExpectation(formatExpectation(ranges))).toEqual({
          value: { kind: 'status', negated: false, ranges },
        })
      }),
    )
  })
})

describe('what a TCP check expects', () => {
  it.each([
    ['string +PONG', { kind: 'string', negated: false, text: '+PONG' }],
    ['binary 2b504f4E47', { kind: 'string', negated: false, text: '+PONG' }],
    ['! binary 00ff', { kind: 'string', negated: true, text: '\0\xff' }],
    ['rbinary ^2B(50)+', { kind: 'rbinary', negated: false, pattern: '^2B(50)+' }],
  ])('reads %s', (text, value) => {
    expect(parseTcpExpectation(text)).toEqual({ value })
  })

  it.each(['status 200', 'rstatus 200', 'binary 0', 'binary 0g', 'binary'])(
    'refuses %j',
    (text) => {
      expect(parseTcpExpectation(text)).toHaveProperty('problem')
    },
  )
})
