import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DURATION_MS_MAX } from '../../../../src/base/quantities.ts'
import {
  DURATION_PATTERN,
  formatDuration,
  parseDuration,
} from '../../../../src/config/values/durations.ts'

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['0us', 0],
    ['1', 1],
    ['2000', 2_000],
    ['007s', 7_000],
    ['1us', 1],
    ['999us', 1],
    ['1000us', 1],
    ['1001us', 2],
    ['1ms', 1],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['24d', 2_073_600_000],
    ['2147483647', DURATION_MS_MAX],
    ['2147483647000us', DURATION_MS_MAX],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toEqual({ value: ms })
  })

  it.each([
    ['2147483648', 'out-of-range'],
    ['2147483647001us', 'out-of-range'],
    ['25d', 'out-of-range'],
    ['9'.repeat(400), 'out-of-range'],
    ['-1', 'out-of-range'],
    ['-5s', 'out-of-range'],
  ])('refuses %s as out of range', (text, code) => {
    expect(parseDuration(text)).toMatchObject({ problem: { code } })
  })

  it.each([
    ['1.5s', 'Write 1500ms.'],
    ['1m30s', 'Write 90s.'],
    ['1h1us', 'Write 3600001ms.'],
    ['0.5us', 'Write 1ms.'],
  ])('says how to write %s', (text, hint) => {
    expect(parseDuration(text)).toMatchObject({ problem: { hint } })
  })

  it.each([
    '',
    ' ',
    '5 s',
    '5s ',
    's',
    '5S',
    '5sec',
    '5min',
    '1e3',
    '0x10',
    '+5',
    '.5s',
    '٥s',
    '30d1h',
  ])('refuses %j with the units', (text) => {
    expect(parseDuration(text)).toMatchObject({
      problem: { hint: 'Use a whole number and one unit: us, ms, s, m, h or d.' },
    })
  })

  it('accepts only what its pattern does', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^-?[0-9.]{0,6}[a-z]{0,2}$/))
    fc.assert(
      fc.property(texts, (text) => {
        const isRead = 'value' in parseDuration(text)
        if (isRead) expect(text).toMatch(new RegExp(DURATION_PATTERN))
        // The pattern knows no upper bound: six digits of days are beyond it.
        else if (new RegExp(DURATION_PATTERN).test(text)) expect(text).toMatch(/[dhms]$|\d{10}/)
      }),
    )
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [1, '1ms'],
    [1_500, '1500ms'],
    [90_000, '90s'],
    [86_400_000, '1d'],
  ])('writes %i as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('writes what is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DURATION_MS_MAX }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toEqual({ value: ms })
      }),
    )
  })
})
