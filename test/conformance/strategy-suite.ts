import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BalanceSettings, createStrategy } from '../../src/balance/registry.ts'
import { type Candidates, NO_KEY, type Strategy } from '../../src/balance/strategy.ts'
import { serverId } from '../../src/balance/structures/hashing.ts'
import { seededRandom } from './strategy-random.ts'

/** Standard deviations by which a chi-square may exceed its mean: one run in 30,000. */
const SIGMAS = 4

/** A way to name a strategy in a config. */
export interface Way extends Partial<BalanceSettings> {
  readonly balance: string
  /** `hash-type` where it matters. */
  readonly title?: string
  /** Its table grows with the servers, or is large from the first on. */
  readonly hasTable?: true
}

/** A strategy as a config makes it, with a seed of its own; no server has a session by default. */
export function strategyOf(
  way: Way,
  seed = 1,
  loads: (row: number) => number = () => 0,
  loadTotal: () => number = () => 1,
): Strategy {
  const hashType = { method: 'map-based', function: 'sdbm', avalanche: false } as const
  const settings = { hashType, hashBalanceFactor: null, ...way }
  return createStrategy(settings, { random: seededRandom(seed), loads, loadTotal })
}

/** All servers of a backend as candidates, of the weights given, in rows from `firstRow` on. */
export function candidatesOf(weights: readonly number[], firstRow = 0): Candidates {
  return {
    count: weights.length,
    rows: Int32Array.from(weights, (_, i) => firstRow + i),
    weights: Int32Array.from(weights),
    weightScale: 1,
    ids: Uint32Array.from(weights, (_, i) => serverId(`s${firstRow + i}`)),
    capacities: new Int32Array(weights.length),
    serversTotal: weights.length,
    weightTotal: weights.reduce((sum, weight) => sum + weight, 0),
  }
}

/** How often each of `count` candidates is picked. */
export function countPicks(strategy: Strategy, count: number, picks: number): number[] {
  const counts = new Array<number>(count).fill(0)
  for (let pick = 0; pick < picks; pick++) {
    const picked = strategy.pick(NO_KEY, -1)
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
export function describeStrategy(way: Way): void {
  describe(`strategy ${way.balance}${way.title ?? ''}`, () => {
    it('picks nobody exactly when there is nobody', () => {
      const strategy = strategyOf(way)
      strategy.rebuild(candidatesOf([]))
      expect([strategy.pick(NO_KEY, -1), strategy.pick(0, -1)]).toEqual([-1, -1])
      strategy.rebuild(candidatesOf([3, 1]))
      expect(strategy.pick(NO_KEY, -1)).toBeGreaterThanOrEqual(0)
      expect(strategy.pick(0, -1)).toBeGreaterThanOrEqual(0)
      strategy.rebuild(candidatesOf([]))
      expect([strategy.pick(NO_KEY, 0), strategy.pick(7, 0)]).toEqual([-1, -1])
    })

    it('picks the only one, even when it is to be avoided', () => {
      const strategy = strategyOf(way)
      strategy.rebuild(candidatesOf([5], 70))
      expect([strategy.pick(0, -1), strategy.pick(9, 70), strategy.pick(0, 3)]).toEqual([0, 0, 0])
      expect([strategy.pick(NO_KEY, -1), strategy.pick(NO_KEY, 70)]).toEqual([0, 0])
    })

    it('stays within the candidates through any rebuilds and loads', () => {
      const step = fc.record({
        weights: weightsArbitrary,
        firstRow: fc.nat(60),
        keys: fc.array(fc.oneof(fc.constant(NO_KEY), fc.nat(2 ** 32 - 1)), { maxLength: 30 }),
        avoid: fc.integer({ min: -1, max: 100 }),
      })
      fc.assert(
        fc.property(fc.array(step, { maxLength: 8 }), fc.integer(), (steps, seed) => {
          const sessions = new Int32Array(200)
          const total = (): number => 1 + sessions.reduce((sum, load) => sum + load, 0)
          const strategy = strategyOf(way, seed, (row) => sessions[row]!, total)
          for (const { weights, firstRow, keys, avoid } of steps) {
            const candidates = candidatesOf(weights, firstRow)
            strategy.rebuild(candidates)
            for (const [n, key] of keys.entries()) {
              const picked = strategy.pick(key, avoid)
              expect(picked).toBeGreaterThanOrEqual(0)
              expect(picked).toBeLessThan(candidates.count)
              const row = candidates.rows[picked]!
              sessions[row] = sessions[row]! + 1
              strategy.observe?.(row, 10 * n, n)
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
      const strategy = strategyOf(way)
      const candidates = candidatesOf(weights, 10)
      strategy.rebuild(candidates)
      for (let pick = 0; pick < 1000; pick++) {
        const avoidRow = 10 + (pick % weights.length)
        const key = pick % 2 === 0 ? NO_KEY : pick * 4_000_037
        expect(candidates.rows[strategy.pick(key, avoidRow)]).not.toBe(avoidRow)
      }
    })

    it('has an order for every key that holds to the last candidate', () => {
      const key = fc.oneof(fc.constant(NO_KEY), fc.nat(2 ** 32 - 1))
      fc.assert(
        fc.property(weightsArbitrary, key, fc.integer(), (weights, each, seed) => {
          const strategy = strategyOf(way, seed, (row) => (row * 7) % 5)
          strategy.rebuild(candidatesOf(weights, 3))
          const order = [...strategy.order(each)]
          expect(order.toSorted((i, other) => i - other)).toEqual([...weights.keys()])
        }),
        { numRuns: 50 },
      )
      const empty = strategyOf(way)
      empty.rebuild(candidatesOf([]))
      expect([...empty.order(NO_KEY), ...empty.order(5)]).toEqual([])
    })

    it('has an order for 10,000 servers of all weights', () => {
      const strategy = strategyOf(way)
      strategy.rebuild(candidatesOf(Array.from({ length: 10_000 }, (_, i) => 1 + (i % 256))))
      for (const key of [NO_KEY, 1, 2 ** 31]) {
        expect(new Set(strategy.order(key)).size).toBe(10_000)
      }
    })

    it('is the same again with the same seed', () => {
      const picksOf = (seed: number): number[] => {
        const strategy = strategyOf(way, seed, (row) => row % 3)
        strategy.rebuild(candidatesOf([9, 4, 1, 4]))
        const before = Array.from({ length: 50 }, () => strategy.pick(NO_KEY, -1))
        strategy.rebuild(candidatesOf([9, 4, 7]))
        return [...before, ...Array.from({ length: 50 }, () => strategy.pick(NO_KEY, 1))]
      }
      expect(picksOf(17)).toEqual(picksOf(17))
    })

    it('goes by the set before until the last slice of a rebuild is done', () => {
      const [sliced, twin] = [strategyOf(way), strategyOf(way)]
      // What has a table that grows with the servers, and no other, is rebuilt in slices.
      expect(sliced.rebuildInSlices === undefined).toBe(!way.hasTable)
      if (sliced.rebuildInSlices === undefined) return
      const many = (count: number): Candidates =>
        candidatesOf(Array.from({ length: count }, (_, i) => 1 + (i % 256)))
      const compare = (key: number): void => {
        expect([sliced.pick(key, -1), sliced.pick(NO_KEY, -1)]).toEqual([
          twin.pick(key, -1),
          twin.pick(NO_KEY, -1),
        ])
        expect([...sliced.order(key)].slice(0, 9)).toEqual([...twin.order(key)].slice(0, 9))
      }
      sliced.rebuild(many(300))
      twin.rebuild(many(300))
      const givenUp = sliced.rebuildInSlices(many(900))
      for (let n = 0; n < 2; n++) expect(givenUp.next().done).toBe(false)
      compare(7)
      const slices = sliced.rebuildInSlices(many(1_000))
      for (let n = 0; slices.next().done !== true; n++) compare(n * 4_000_037)
      twin.rebuild(many(1_000))
      for (let n = 0; n < 300; n++) compare(n * 14_000_029)
    })

    it('forgets what it has been told of a server, where it is told anything', () => {
      const strategy = strategyOf(way)
      expect(strategy.forget === undefined).toBe(strategy.observe === undefined)
    })

    it('keeps to the set it was given when the arrays are used again', () => {
      const strategy = strategyOf(way)
      const candidates = candidatesOf([1, 1, 1], 4)
      strategy.rebuild(candidates)
      candidates.rows.fill(0)
      candidates.weights.fill(0)
      candidates.ids.fill(0)
      candidates.capacities.fill(1)
      for (let pick = 0; pick < 100; pick++) {
        expect(strategy.pick(pick % 2 === 0 ? NO_KEY : pick, 5)).not.toBe(1)
      }
    })
  })
}

/**
 * What every strategy must do that shares sessions by weight, those that balance by a key where a
 * session has none. To be run beside {@link describeStrategy}.
 */
export function describeSharing(way: Way): void {
  describe(`strategy ${way.balance}${way.title ?? ''}, sharing`, () => {
    const create = (seed = 1): Strategy => strategyOf(way, seed)

    it('shares by weight among the others when one is avoided', () => {
      const strategy = create()
      strategy.rebuild(candidatesOf([8, 4, 2, 1]))
      const counts = [0, 0, 0, 0]
      for (let pick = 0; pick < 7000; pick++) {
        const picked = strategy.pick(NO_KEY, pick % 2 === 0 ? 0 : -1)
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
        const picked = strategy.pick(NO_KEY, -1)
        counts[picked] = counts[picked]! + 1
      }
      const steady = counts.slice(0, 4)
      expect(chiSquare(steady, [2, 1, 2, 2])).toBeLessThan(chiSquareLimit(4))
      expect(counts[4]! / 20_000).toBeCloseTo(3 / 20, 1)
    })
  })
}
