import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createStrategy } from '../../src/balance/registry.ts'
import type { Candidates, Strategy } from '../../src/balance/strategy.ts'
import { seededRandom } from './strategy-random.ts'

/** Standard deviations by which a chi-square may exceed its mean: one run in 30,000. */
const SIGMAS = 4

/** Candidates of the weights given, in rows from `firstRow` on. */
export function candidatesOf(weights: readonly number[], firstRow = 0): Candidates {
  return {
    count: weights.length,
    rows: Int32Array.from(weights, (_, i) => firstRow + i),
    weights: Int32Array.from(weights),
  }
}

/** How often each of `count` candidates is picked. */
export function countPicks(strategy: Strategy, count: number, picks: number): number[] {
  const counts = new Array<number>(count).fill(0)
  for (let pick = 0; pick < picks; pick++) {
    const picked = strategy.pick(0, -1)
    counts[picked] = (counts[picked] ?? Number.NaN) + 1
  }
  return counts
}

/** Pearson's chi-square of counts against shares in proportion to weights. */
function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const picks = counts.reduce((sum, count) => sum + count, 0)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return counts.reduce((sum, count, i) => {
    const expected = (picks * weights[i]!) / total
    return sum + (count - expected) ** 2 / expected
  }, 0)
}

/** The chi-square that so many candidates stay below (Wilson and Hilferty's approximation). */
function chiSquareLimit(candidates: number): number {
  const freedom = candidates - 1
  const spread = 2 / (9 * freedom)
  return freedom * (1 - spread + SIGMAS * Math.sqrt(spread)) ** 3
}

const weightsArbitrary = fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 40 })

/** What every strategy must do. To be run for each way that a config can name one. */
export function describeStrategy(text: string): void {
  const create = (seed = 1, loads: (row: number) => number = () => 0): Strategy =>
    createStrategy(text, { random: seededRandom(seed), loads })

  describe(`strategy ${text}`, () => {
    it('picks nobody exactly when there is nobody', () => {
      const strategy = create()
      strategy.rebuild(candidatesOf([]))
      expect(strategy.pick(0, -1)).toBe(-1)
      strategy.rebuild(candidatesOf([3, 1]))
      expect(strategy.pick(0, -1)).toBeGreaterThanOrEqual(0)
      strategy.rebuild(candidatesOf([]))
      expect(strategy.pick(7, 0)).toBe(-1)
    })

    it('picks the only one, even when it is to be avoided', () => {
      const strategy = create()
      strategy.rebuild(candidatesOf([5], 70))
      expect([strategy.pick(0, -1), strategy.pick(9, 70), strategy.pick(0, 3)]).toEqual([0, 0, 0])
    })

    it('stays within the candidates through any rebuilds and loads', () => {
      const step = fc.record({
        weights: weightsArbitrary,
        firstRow: fc.nat(60),
        picks: fc.nat(30),
        avoid: fc.integer({ min: -1, max: 100 }),
      })
      fc.assert(
        fc.property(fc.array(step, { maxLength: 8 }), fc.integer(), (steps, seed) => {
          const sessions = new Int32Array(200)
          const strategy = create(seed, (row) => sessions[row]!)
          for (const { weights, firstRow, picks, avoid } of steps) {
            const candidates = candidatesOf(weights, firstRow)
            strategy.rebuild(candidates)
            for (let pick = 0; pick < picks; pick++) {
              const picked = strategy.pick(pick, avoid)
              expect(picked).toBeGreaterThanOrEqual(0)
              expect(picked).toBeLessThan(candidates.count)
              const row = candidates.rows[picked]!
              sessions[row] = sessions[row]! + 1
              if (candidates.count > 1) expect(row).not.toBe(avoid)
            }
          }
        }),
        { numRuns: 100 },
      )
    })

    it.each([
      { weights: [1, 1] },
      { weights: [256, 1] },
      { weights: [1, 256, 1] },
      { weights: [7, 7, 7, 7] },
    ])('avoids whichever row it is told to: $weights', ({ weights }) => {
      const strategy = create()
      const candidates = candidatesOf(weights, 10)
      strategy.rebuild(candidates)
      for (let pick = 0; pick < 1000; pick++) {
        const avoidRow = 10 + (pick % weights.length)
        expect(candidates.rows[strategy.pick(0, avoidRow)]).not.toBe(avoidRow)
      }
    })

    it('shares by weight among the others when one is avoided', () => {
      const strategy = create()
      strategy.rebuild(candidatesOf([8, 4, 2, 1]))
      const counts = [0, 0, 0, 0]
      for (let pick = 0; pick < 7000; pick++) {
        const picked = strategy.pick(0, pick % 2 === 0 ? 0 : -1)
        counts[picked] = counts[picked]! + 1
      }
      const others = counts.slice(1).reduce((sum, count) => sum + count, 0)
      expect(counts[0]).toBeLessThanOrEqual(3500)
      expect(counts[1]! / others).toBeCloseTo(4 / 7, 1)
      expect(counts[3]! / others).toBeCloseTo(1 / 7, 1)
    })

    it.each([
      { weights: [1, 1, 1] },
      { weights: [3, 2, 1] },
      { weights: [10, 1] },
      { weights: [256, 1, 1, 1] },
      { weights: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
      { weights: [100, 100, 50, 25] },
      { weights: Array.from({ length: 300 }, (_, i) => 1 + (i % 5)) },
    ])('shares idle servers by weight: $weights', ({ weights }) => {
      const strategy = create(42)
      strategy.rebuild(candidatesOf(weights))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const counts = countPicks(strategy, weights.length, 40 * total)
      expect(chiSquare(counts, weights)).toBeLessThan(chiSquareLimit(weights.length))
    })

    it('shares 10,000 servers by weight', () => {
      const weights = Array.from({ length: 10_000 }, (_, i) => 1 + (i % 4))
      const strategy = create(3)
      strategy.rebuild(candidatesOf(weights))
      const counts = countPicks(strategy, weights.length, 250_000)
      const byWeight = [0, 0, 0, 0]
      counts.forEach((count, i) => {
        byWeight[i % 4] = byWeight[i % 4]! + count
      })
      expect(chiSquare(byWeight, [1, 2, 3, 4])).toBeLessThan(chiSquareLimit(4))
      expect(chiSquare(counts, weights)).toBeLessThan(chiSquareLimit(weights.length))
    })

    it('follows servers that come, go and change their weight', () => {
      const strategy = create(5)
      strategy.rebuild(candidatesOf([5, 5, 5]))
      countPicks(strategy, 3, 101)
      for (const weights of [
        [1, 2, 3, 4],
        [4, 3],
        [256, 128, 64],
        [2, 2, 2, 2, 2],
      ]) {
        strategy.rebuild(candidatesOf(weights))
        const counts = countPicks(strategy, weights.length, 9_000)
        expect(chiSquare(counts, weights)).toBeLessThan(chiSquareLimit(weights.length))
      }
    })

    it('favours nobody while a neighbour flaps', () => {
      const strategy = create(11)
      const counts = [0, 0, 0, 0, 0]
      for (let pick = 0; pick < 20_000; pick++) {
        if (pick % 3 === 0)
          strategy.rebuild(candidatesOf(pick % 2 === 0 ? [2, 1, 2, 2, 3] : [2, 1, 2, 2]))
        const picked = strategy.pick(0, -1)
        counts[picked] = counts[picked]! + 1
      }
      const steady = counts.slice(0, 4)
      expect(chiSquare(steady, [2, 1, 2, 2])).toBeLessThan(chiSquareLimit(4))
      expect(counts[4]! / 20_000).toBeCloseTo(3 / 20, 1)
    })

    it('is the same again with the same seed', () => {
      const picksOf = (seed: number): number[] => {
        const strategy = create(seed, (row) => row % 3)
        strategy.rebuild(candidatesOf([9, 4, 1, 4]))
        const before = Array.from({ length: 50 }, () => strategy.pick(0, -1))
        strategy.rebuild(candidatesOf([9, 4, 7]))
        return [...before, ...Array.from({ length: 50 }, () => strategy.pick(0, 1))]
      }
      expect(picksOf(17)).toEqual(picksOf(17))
    })

    it('keeps to the set it was given when the arrays are used again', () => {
      const strategy = create()
      const candidates = candidatesOf([1, 1, 1], 4)
      strategy.rebuild(candidates)
      candidates.rows.fill(0)
      candidates.weights.fill(0)
      for (let pick = 0; pick < 100; pick++) expect(strategy.pick(0, 5)).not.toBe(1)
    })
  })
}
