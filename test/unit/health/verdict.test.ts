import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  carryHealth,
  initialHealth,
  intervalMs,
  isUp,
  nextHealth,
} from '../../../src/health/verdict.ts'

const thresholds = fc.record({
  rise: fc.integer({ min: 1, max: 10 }),
  fall: fc.integer({ min: 1, max: 10 }),
})

/** `U` or `D` after each check of a history, `+` a pass, `-` a failure. */
function verdicts(history: string, rise: number, fall: number): string {
  let health = initialHealth({ rise, fall })
  return [...history]
    .map((check) => {
      health = nextHealth(health, check === '+', { rise, fall })
      return isUp(health, { rise, fall }) ? 'U' : 'D'
    })
    .join('')
}

describe('rise and fall', () => {
  it.each([
    // rise, fall, checks, verdict after each
    [2, 3, '+', 'U'],
    [2, 3, '-', 'D'], // one failure on trial
    [2, 3, '+--', 'UUU'],
    [2, 3, '+---', 'UUUD'],
    [2, 3, '+--+--+---', 'UUUUUUUUUD'], // failures must be in a row
    [2, 3, '-+', 'DD'],
    [2, 3, '-++', 'DDU'],
    [2, 3, '-+-++', 'DDDDU'], // passes must be in a row
    [2, 3, '-++--', 'DDUUU'], // back up with the whole fall to lose
    [2, 3, '-++---', 'DDUUUD'],
    [1, 1, '+-+-', 'UDUD'],
    [1, 3, '-+---', 'DUUUD'],
    [3, 1, '-+++-', 'DDDUD'],
  ])('rise %i fall %i: %s gives %s', (rise, fall, checks, expected) => {
    expect(verdicts(checks, rise, fall)).toBe(expected)
  })

  it('agrees with counting what came in a row', () => {
    fc.assert(
      fc.property(
        thresholds,
        fc.array(fc.boolean(), { maxLength: 60 }),
        ({ rise, fall }, checks) => {
          let health = initialHealth({ rise, fall })
          let up = true
          let failuresLeft = 1
          let inARow = 0
          for (const passed of checks) {
            health = nextHealth(health, passed, { rise, fall })
            if (passed === up) {
              inARow = 0
              if (up) failuresLeft = fall
            } else if (++inARow >= (up ? failuresLeft : rise)) {
              up = passed
              inARow = 0
              failuresLeft = fall
            }
            expect(isUp(health, { rise, fall })).toBe(up)
          }
        },
      ),
    )
  })

  it('keeps the health between 0 and rise + fall - 1', () => {
    fc.assert(
      fc.property(
        thresholds,
        fc.array(fc.boolean(), { maxLength: 60 }),
        ({ rise, fall }, checks) => {
          let health = initialHealth({ rise, fall })
          for (const passed of checks) {
            health = nextHealth(health, passed, { rise, fall })
            expect(health).toBeGreaterThanOrEqual(0)
            expect(health).toBeLessThanOrEqual(rise + fall - 1)
          }
        },
      ),
    )
  })
})

describe('other thresholds', () => {
  it('keep the verdict', () => {
    fc.assert(
      fc.property(thresholds, thresholds, fc.nat(), (before, after, seed) => {
        const health = seed % (before.rise + before.fall)
        const carried = carryHealth(health, before, after)
        expect(isUp(carried, after)).toBe(isUp(health, before))
        expect(carried).toBeLessThanOrEqual(after.rise + after.fall - 1)
      }),
    )
  })
})

describe('intervalMs', () => {
  const check = { rise: 2, fall: 3, interMs: 1, fastInterMs: 2, downInterMs: 3 }

  it.each([
    [0, 3],
    [1, 2],
    [2, 2],
    [3, 2],
    [4, 1],
  ])('of health %i is number %i', (health, interval) => {
    expect(intervalMs(health, check)).toBe(interval)
  })

  it('has only two states where one check decides', () => {
    expect([0, 1].map((health) => intervalMs(health, { ...check, rise: 1, fall: 1 }))).toEqual([
      3, 1,
    ])
  })
})
