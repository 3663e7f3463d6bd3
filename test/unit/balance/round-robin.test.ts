import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Strategy } from '../../../src/balance/strategy.ts'
import { candidatesOf, countPicks, strategyOf } from '../../conformance/strategy-suite.ts'

const create = (balance: string, seed = 1): Strategy => strategyOf({ balance }, seed)

const weightsArbitrary = fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 30 })

describe.each(['roundrobin', 'static-rr'])('%s', (text) => {
  it('is exact in every run of as many picks as the weights add up to', () => {
    fc.assert(
      fc.property(weightsArbitrary, fc.integer(), fc.nat(200), (weights, seed, before) => {
        const strategy = create(text, seed)
        strategy.rebuild(candidatesOf(weights))
        countPicks(strategy, weights.length, before)
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        expect(countPicks(strategy, weights.length, total)).toEqual(weights)
      }),
    )
  })

  it('does not bunch: a heavy server and as many light ones alternate', () => {
    const lights = 50
    const strategy = create(text)
    strategy.rebuild(candidatesOf([lights, ...new Array<number>(lights).fill(1)]))
    const picks = Array.from({ length: 400 }, () => strategy.pick(0, -1) === 0)
    for (let i = 1; i < picks.length; i++) expect(picks[i]).toBe(!picks[i - 1])
  })

  it('keeps within 1% of the weights on two threads', () => {
    const weights = [100, 50, 25, 10, 1]
    const threads = [create(text, 1), create(text, 2)]
    for (const thread of threads) thread.rebuild(candidatesOf(weights))
    const counts = threads.map((thread) => countPicks(thread, weights.length, 5_000))
    weights.forEach((weight, i) => {
      const share = (counts[0]![i]! + counts[1]![i]!) / 10_000
      expect(Math.abs(share - weight / 186)).toBeLessThan(0.01)
    })
  })

  it('starts every thread somewhere else', () => {
    const firstPicks = Array.from({ length: 32 }, (_, seed) => {
      const strategy = create(text, seed)
      strategy.rebuild(candidatesOf([1, 1, 1, 1]))
      return strategy.pick(0, -1)
    })
    expect(new Set(firstPicks).size).toBe(4)
  })
})

describe('roundrobin', () => {
  it('is exact for as long as it runs', () => {
    const weights = [1, 3, 7]
    const strategy = create('roundrobin')
    strategy.rebuild(candidatesOf(weights))
    for (let cycle = 0; cycle < 5_000; cycle++) {
      expect(countPicks(strategy, 3, 11)).toEqual(weights)
    }
  })

  it('is exact again in every run after any changes', () => {
    const change = fc.record({ weights: weightsArbitrary, firstRow: fc.nat(20), picks: fc.nat(50) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const strategy = create('roundrobin')
        let weights: readonly number[] = []
        for (const next of changes) {
          weights = next.weights
          strategy.rebuild(candidatesOf(weights, next.firstRow))
          countPicks(strategy, weights.length, next.picks)
        }
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        expect(countPicks(strategy, weights.length, total)).toEqual(weights)
      }),
    )
  })

  it.each([7, 500, 6_146, 50_000])(
    'goes on as before when nothing changed, after %d picks',
    (picks) => {
      const [strategy, twin] = [create('roundrobin'), create('roundrobin')]
      for (const each of [strategy, twin]) {
        each.rebuild(candidatesOf([1, 3, 2]))
        countPicks(each, 3, picks)
      }
      strategy.rebuild(candidatesOf([1, 3, 2]))
      const next = (each: Strategy): number[] => Array.from({ length: 60 }, () => each.pick(0, -1))
      expect(next(strategy)).toEqual(next(twin))
    },
  )

  it('gives no burst to a server whose weight has grown', () => {
    for (let before = 0; before < 40; before++) {
      const strategy = create('roundrobin', before)
      strategy.rebuild(candidatesOf([10, 10, 1]))
      countPicks(strategy, 3, before)
      strategy.rebuild(candidatesOf([10, 10, 20]))
      const counts = countPicks(strategy, 3, 8)
      expect(counts[2]).toBeGreaterThanOrEqual(3)
      expect(counts[2]).toBeLessThanOrEqual(5)
    }
  })

  it('keeps the turns of those that stay while another one flaps', () => {
    const strategy = create('roundrobin')
    const counts = [0, 0, 0, 0]
    for (let pick = 0; pick < 400; pick++) {
      strategy.rebuild(candidatesOf(pick % 2 === 0 ? [1, 1, 1] : [1, 1, 1, 1]))
      const picked = strategy.pick(0, -1)
      counts[picked] = counts[picked]! + 1
    }
    const steady = counts.slice(0, 3)
    expect(Math.max(...steady) - Math.min(...steady)).toBeLessThanOrEqual(1)
  })

  it('gives the one that was avoided its turn next', () => {
    const strategy = create('roundrobin')
    strategy.rebuild(candidatesOf([1, 1, 1]))
    const cycle = [0, 1, 2].map(() => strategy.pick(0, -1))
    expect(strategy.pick(0, cycle[0]!)).toBe(cycle[1])
    expect(strategy.pick(0, -1)).toBe(cycle[0])
    expect(strategy.pick(0, -1)).toBe(cycle[2])
  })
})

describe('static-rr', () => {
  it('spreads every server over the whole round', () => {
    const strategy = create('static-rr')
    strategy.rebuild(candidatesOf([200, 100, 50]))
    for (let round = 0; round < 10; round++) {
      expect(countPicks(strategy, 3, 7)).toEqual([4, 2, 1])
    }
  })
})
