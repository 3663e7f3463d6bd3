import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SIZE_BYTES_MAX } from '../../../../src/base/quantities.ts'
import { formatSize, parseSize, SIZE_PATTERN } from '../../../../src/config/values/sizes.ts'

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['16384', 16_384],
    ['16k', 16_384],
    ['16K', 16_384],
    ['1m', 1_048_576],
    ['3G', 3_221_225_472],
    ['4294967295', SIZE_BYTES_MAX],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toEqual({ value: bytes })
  })

  it.each(['4294967296', '4g', '4096m', '4194304k', '-1', '-1k', '9'.repeat(400)])(
    'refuses %s as out of range',
    (text) => {
      expect(parseSize(text)).toMatchObject({ problem: { code: 'out-of-range' } })
    },
  )

  it.each([
    ['16KB', 'Write 16k.'],
    ['16MiB', 'Write 16m.'],
    ['1.5k', 'Use a whole number, and k, m or g.'],
    ['16 k', 'Use a whole number, and k, m or g.'],
    ['', 'Use a whole number, and k, m or g.'],
    ['k', 'Use a whole number, and k, m or g.'],
    ['16t', 'Use a whole number, and k, m or g.'],
  ])('refuses %j with a hint', (text, hint) => {
    expect(parseSize(text)).toMatchObject({ problem: { hint } })
  })

  it('accepts only what its pattern does', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{0,4}[a-zA-Z]{0,2}$/))
    fc.assert(
      fc.property(texts, (text) => {
        if ('value' in parseSize(text)) expect(text).toMatch(new RegExp(SIZE_PATTERN))
      }),
    )
  })
})

describe('formatSize', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [1_024, '1k'],
    [16_384, '16k'],
    [1_048_577, '1048577'],
  ])('writes %i as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text)
  })

  it('writes what is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SIZE_BYTES_MAX }), (bytes) => {
        expect(parseSize(formatSize(bytes))).toEqual({ value: bytes })
      }),
    )
  })
})
