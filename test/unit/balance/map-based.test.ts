import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MapBased } from '../../../src/balance/map-based.ts'
import { inOneGo } from '../../../src/balance/structures/slices.ts'
import { turnMap } from '../../../src/balance/structures/turn-map.ts'
import { keys, rowsOf, withoutServers } from '../../conformance/strategy-keyed-suite.ts'
import { candidatesOf, strategyOf } from '../../conformance/strategy-suite.ts'

/** All turns of a round, sorted by where they belong: the m-th of g of one weight at (m + 1/2) / g. */
function naiveTurns(weights: readonly number[]): number[] {
  const divisor = Array.from({ length: Math.max(...weights) }, (_, n) => n + 1).findLast((n) =>
    weights.every((weight) => weight % n === 0),
  )!
  const turns = weights.flatMap((weight, i) => {
    const alike = weights.flatMap((other, j) => (other === weight ? [j] : []))
    const place = (alike.indexOf(i) + 0.5) / alike.length
    const count = weight / divisor
    return Array.from({ length: count }, (_, k) => ({ at: (k + place) / count, i }))
  })
  return turns.sort((one, other) => one.at - other.at).map(({ i }) => i)
}

describe('turnMap', () => {
  it('has every turn about where sorting all of them puts it', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(weights, (servers) => {
        const map = [...inOneGo(turnMap(Int32Array.from(servers)))]
        const twin = naiveTurns(servers)
        expect([...map].sort()).toEqual([...twin].sort())
        // Turns that belong to the same place of the map are in the order of the servers.
        servers.forEach((_, i) => {
          const places = map.flatMap((picked, at) => (picked === i ? [at] : []))
          const wanted = twin.flatMap((picked, at) => (picked === i ? [at] : []))
          places.forEach((at, k) => {
            expect(Math.abs(at - wanted[k]!)).toBeLessThanOrEqual(servers.length)
          })
        })
      }),
    )
  })

  it('keeps the order of servers of one weight', () => {
    expect([...inOneGo(turnMap(Int32Array.from([100, 100, 100, 100])))]).toEqual([0, 1, 2, 3])
  })
})

describe('map-based', () => {
  it('gives a key the server whose turn is at its remainder', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(weights, fc.nat(2 ** 32 - 1), (servers, key) => {
        const candidates = candidatesOf(servers)
        const map = inOneGo(turnMap(candidates.weights))
        const table = new MapBased()
        inOneGo(table.rebuild(candidates))
        expect(table.find(key)).toBe(map[key % map.length])
      }),
    )
  })

  it('is exact by weight over a run of keys', () => {
    const weights = [5, 3, 2]
    const table = new MapBased()
    inOneGo(table.rebuild(candidatesOf(weights)))
    const counts = [0, 0, 0]
    for (let key = 1_000; key < 2_000; key++) {
      const found = table.find(key)
      counts[found] = counts[found]! + 1
    }
    expect(counts).toEqual([500, 300, 200])
  })

  it('moves most keys when a server goes, as HAProxy’s manual warns', () => {
    const all = candidatesOf([1, 1, 1, 1, 1])
    const way = { balance: 'source' }
    const before = rowsOf(strategyOf(way), all)
    const after = rowsOf(strategyOf(way), withoutServers(all, [2]))
    expect(after.filter((row, n) => row !== before[n]).length / keys.length).toBeGreaterThan(0.5)
  })
})
