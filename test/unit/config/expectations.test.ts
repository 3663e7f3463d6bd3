import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatExpectation, parseExpectation } from '../../../src/config/expectations.ts'

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
  expect(parseExpectation(text)).toEqual({ value: ranges })
})

it.each([
  '',
  '200',
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
  'Status 200',
])('refuses %j', (text) => {
  expect(parseExpectation(text)).toMatchObject({
    problem: { hint: 'Write for example: status 200-399.' },
  })
})

it.each(['! status 500', '!status 500', 'string OK', 'rstring ^OK', 'rstatus ^2', 'hdr name x'])(
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
      expect(parseExpectation(formatExpectation(ranges))).toEqual({ value: ranges })
    }),
  )
})
