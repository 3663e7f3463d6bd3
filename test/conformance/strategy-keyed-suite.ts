import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidates, Strategy } from '../../src/balance/strategy.ts'
import { seededRandom } from './strategy-random.ts'
import { candidatesOf, strategyOf, type Way } from './strategy-suite.ts'

/** Keys that are looked up to see where all of them go: 0.1% of a share is 3 standard errors. */
const KEYS = 100_000

const random = seededRandom(99)

/** Keys as a good hash gives them. */
export const keys: readonly number[] = Array.from({ length: KEYS }, () =>
  Math.floor(random() * 2 ** 32),
)

/** The servers of a backend of which some are not candidates now. */
export function withoutServers(all: Candidates, gone: readonly number[]): Candidates {
  const kept = Array.from(all.rows.keys()).filter((i) => !gone.includes(i))
  const pickFrom = (values: Int32Array): Int32Array => Int32Array.from(kept, (i) => values[i]!)
  return {
    ...all,
    count: kept.length,
    rows: pickFrom(all.rows),
    weights: pickFrom(all.weights),
    capacities: pickFrom(all.capacities),
    ids: Uint32Array.from(kept, (i) => all.ids[i]!),
  }
}

/** The rows to which keys go. */
export function rowsOf(strategy: Strategy, candidates: Candidates): number[] {
  strategy.rebuild(candidates)
  return keys.map((key) => candidates.rows[strategy.pick(key, -1)]!)
}

/** What every strategy must do that gives a key its server. */
export function describeKeyed(way: Way): void {
  describe(`strategy ${way.balance}${way.title ?? ''}, keyed`, () => {
    it('gives a key the same server each time, in every thread', () => {
      const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 })
      fc.assert(
        fc.property(weights, fc.nat(2 ** 32 - 1), fc.integer(), (servers, key, seed) => {
          const candidates = candidatesOf(servers)
          const [strategy, other] = [strategyOf(way), strategyOf(way, seed)]
          strategy.rebuild(candidates)
          strategy.pick(key ^ 1, -1)
          other.rebuild(candidatesOf([1, 2, 3]))
          other.rebuild(candidates)
          expect(strategy.pick(key, -1)).toBe(strategy.pick(key, -1))
          expect(other.pick(key, -1)).toBe(strategy.pick(key, -1))
        }),
        { numRuns: 20 },
      )
    })

    it('goes the same way with all tries of a key', () => {
      const [strategy, other] = [strategyOf(way, 1), strategyOf(way, 2)]
      const candidates = candidatesOf([1, 2, 3, 4])
      for (const each of [strategy, other]) each.rebuild(candidates)
      for (const key of keys.slice(0, 100)) {
        const row = candidates.rows[strategy.pick(key, -1)]!
        expect(strategy.pick(key, row)).toBe(other.pick(key, row))
        expect(strategy.pick(key, row)).toBe(strategy.pick(key, row))
        expect(strategy.pick(key, -1)).toBe(candidates.rows.indexOf(row))
      }
    })

    it('has one order for a key in every thread, which begins with what it picks', () => {
      const [strategy, other] = [strategyOf(way, 1), strategyOf(way, 2)]
      const candidates = candidatesOf([1, 2, 3, 4, 5])
      for (const each of [strategy, other]) each.rebuild(candidates)
      for (const key of keys.slice(0, 200)) {
        const order = [...strategy.order(key)]
        expect([...other.order(key)]).toEqual(order)
        expect(order[0]).toBe(strategy.pick(key, -1))
        expect(order[1]).toBe(strategy.pick(key, candidates.rows[order[0]!]!))
      }
    })

    it.each([
      { weights: [1, 1] },
      { weights: [1, 1, 1] },
      { weights: [3, 2, 1] },
      { weights: [256, 128, 64, 32] },
      { weights: new Array<number>(10).fill(100) },
    ])('shares keys by weight: $weights', ({ weights }) => {
      const candidates = candidatesOf(weights)
      const rows = rowsOf(strategyOf(way), candidates)
      weights.forEach((weight, row) => {
        const share = rows.filter((picked) => picked === row).length / KEYS
        expect(Math.abs(share - weight / candidates.weightTotal)).toBeLessThan(0.02)
      })
    })

    it('leaves no server of many without keys', () => {
      const candidates = candidatesOf(new Array<number>(500).fill(1))
      expect(new Set(rowsOf(strategyOf(way), candidates)).size).toBe(500)
    })

    it('spreads the keys of a server that fails over the others', () => {
      const candidates = candidatesOf([1, 1, 1, 1, 1])
      const strategy = strategyOf(way)
      const counts = new Map<number, number>()
      for (const [n, row] of rowsOf(strategy, candidates).entries()) {
        if (row !== 0) continue
        const next = strategy.pick(keys[n]!, 0)
        counts.set(next, (counts.get(next) ?? 0) + 1)
      }
      const moved = [...counts.values()].reduce((sum, count) => sum + count, 0)
      expect([...counts.keys()].sort()).toEqual([1, 2, 3, 4])
      for (const count of counts.values()) expect(count / moved).toBeGreaterThan(0.15)
    })
  })
}
