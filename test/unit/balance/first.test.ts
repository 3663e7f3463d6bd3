import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { First } from '../../../src/balance/first.ts'
import type { Candidates } from '../../../src/balance/strategy.ts'
import { candidatesOf } from '../../conformance/strategy-suite.ts'

/** Servers that may have so many sessions each; 0: any number. */
function bounded(capacities: readonly number[]): Candidates {
  return {
    ...candidatesOf(capacities.map(() => 1)),
    capacities: Int32Array.from(capacities),
  }
}

function firstOf(capacities: readonly number[], sessions: readonly number[]): First {
  const strategy = new First((row) => sessions[row]!)
  strategy.rebuild(bounded(capacities))
  return strategy
}

describe('first', () => {
  it('picks the first that has room, as looking at each shows', () => {
    const server = fc.record({ capacity: fc.nat(4), sessions: fc.nat(5) })
    const farm = fc.array(server, { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(farm, fc.integer({ min: -1, max: 60 }), (servers, avoid) => {
        const strategy = firstOf(
          servers.map(({ capacity }) => capacity),
          servers.map(({ sessions }) => sessions),
        )
        const hasRoom = servers.map(
          ({ capacity, sessions }) => capacity === 0 || sessions < capacity,
        )
        const twin = hasRoom.findIndex((room, row) => room && row !== avoid)
        const fallback = avoid === 0 && servers.length > 1 ? 1 : 0
        for (let pick = 0; pick < 3; pick++) {
          expect(strategy.pick(0, avoid)).toBe(twin < 0 ? fallback : twin)
        }
      }),
    )
  })

  it('is always the first where there is no bound', () => {
    const strategy = firstOf([0, 0, 0], [1_000, 0, 0])
    for (let pick = 0; pick < 10; pick++) expect(strategy.pick(0, -1)).toBe(0)
  })

  it('does not look at weights', () => {
    const strategy = new First(() => 0)
    strategy.rebuild(candidatesOf([1, 256]))
    expect(strategy.pick(0, -1)).toBe(0)
  })

  it('fills one server after the other, and comes back to those that empty', () => {
    const sessions = [0, 0, 0]
    const strategy = firstOf([2, 3, 1], sessions)
    const picks = Array.from({ length: 6 }, () => {
      const picked = strategy.pick(0, -1)
      sessions[picked] = sessions[picked]! + 1
      return picked
    })
    expect(picks).toEqual([0, 0, 1, 1, 1, 2])
    sessions[0] = 1
    expect(strategy.pick(0, -1)).toBe(0)
  })

  it('fills thousands of servers in order, looking at few of those that are full', () => {
    const count = 2_000
    const sessions = new Array<number>(count).fill(0)
    let looks = 0
    const strategy = new First((row) => {
      looks++
      return sessions[row]!
    })
    strategy.rebuild(bounded(new Array<number>(count).fill(1)))
    for (let pick = 0; pick < count; pick++) {
      expect(strategy.pick(0, -1)).toBe(pick)
      sessions[pick] = 1
    }
    expect(looks / count).toBeLessThan(250)
    // Every one is full: the first is as good as any.
    expect(strategy.pick(0, -1)).toBe(0)
  })

  it('finds room again anywhere among thousands within some picks', () => {
    const count = 2_000
    const sessions = new Array<number>(count).fill(1)
    const strategy = firstOf(new Array<number>(count).fill(1), sessions)
    strategy.pick(0, -1)
    for (const emptied of [1_999, 128, 777]) {
      sessions[emptied] = 0
      const picks = Array.from({ length: 32 }, () => strategy.pick(0, -1))
      expect(picks).toContain(emptied)
      sessions[emptied] = 1
    }
  })
})
