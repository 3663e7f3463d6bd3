import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAGLEV_SIZE, Maglev } from '../../../src/balance/maglev.ts'
import type { Candidates } from '../../../src/balance/strategy.ts'
import { avalanche } from '../../../src/balance/structures/hashing.ts'
import { inOneGo } from '../../../src/balance/structures/slices.ts'
import { keys, rowsOf, withoutServers } from '../../conformance/strategy-keyed-suite.ts'
import { candidatesOf, strategyOf } from '../../conformance/strategy-suite.ts'

const way = { balance: 'maglev' }
const STEP_SEED = 0x9e3779b9

/** The table by the paper's listing: a list of preferences for each server, and turns by weight. */
function naiveTable({ count, ids, weights }: Candidates): number[] {
  const order = Array.from({ length: count }, (_, i) => i).sort((i, j) => ids[i]! - ids[j]!)
  const preferences = order.map((i) => {
    const offset = avalanche(ids[i]!) % MAGLEV_SIZE
    const skip = 1 + (avalanche((ids[i]! ^ STEP_SEED) >>> 0) % (MAGLEV_SIZE - 1))
    return Array.from({ length: MAGLEV_SIZE }, (_, n) => (offset + n * skip) % MAGLEV_SIZE)
  })
  const greatest = Math.max(...weights)
  const table = new Array<number>(MAGLEV_SIZE).fill(-1)
  const taken = order.map(() => 0)
  const next = order.map(() => 0)
  for (let round = 1, left = MAGLEV_SIZE; left > 0; round++) {
    for (let n = 0; n < count && left > 0; n++) {
      // After so many rounds it should have had so many turns, rounded up.
      const due = Math.ceil((round * weights[order[n]!]!) / greatest)
      for (; taken[n]! < due && left > 0; taken[n] = taken[n]! + 1, left--) {
        while (table[preferences[n]![next[n]!]!]! >= 0) next[n] = next[n]! + 1
        table[preferences[n]![next[n]!]!] = order[n]!
      }
    }
  }
  return table
}

function tableOf(candidates: Candidates): number[] {
  const maglev = new Maglev()
  inOneGo(maglev.rebuild(candidates))
  // Keys are mixed before they are looked up; these are mixed to the places one after the other.
  const counts = new Array<number>(MAGLEV_SIZE).fill(-1)
  for (let key = 0, left = MAGLEV_SIZE; left > 0; key++) {
    const place = avalanche(key) % MAGLEV_SIZE
    if (counts[place]! >= 0) continue
    counts[place] = maglev.find(key)
    left--
  }
  return counts
}

const placesOf = (table: readonly number[], count: number): number[] => {
  const places = new Array<number>(count).fill(0)
  for (const candidate of table) places[candidate] = places[candidate]! + 1
  return places
}

describe('maglev', () => {
  it('fills its table as the listing of the paper does', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(weights, (servers) => {
        const candidates = candidatesOf(servers)
        expect(tableOf(candidates)).toEqual(naiveTable(candidates))
      }),
      { numRuns: 8 },
    )
  })

  it.each([2, 3, 7, 100, 655])('is even within 1%% among %i servers', (count) => {
    const places = placesOf(tableOf(candidatesOf(new Array<number>(count).fill(3))), count)
    const mean = MAGLEV_SIZE / count
    for (const number of places) expect(Math.abs(number / mean - 1)).toBeLessThan(0.01)
  })

  it('keeps within 1% of the weights', () => {
    const weights = [256, 100, 50, 25]
    const places = placesOf(tableOf(candidatesOf(weights)), 4)
    weights.forEach((weight, i) => {
      const wanted = (MAGLEV_SIZE * weight) / 431
      expect(Math.abs(places[i]! / wanted - 1)).toBeLessThan(0.01)
    })
  })

  it('gives each of 10,000 servers a place', () => {
    const weights = Array.from({ length: 10_000 }, (_, i) => 1 + (i % 256))
    expect(Math.min(...placesOf(tableOf(candidatesOf(weights)), weights.length))).toBe(1)
  })

  it.each([3, 10, 100, 1_000])('moves few keys but those of the one that goes, of %i', (count) => {
    const all = candidatesOf(new Array<number>(count).fill(1))
    const before = rowsOf(strategyOf(way), all)
    const after = rowsOf(strategyOf(way), withoutServers(all, [1]))
    const moved = after.filter((row, n) => row !== before[n])
    expect(moved.length / keys.length).toBeLessThan(1 / count + 0.02)
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
})
