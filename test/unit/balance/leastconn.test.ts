import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EXACT_MAX, LeastConn } from '../../../src/balance/leastconn.ts'
import { seededRandom } from '../../conformance/strategy-random.ts'
import { candidatesOf, countPicks } from '../../conformance/strategy-suite.ts'

const serverArbitrary = fc.record({
  weight: fc.integer({ min: 1, max: 256 }),
  sessions: fc.nat(300),
})

const create = (loads: (row: number) => number, seed = 1): LeastConn =>
  new LeastConn({ random: seededRandom(seed), loads, loadTotal: () => 1 })

describe('leastconn', () => {
  it('picks the least sessions for the weight, as looking at each shows', () => {
    const farm = fc.array(serverArbitrary, { minLength: 1, maxLength: 4 * EXACT_MAX })
    fc.assert(
      fc.property(farm, fc.integer(), fc.integer({ min: -1, max: 9 }), (servers, seed, avoid) => {
        const strategy = create((row) => servers[row]!.sessions, seed)
        strategy.rebuild(candidatesOf(servers.map(({ weight }) => weight)))
        const ratios = servers.map(({ sessions, weight }) => sessions / weight)
        const allowed = ratios.filter((_, row) => servers.length === 1 || row !== avoid)
        for (let pick = 0; pick < 5; pick++) {
          expect(ratios[strategy.pick(0, avoid)]).toBe(Math.min(...allowed))
        }
      }),
    )
  })

  it('takes turns among the equally loaded', () => {
    const strategy = create(() => 3)
    strategy.rebuild(candidatesOf([1, 1, 1, 1]))
    expect(countPicks(strategy, 4, 400)).toEqual([100, 100, 100, 100])
  })

  it.each([
    { sessions: [0, 0, 7], idle: [0, 1] },
    { sessions: [0, 0, 0, 0, 0, 9, 9, 9, 9, 9], idle: [0, 1, 2, 3, 4] },
    { sessions: [1, 9, 1, 9, 9, 1], idle: [0, 2, 5] },
  ])('shares evenly among the least loaded beside busy ones: $sessions', ({ sessions, idle }) => {
    const strategy = create((row) => sessions[row]!)
    strategy.rebuild(candidatesOf(sessions.map(() => 1)))
    const counts = countPicks(strategy, sessions.length, 6_000)
    for (const i of idle) expect(counts[i]! / 6_000).toBeCloseTo(1 / idle.length, 2)
  })

  it('fills servers in proportion to their weights', () => {
    const sessions = [0, 0, 0]
    const strategy = create((row) => sessions[row]!)
    strategy.rebuild(candidatesOf([3, 2, 1]))
    for (let session = 0; session < 600; session++) {
      const picked = strategy.pick(0, -1)
      sessions[picked] = sessions[picked]! + 1
    }
    expect(sessions).toEqual([300, 200, 100])
  })

  it('stays exact over threads that see each other’s sessions', () => {
    const sessions = [0, 0, 0, 0]
    const threads = [1, 2, 3].map((seed) => {
      const thread = create((row) => sessions[row]!, seed)
      thread.rebuild(candidatesOf([1, 1, 1, 1]))
      return thread
    })
    for (let session = 0; session < 399; session++) {
      const picked = threads[session % 3]!.pick(0, -1)
      sessions[picked] = sessions[picked]! + 1
      expect(Math.max(...sessions) - Math.min(...sessions)).toBeLessThanOrEqual(1)
    }
  })

  it('gives a server ten times slower its smaller share, and the others the same', () => {
    const random = seededRandom(6)
    const holdMeans = [4, 4, 40]
    const sessions = [0, 0, 0]
    const counts = [0, 0, 0]
    const strategy = create((row) => sessions[row]!)
    strategy.rebuild(candidatesOf([1, 1, 1]))
    for (let arrival = 0; arrival < 30_000; arrival++) {
      holdMeans.forEach((mean, server) => {
        for (let session = sessions[server]!; session > 0; session--) {
          if (random() < 1 / mean) sessions[server] = sessions[server]! - 1
        }
      })
      const picked = strategy.pick(0, -1)
      sessions[picked] = sessions[picked]! + 1
      counts[picked] = counts[picked]! + 1
    }
    expect(counts[2]! / counts[0]!).toBeLessThan(0.2)
    expect(counts[2]!).toBeGreaterThan(300)
    expect(counts[0]! / counts[1]!).toBeCloseTo(1, 1)
  })

  it('stays exact among many while sessions only come, in whichever thread', () => {
    const sessions = new Int32Array(20 * EXACT_MAX)
    const threads = [1, 2, 3].map((seed) => {
      const thread = create((row) => sessions[row]!, seed)
      thread.rebuild(candidatesOf(new Array<number>(sessions.length).fill(1)))
      return thread
    })
    for (let session = 0; session < 5 * sessions.length; session++) {
      const picked = threads[session % 3]!.pick(0, -1)
      expect(sessions[picked]).toBe(Math.min(...sessions))
      sessions[picked] = sessions[picked]! + 1
    }
  })

  it('keeps every one of 2,000 servers close to the average', () => {
    const average = 10
    const random = seededRandom(8)
    const sessions = new Int32Array(2_000)
    const open: number[] = []
    const threads = [1, 2].map((seed) => create((row) => sessions[row]!, seed))
    for (const thread of threads) thread.rebuild(candidatesOf(new Array<number>(2_000).fill(1)))
    let most = 0
    for (let arrival = 0; arrival < 200_000; arrival++) {
      if (open.length === average * sessions.length) {
        const ended = Math.floor(random() * open.length)
        sessions[open[ended]!] = sessions[open[ended]!]! - 1
        open[ended] = open.at(-1)!
        open.pop()
      }
      const picked = threads[arrival % 2]!.pick(0, -1)
      sessions[picked] = sessions[picked]! + 1
      open.push(picked)
      most = Math.max(most, sessions[picked]!)
    }
    expect(most).toBeLessThanOrEqual(average + 2)
  })
})
