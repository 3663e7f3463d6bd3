import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomDraws } from '../../../src/balance/random.ts'
import type { Candidates } from '../../../src/balance/strategy.ts'
import { seededRandom } from '../../conformance/strategy-random.ts'
import { candidatesOf, countPicks } from '../../conformance/strategy-suite.ts'

/** The same by brute force: every candidate written down once per unit of its weight. */
function naivePick(
  { count, rows, weights }: Candidates,
  draws: number,
  random: () => number,
  loads: (row: number) => number,
  avoidRow: number,
): number {
  const tickets = Array.from({ length: count }, (_, i) => i).flatMap((i) =>
    new Array<number>(weights[i]!).fill(i),
  )
  const draw = (): number => {
    const first = tickets[Math.floor(random() * tickets.length)]!
    if (count === 1 || rows[first] !== avoidRow) return first
    const others = tickets.filter((i) => i !== first)
    return others[Math.floor(random() * others.length)]!
  }
  const ratio = (i: number): number => loads(rows[i]!) / weights[i]!
  let best = draw()
  for (let n = 1; n < draws; n++) {
    const other = draw()
    if (ratio(other) < ratio(best)) best = other
  }
  return best
}

const create = (draws: number, seed: number, loads: (row: number) => number): RandomDraws =>
  new RandomDraws({ random: seededRandom(seed), loads, loadTotal: () => 1 }, draws)

describe('random', () => {
  it('picks what drawing tickets by brute force picks', () => {
    const farm = fc.array(
      fc.oneof(
        fc.record({ weight: fc.integer({ min: 1, max: 256 }), sessions: fc.nat(40) }),
        fc.record({ weight: fc.integer({ min: 1, max: 2 }), sessions: fc.nat(3) }),
      ),
      { minLength: 1, maxLength: 12 },
    )
    fc.assert(
      fc.property(farm, fc.integer({ min: 1, max: 4 }), fc.nat(14), fc.integer(), (...args) => {
        const [servers, draws, avoidRow, seed] = args
        const loads = (row: number): number => servers[row]!.sessions
        const candidates = candidatesOf(servers.map(({ weight }) => weight))
        for (let pick = 0; pick < 5; pick++) {
          const strategy = create(draws, seed + pick, loads)
          strategy.rebuild(candidates)
          const twin = naivePick(candidates, draws, seededRandom(seed + pick), loads, avoidRow)
          expect(strategy.pick(0, avoidRow)).toBe(twin)
        }
      }),
    )
  })

  it('keeps within 5% of the weights on two threads', () => {
    const weights = [100, 50, 25, 10, 1]
    const counts = [1, 2].map((seed) => {
      const thread = create(2, seed, () => 0)
      thread.rebuild(candidatesOf(weights))
      return countPicks(thread, weights.length, 5_000)
    })
    weights.forEach((weight, i) => {
      const share = (counts[0]![i]! + counts[1]![i]!) / 10_000
      expect(Math.abs(share - weight / 186)).toBeLessThan(0.05)
    })
  })

  it('with two draws never takes the most loaded of all, unless drawn twice', () => {
    const sessions = [1, 1, 1, 50]
    const strategy = create(2, 4, (row) => sessions[row]!)
    strategy.rebuild(candidatesOf([1, 1, 1, 1]))
    const share = countPicks(strategy, 4, 10_000)[3]! / 10_000
    expect(share).toBeCloseTo(1 / 16, 2)
  })

  it('spends sessions in proportion to the weights while many are open', () => {
    const weights = [3, 2, 1]
    const random = seededRandom(8)
    const sessions = [0, 0, 0]
    const open: number[] = []
    const counts = [0, 0, 0]
    const strategy = create(2, 9, (row) => sessions[row]!)
    strategy.rebuild(candidatesOf(weights))
    for (let request = 0; request < 10_000; request++) {
      if (open.length === 64) {
        const [ended] = open.splice(Math.floor(random() * open.length), 1)
        sessions[ended!] = sessions[ended!]! - 1
      }
      const picked = strategy.pick(0, -1)
      sessions[picked] = sessions[picked]! + 1
      counts[picked] = counts[picked]! + 1
      open.push(picked)
    }
    weights.forEach((weight, i) => {
      expect(Math.abs(counts[i]! / 10_000 - weight / 6)).toBeLessThan(0.05)
    })
  })
})
