import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PeakEwma } from '../../../src/balance/peak-ewma.ts'
import { seededRandom } from '../../conformance/strategy-random.ts'
import { candidatesOf, countPicks } from '../../conformance/strategy-suite.ts'

const create = (seed: number, loads: (row: number) => number = () => 0): PeakEwma =>
  new PeakEwma({ random: seededRandom(seed), loads, loadTotal: () => 1 })

interface Answer {
  readonly responseMs: number
  readonly nowMs: number
}

/** What is thought of a server at a moment, from all its answers one after the other. */
function naiveResponseMs(answers: readonly Answer[], nowMs: number): number {
  let knownMs = -1
  let answeredMs = 0
  const left = (at: number): number => Math.exp(-(at - answeredMs) / 10_000)
  for (const answer of answers) {
    const kept = left(answer.nowMs)
    const isPeak = answer.responseMs >= knownMs
    knownMs = isPeak ? answer.responseMs : knownMs * kept + answer.responseMs * (1 - kept)
    answeredMs = answer.nowMs
  }
  return Math.max(knownMs * left(nowMs), 0.01)
}

describe('peak-ewma', () => {
  it('of two servers takes the one that promises to answer sooner, as reckoning shows', () => {
    const answer = fc.record({
      row: fc.nat(1),
      responseMs: fc.integer({ min: 1, max: 5_000 }),
      afterMs: fc.nat(8_000),
    })
    const answers = fc.array(answer, { minLength: 1, maxLength: 20 })
    const two = fc.tuple(fc.nat(50), fc.nat(50))
    const weights = fc.tuple(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 256 }))
    fc.assert(
      fc.property(answers, two, weights, fc.integer(), (all, loads, both, seed) => {
        const strategy = create(seed, (row) => loads[row]!)
        strategy.rebuild(candidatesOf(both))
        const known: Answer[][] = [[], []]
        let nowMs = 0
        for (const row of [0, 1]) {
          strategy.observe(row, 7, nowMs)
          known[row]!.push({ responseMs: 7, nowMs })
        }
        for (const { row, responseMs, afterMs } of all) {
          nowMs += afterMs
          strategy.observe(row, responseMs, nowMs)
          known[row]!.push({ responseMs, nowMs })
        }
        const [one, other] = [0, 1].map(
          (row) => (naiveResponseMs(known[row]!, nowMs) * (loads[row]! + 1)) / both[row]!,
        )
        fc.pre(Math.abs(one! / other! - 1) > 1e-9)
        for (let pick = 0; pick < 5; pick++) {
          expect(strategy.pick(0, -1)).toBe(one! < other! ? 0 : 1)
        }
      }),
    )
  })

  it('takes the better of two that are drawn: never the slowest of all', () => {
    const strategy = create(3)
    strategy.rebuild(candidatesOf([1, 1, 1, 1]))
    for (const [row, responseMs] of [10, 20, 30, 40].entries()) strategy.observe(row, responseMs, 5)
    const counts = countPicks(strategy, 4, 6_000).map((count) => count / 6_000)
    // Of six pairs the fastest wins three, the next two, the third one.
    for (const [row, wins] of [3, 2, 1, 0].entries()) expect(counts[row]).toBeCloseTo(wins / 6, 1)
    expect(counts[3]).toBe(0)
  })

  it('leaves a server alone as soon as one answer was slow, and tries it again later', () => {
    const strategy = create(4)
    strategy.rebuild(candidatesOf([1, 1]))
    for (const row of [0, 1]) strategy.observe(row, 10 + row, 0)
    expect(countPicks(strategy, 2, 50)).toEqual([50, 0])
    strategy.observe(0, 500, 100)
    expect(countPicks(strategy, 2, 50)).toEqual([0, 50])
    strategy.observe(1, 11, 20_000)
    expect(countPicks(strategy, 2, 50)).toEqual([0, 50])
    // What was slow fades: 500 ms to 11 ms within 39 seconds.
    strategy.observe(1, 11, 39_000)
    expect(countPicks(strategy, 2, 50)).toEqual([50, 0])
  })

  it('gives a server that has not answered yet one session, and no second', () => {
    const sessions = [3, 0]
    const strategy = create(5, (row) => sessions[row]!)
    strategy.rebuild(candidatesOf([1, 1]))
    strategy.observe(0, 100, 0)
    expect(strategy.pick(0, -1)).toBe(1)
    sessions[1] = 1
    expect(countPicks(strategy, 2, 20)).toEqual([20, 0])
    strategy.observe(1, 1, 50)
    expect(countPicks(strategy, 2, 20)).toEqual([0, 20])
  })

  it('takes what it is told late for as of now', () => {
    const strategy = create(10)
    strategy.rebuild(candidatesOf([1, 1]))
    strategy.observe(0, 100, 60_000)
    strategy.observe(1, 90, 10_000)
    expect(countPicks(strategy, 2, 20)).toEqual([0, 20])
    strategy.observe(1, 150, 20_000)
    expect(countPicks(strategy, 2, 20)).toEqual([20, 0])
  })

  it('goes by sessions where what was known has faded', () => {
    const sessions = [9, 3, 0]
    const strategy = create(8, (row) => sessions[row]!)
    strategy.rebuild(candidatesOf([1, 1, 1]))
    for (const [row, responseMs] of [1, 800].entries()) strategy.observe(row, responseMs, 0)
    strategy.observe(2, 50, 10_000_000)
    // Of three pairs the one with the fresh answer loses two; of the others the fewest sessions win.
    const counts = countPicks(strategy, 3, 3_000)
    expect(counts[2]).toBe(0)
    expect(counts[1]! / 3_000).toBeCloseTo(2 / 3, 1)
  })

  it('goes by sessions where nobody has answered', () => {
    const sessions = [4, 2, 9]
    const strategy = create(6, (row) => sessions[row]!)
    strategy.rebuild(candidatesOf([4, 1, 9]))
    // Sessions with the new one, by weight: 5/4, 3, 10/9.
    const counts = countPicks(strategy, 3, 1_000)
    expect(counts[1]).toBe(0)
    expect(counts[2]).toBeGreaterThan(counts[0]!)
  })

  it('keeps what it knows of servers that stay, and forgets those that go', () => {
    const strategy = create(7)
    strategy.rebuild(candidatesOf([1, 1], 10))
    strategy.observe(10, 50, 0)
    strategy.observe(11, 20, 0)
    strategy.rebuild({ ...candidatesOf([1, 1], 10), rows: Int32Array.from([11, 10]) })
    expect(countPicks(strategy, 2, 20)).toEqual([20, 0])
    strategy.rebuild(candidatesOf([1], 10))
    strategy.rebuild(candidatesOf([1, 1], 10))
    expect(countPicks(strategy, 2, 20)).toEqual([0, 20])
    strategy.observe(99, 1, 0)
  })

  it('knows nothing of a server that is another one', () => {
    const loads = [0, 0, 1]
    const strategy = create(7, (row) => loads[row]!)
    strategy.rebuild(candidatesOf([1, 1], 1))
    strategy.observe(1, 900, 0)
    strategy.observe(2, 1, 0)
    expect(countPicks(strategy, 2, 20)).toEqual([0, 20])
    strategy.forget(2)
    strategy.forget(99)
    // It has a session and has never answered, which is worse than any answer.
    expect(countPicks(strategy, 2, 20)).toEqual([20, 0])
  })

  it('gives a server ten times slower its smaller share, and the others the same', () => {
    const random = seededRandom(6)
    const meansMs = [20, 20, 200]
    const sessions = [0, 0, 0]
    const counts = [0, 0, 0]
    const strategy = create(9, (row) => sessions[row]!)
    strategy.rebuild(candidatesOf([1, 1, 1]))
    const open: { endMs: number; startMs: number; row: number }[] = []
    for (let nowMs = 0; nowMs < 60_000; nowMs += 2) {
      for (const ended of open.filter(({ endMs }) => endMs <= nowMs)) {
        open.splice(open.indexOf(ended), 1)
        sessions[ended.row] = sessions[ended.row]! - 1
        strategy.observe(ended.row, nowMs - ended.startMs, nowMs)
      }
      const row = strategy.pick(0, -1)
      const endMs = nowMs - meansMs[row]! * Math.log(1 - random())
      sessions[row] = sessions[row]! + 1
      counts[row] = counts[row]! + 1
      open.push({ endMs, startMs: nowMs, row })
    }
    expect(counts[2]! / counts[0]!).toBeLessThan(0.2)
    expect(counts[2]!).toBeGreaterThan(10)
    expect(counts[0]! / counts[1]!).toBeCloseTo(1, 0)
  })
})
