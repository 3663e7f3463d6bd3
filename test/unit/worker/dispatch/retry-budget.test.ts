import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RetryBudgetConfig } from '../../../../src/model/config.ts'
import { RetryBudget } from '../../../../src/worker/dispatch/retry-budget.ts'

/** The same with every moment written down. */
class PlainBudget {
  readonly #config: RetryBudgetConfig
  readonly #workers: number
  readonly #requests: number[] = []
  readonly #retries: number[] = []
  #nowMs = 0

  constructor(config: RetryBudgetConfig, workers: number) {
    this.#config = config
    this.#workers = workers
  }

  addRequest(nowMs: number): void {
    this.#requests.push(this.#moment(nowMs))
  }

  takeRetry(nowMs: number): boolean {
    const moment = this.#moment(nowMs)
    const { percent, minPerSec } = this.#config
    const retriesAfter = this.#inWindow(this.#retries) + 1
    // In whole numbers: what a share or a rate grants is compared without rounding.
    const isInShare = retriesAfter * 100 <= this.#inWindow(this.#requests) * percent
    const isInRate = retriesAfter * this.#workers <= minPerSec * 10
    if (isInShare || isInRate) this.#retries.push(moment)
    return isInShare || isInRate
  }

  #moment(nowMs: number): number {
    this.#nowMs = Math.max(this.#nowMs, nowMs)
    return this.#nowMs
  }

  /** Moments in the present second and the nine before it. */
  #inWindow(moments: readonly number[]): number {
    const present = Math.floor(this.#nowMs / 1000)
    return moments.filter((moment) => present - Math.floor(moment / 1000) < 10).length
  }
}

/** How many of these tries are granted after so many requests, all in one moment. */
function granted(budget: RetryBudget, requests: number, tries: number, nowMs = 0): number {
  for (let n = 0; n < requests; n++) budget.addRequest(nowMs)
  return Array.from({ length: tries }, () => budget.takeRetry(nowMs)).filter(Boolean).length
}

describe('a retry budget', () => {
  it.each<[percent: number, minPerSec: number, workers: number, requests: number, retries: number]>(
    [
      [20, 0, 1, 0, 0],
      [20, 0, 1, 4, 0],
      [20, 0, 1, 5, 1],
      [20, 0, 1, 9, 1],
      [20, 0, 1, 100, 20],
      [29, 0, 1, 100, 29],
      [7, 0, 1, 100, 7],
      [100, 0, 1, 30, 30],
      [0, 0, 1, 1000, 0],
      [0, 1, 1, 0, 10],
      [0, 1, 4, 0, 2],
      [0, 3, 4, 0, 7],
      [20, 1, 1, 40, 10],
      [20, 1, 1, 60, 12],
      [20, 10, 2, 60, 50],
      [20, 10, 2, 300, 60],
    ],
  )(
    'of %i%% and %i/s shared by %i grants after %i requests %i retries',
    (percent, minPerSec, workers, requests, retries) => {
      const budget = new RetryBudget({ percent, minPerSec }, workers)
      expect(granted(budget, requests, requests + 100)).toBe(retries)
    },
  )

  it('looks at the last ten seconds', () => {
    const budget = new RetryBudget({ percent: 10, minPerSec: 0 }, 1)
    expect(granted(budget, 100, 5, 1500)).toBe(5)
    // The requests count until their second has left the window, and so do the retries.
    expect(granted(budget, 0, 100, 10_999)).toBe(5)
    expect(granted(budget, 0, 100, 11_000)).toBe(0)
    expect(granted(budget, 60, 100, 11_000)).toBe(1)
    expect(granted(budget, 0, 100, 20_000)).toBe(5)
  })

  it('grants its rate again once the retries have left the window', () => {
    const budget = new RetryBudget({ percent: 0, minPerSec: 2 }, 1)
    expect(granted(budget, 0, 100, 0)).toBe(20)
    expect(granted(budget, 0, 100, 9999)).toBe(0)
    expect(granted(budget, 0, 100, 10_000)).toBe(20)
    expect(granted(budget, 0, 100, 1e9)).toBe(20)
  })

  it('forgets nothing when the clock goes back a little', () => {
    const budget = new RetryBudget({ percent: 10, minPerSec: 0 }, 1)
    expect(granted(budget, 100, 0, 4500)).toBe(0)
    expect(granted(budget, 0, 100, 5001)).toBe(10)
    // Another clock, which lags, is still in the second before.
    expect(granted(budget, 0, 100, 4990)).toBe(0)
    expect(granted(budget, 0, 100, 5050)).toBe(0)
    expect(granted(budget, 100, 100, 4999)).toBe(10)
    expect(granted(budget, 0, 100, 14_999)).toBe(0)
  })

  it('grants what one that writes every moment down does', () => {
    const event = fc.record({
      afterMs: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: -700, max: 900 }) },
        { weight: 1, arbitrary: fc.integer({ min: 900, max: 12_000 }) },
      ),
      isRequest: fc.boolean(),
      times: fc.integer({ min: 1, max: 12 }),
    })
    const config = fc.record({
      percent: fc.integer({ min: 0, max: 100 }),
      minPerSec: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 })),
    })
    const events = fc.array(event, { maxLength: 120 })
    fc.assert(
      fc.property(config, fc.integer({ min: 1, max: 4 }), events, (limits, workers, happenings) => {
        const ours = new RetryBudget(limits, workers)
        const plain = new PlainBudget(limits, workers)
        let nowMs = 0
        for (const { afterMs, isRequest, times } of happenings) {
          nowMs = Math.max(0, nowMs + afterMs)
          for (let n = 0; n < times; n++) {
            if (isRequest) {
              ours.addRequest(nowMs)
              plain.addRequest(nowMs)
            } else expect(ours.takeRetry(nowMs)).toBe(plain.takeRetry(nowMs))
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
