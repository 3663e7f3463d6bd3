import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Keyed } from '../../../../src/balance/keyed.ts'
import type { Candidates } from '../../../../src/balance/strategy.ts'
import { HashRing } from '../../../../src/balance/structures/hash-ring.ts'
import { avalanche, serverId } from '../../../../src/balance/structures/hashing.ts'
import { keys, rowsOf, withoutServers } from '../../../conformance/strategy-keyed-suite.ts'
import { candidatesOf, strategyOf } from '../../../conformance/strategy-suite.ts'

const way = {
  balance: 'source',
  hashType: { method: 'consistent', function: 'sdbm', avalanche: true },
} as const

const ringOf = (
  candidates: Candidates,
  factor: number | null = null,
  sessions: readonly number[] = [],
): Keyed => {
  const context = {
    random: () => 0,
    loads: (row: number) => sessions[row] ?? 0,
    loadTotal: () => 1 + sessions.reduce((sum, load) => sum + load, 0),
  }
  const ring = new Keyed(new HashRing(context, factor), context.random)
  ring.rebuild(candidates)
  return ring
}

/** The points of one server, as the ring's description has them. */
function pointsOf(id: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => avalanche(avalanche(id) ^ avalanche(n ^ SEED)))
}

const SEED = 0x85ebca6b

/** The candidate of the next point, by looking at all of them, among those that may be taken. */
function naiveFind(
  { ids, weights, count }: Candidates,
  perWeight: number,
  key: number,
  mayTake: (candidate: number) => boolean,
): number {
  let nearest = Number.POSITIVE_INFINITY
  let found = -1
  for (let i = 0; i < count; i++) {
    if (!mayTake(i)) continue
    for (const point of pointsOf(ids[i]!, Math.max(1, Math.round(weights[i]! * perWeight)))) {
      const distance = point >= key ? point - key : point - key + 2 ** 32
      if (distance >= nearest) continue
      nearest = distance
      found = i
    }
  }
  return found
}

const farm = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 })
const key = fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1))

/** Points for a unit of weight in a small backend: of 2^15 as many as a power of two allows. */
const perWeightOf = ({ weightTotal }: Candidates): number =>
  2 ** Math.floor(Math.log2(2 ** 15 / weightTotal))

describe('the ring', () => {
  it('gives a key the server of the next point, as looking at all points shows', () => {
    fc.assert(
      fc.property(farm, key, fc.integer({ min: -1, max: 5 }), (weights, each, avoid) => {
        const candidates = candidatesOf(weights)
        const mayTake = (i: number): boolean => i !== avoid || weights.length === 1
        const twin = naiveFind(candidates, perWeightOf(candidates), each, mayTake)
        expect(ringOf(candidates).pick(each, avoid)).toBe(twin)
      }),
      { numRuns: 60 },
    )
  })

  it('with a factor gives it the next server that has room, as counting shows', () => {
    const loads = fc.array(fc.nat(9), { minLength: 6, maxLength: 6 })
    const factor = fc.integer({ min: 101, max: 300 })
    fc.assert(
      fc.property(farm, loads, factor, key, (weights, all, percent, each) => {
        const candidates = candidatesOf(weights)
        const sessions = all.slice(0, weights.length)
        const total = 1 + sessions.reduce((sum, load) => sum + load, 0)
        const hasRoom = (i: number): boolean =>
          sessions[i]! + 1 <=
          Math.ceil((total * percent * weights[i]!) / (100 * candidates.weightTotal))
        const twin = naiveFind(candidates, perWeightOf(candidates), each, hasRoom)
        expect(twin).toBeGreaterThanOrEqual(0)
        expect(ringOf(candidates, percent, sessions).pick(each, -1)).toBe(twin)
      }),
      { numRuns: 60 },
    )
  })

  it.each([2, 3, 5, 10, 100])('moves only the keys of the one that goes, of %i', (count) => {
    const all = candidatesOf(new Array<number>(count).fill(1))
    const before = rowsOf(strategyOf(way), all)
    for (const gone of [0, count >> 1, count - 1]) {
      const after = rowsOf(strategyOf(way), withoutServers(all, [gone]))
      const moved = after.filter((row, n) => row !== before[n])
      expect(after.every((row, n) => row === before[n] || before[n] === gone)).toBe(true)
      expect(moved.length / keys.length).toBeLessThan(1 / count + 0.02)
    }
  })

  it('moves only the keys of those that go, whatever the weights', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 2, maxLength: 12 })
    fc.assert(
      fc.property(weights, fc.array(fc.nat(11), { maxLength: 6 }), (servers, gone) => {
        const all = candidatesOf(servers)
        const left = withoutServers(all, gone)
        fc.pre(left.count > 0)
        const before = ringOf(all)
        const after = ringOf(left)
        for (const each of keys.slice(0, 500)) {
          const row = all.rows[before.pick(each, -1)]!
          if (!gone.includes(row)) expect(left.rows[after.pick(each, -1)]).toBe(row)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('sends a key that avoids a server where it would go without it', () => {
    const all = candidatesOf([3, 1, 2, 5])
    const ring = ringOf(all)
    for (const gone of [0, 1, 2, 3]) {
      const left = withoutServers(all, [gone])
      const without = ringOf(left)
      for (const each of keys.slice(0, 1_000)) {
        expect(all.rows[ring.pick(each, gone)]).toBe(left.rows[without.pick(each, -1)])
      }
    }
  })

  it('changes with a weight only by what that server gains or loses', () => {
    const before = rowsOf(strategyOf(way), candidatesOf([10, 10, 10]))
    const changed = { ...candidatesOf([10, 20, 10]), weightTotal: 30 }
    const after = rowsOf(strategyOf(way), changed)
    expect(after.every((row, n) => row === before[n] || row === 1)).toBe(true)
    expect(after.filter((row) => row === 1).length / keys.length).toBeCloseTo(1 / 2, 1)
  })

  it('does not depend on the order of the config', () => {
    const forwards = candidatesOf([1, 2, 3])
    const backwards = {
      ...forwards,
      rows: forwards.rows.toReversed(),
      ids: forwards.ids.toReversed(),
      weights: forwards.weights.toReversed(),
    }
    expect(rowsOf(strategyOf(way), backwards)).toEqual(rowsOf(strategyOf(way), forwards))
  })

  it('shares keys evenly among many', () => {
    const candidates = candidatesOf(new Array<number>(100).fill(7))
    const counts = new Map<number, number>()
    for (const row of rowsOf(strategyOf(way), candidates)) {
      counts.set(row, (counts.get(row) ?? 0) + 1)
    }
    const shares = [...counts.values()].map((count) => (100 * count) / keys.length)
    expect(counts.size).toBe(100)
    expect(Math.min(...shares)).toBeGreaterThan(0.7)
    expect(Math.max(...shares)).toBeLessThan(1.3)
  })

  it('has a bounded number of points, and every server at least one', () => {
    const weights = Array.from({ length: 3_000 }, (_, i) => (i === 0 ? 1 : 256))
    const candidates = candidatesOf(weights)
    const ring = ringOf(candidates)
    const found = new Set(keys.map((each) => ring.pick(each, -1)))
    expect(found.size).toBeGreaterThan(2_990)
    const [only] = pointsOf(serverId('s0'), 1)
    expect(ring.pick(only!, -1)).toBe(0)
  })

  it('never gives a server more than the factor allows', () => {
    const weights = [4, 2, 1, 1]
    for (const factor of [105, 125, 200]) {
      const sessions = [0, 0, 0, 0]
      const candidates = candidatesOf(weights)
      const ring = ringOf(candidates, factor, sessions)
      for (let session = 0; session < 2_000; session++) {
        // Half of all sessions have the same key.
        const each = session % 2 === 0 ? 7 : keys[session]!
        const picked = ring.pick(each, -1)
        sessions[picked] = sessions[picked]! + 1
        const share = ((session + 1) * weights[picked]!) / candidates.weightTotal
        expect(sessions[picked]).toBeLessThanOrEqual(Math.ceil((share * factor) / 100))
      }
    }
  })

  it('gives a key its own server all the same when sessions of none that is left count', () => {
    const candidates = candidatesOf([1, 1])
    const crowded = { random: () => 0, loads: () => 50, loadTotal: () => 10 }
    const full = new Keyed(new HashRing(crowded, 125), crowded.random)
    full.rebuild(candidates)
    for (const each of keys.slice(0, 100)) {
      const own = ringOf(candidates).pick(each, -1)
      expect(full.pick(each, -1)).toBe(own)
      expect(full.pick(each, own)).toBe(1 - own)
    }
  })
})
