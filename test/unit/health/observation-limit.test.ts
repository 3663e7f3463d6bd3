import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countErrors,
  type ErrorCount,
  healthAfterFault,
  NO_ERRORS,
} from '../../../src/health/observation-limit.ts'
import { isUp } from '../../../src/health/verdict.ts'
import { sampleOf } from './outlier-lab.ts'

/** The faults of samples, each `[successes, errors]`. */
function faultsOf(limit: number, samples: readonly (readonly [number, number])[]): number[] {
  let count: ErrorCount = NO_ERRORS
  return samples.map(([successes, errors]) => {
    count = countErrors(count, sampleOf(successes, errors), limit)
    return count.faults
  })
}

describe('errors in a row', () => {
  it.each<[string, number, [number, number][], number[]]>([
    ['reach the limit in one sample', 10, [[0, 10]], [1]],
    [
      'reach it over several',
      10,
      [
        [0, 4],
        [0, 5],
        [0, 1],
      ],
      [0, 0, 1],
    ],
    [
      'go on over samples with nothing',
      3,
      [
        [0, 2],
        [0, 0],
        [0, 1],
      ],
      [0, 0, 1],
    ],
    [
      'end with a success',
      3,
      [
        [0, 2],
        [1, 0],
        [0, 2],
      ],
      [0, 0, 0],
    ],
    [
      'end with a success among them',
      3,
      [
        [0, 2],
        [1, 5],
        [0, 2],
      ],
      [0, 0, 0],
    ],
    [
      'start over after a fault',
      3,
      [
        [0, 3],
        [0, 2],
        [0, 1],
      ],
      [1, 0, 1],
    ],
    [
      'reach it several times at once',
      3,
      [
        [0, 7],
        [0, 2],
      ],
      [2, 1],
    ],
    [
      'are each a fault with a limit of 1',
      1,
      [
        [0, 2],
        [1, 0],
        [0, 1],
      ],
      [2, 0, 1],
    ],
  ])('%s', (_, limit, samples, faults) => {
    expect(faultsOf(limit, samples)).toEqual(faults)
  })

  it('are counted whole, however they are spread over samples', () => {
    const samples = fc.array(fc.nat(50), { maxLength: 40 })
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 30 }), (errors, limit) => {
        const faults = faultsOf(
          limit,
          errors.map((count) => [0, count]),
        )
        const sum = errors.reduce((one, other) => one + other, 0)
        expect(faults.reduce((one, other) => one + other, 0)).toBe(Math.floor(sum / limit))
      }),
    )
  })
})

describe('a fault', () => {
  const limits = { rise: 2, fall: 3 } // Up from 2 to 4.
  it.each([
    ['fastinter', 4, 4],
    ['fail-check', 4, 3],
    ['fail-check', 3, 2],
    ['fail-check', 2, 0],
    ['sudden-death', 4, 2],
    ['sudden-death', 3, 2],
    ['sudden-death', 2, 0],
    ['mark-down', 4, 0],
    ['mark-down', 2, 0],
    ['mark-down', 1, 1],
    ['fail-check', 1, 1],
  ] as const)('with %s takes health %i to %i', (onError, before, after) => {
    expect(healthAfterFault(before, onError, limits)).toBe(after)
  })

  it('never brings a server up, and with mark-down leaves none up', () => {
    const threshold = fc.integer({ min: 1, max: 20 })
    fc.assert(
      fc.property(threshold, threshold, fc.nat(), (rise, fall, seed) => {
        const thresholds = { rise, fall }
        const health = seed % (rise + fall)
        for (const onError of ['fastinter', 'fail-check', 'sudden-death', 'mark-down'] as const) {
          const after = healthAfterFault(health, onError, thresholds)
          expect(after).toBeGreaterThanOrEqual(0)
          expect(after).toBeLessThanOrEqual(health)
        }
        expect(isUp(healthAfterFault(health, 'mark-down', thresholds), thresholds)).toBe(false)
      }),
    )
  })
})
