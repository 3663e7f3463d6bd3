import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LoadTree, STALE_MAX, SWEPT } from '../../../../src/balance/structures/load-tree.ts'
import { Turns } from '../../../../src/balance/structures/turns.ts'
import { seededRandom } from '../../../conformance/strategy-random.ts'
import { candidatesOf } from '../../../conformance/strategy-suite.ts'

/** A tree over servers whose sessions the test changes, and what the tree has seen of them. */
function lab(weights: readonly number[], sessions: readonly number[], seed = 1) {
  const candidates = candidatesOf(weights)
  const turns = new Turns(seededRandom(seed))
  turns.rebuild(candidates, candidates.rows, candidates.weights)
  const now = [...sessions]
  /** The simple twin: what was last read of each server, and when. */
  const seen = new Array<number>(weights.length).fill(-1)
  const seenAt = new Array<number>(weights.length).fill(0)
  let picks = 0
  let reads = 0
  const tree = new LoadTree(candidates.rows, candidates.weights, turns, (row) => {
    reads++
    seen[row] = now[row]!
    seenAt[row] = picks
    return now[row]!
  })
  const pick = (avoid = -1): { picked: number; reads: number } => {
    reads = 0
    picks++
    return { picked: tree.pick(avoid), reads }
  }
  return { tree, turns, now, seen, seenAt, pick, picks: () => picks }
}

/** Sessions of servers, and what changes between two picks: which server, and by how much. */
const farm = fc.array(
  fc.record({ weight: fc.integer({ min: 1, max: 256 }), sessions: fc.nat(9) }),
  { minLength: 2, maxLength: 90 },
)
const step = fc.record({
  changes: fc.array(fc.tuple(fc.nat(89), fc.integer({ min: -3, max: 3 })), { maxLength: 12 }),
  avoid: fc.integer({ min: -1, max: 20 }),
  isTaken: fc.boolean(),
})

describe('a tree of loads', () => {
  it('gives who had the least when last looked at, and looks before it gives', () => {
    fc.assert(
      fc.property(farm, fc.array(step, { maxLength: 40 }), fc.integer(), (servers, steps, seed) => {
        const weights = servers.map(({ weight }) => weight)
        const sessions = servers.map((server) => server.sessions)
        const { now, seen, seenAt, pick, picks } = lab(weights, sessions, seed)
        const count = servers.length
        for (const { changes, avoid, isTaken } of steps) {
          for (const [server, by] of changes) {
            if (server < count) now[server] = Math.max(0, now[server]! + by)
          }
          const { picked } = pick(avoid)
          const ratios = seen.map((load, i) => load / weights[i]!)
          const allowed = ratios.filter((_, i) => i !== avoid)
          expect(picked).not.toBe(avoid)
          expect(ratios[picked]).toBe(Math.min(...allowed))
          expect(seen[picked]).toBe(now[picked])
          expect(picks() - Math.min(...seenAt)).toBeLessThanOrEqual(Math.ceil(count / SWEPT))
          if (isTaken) now[picked] = now[picked]! + 1
        }
      }),
      { numRuns: 300 },
    )
  })

  it('gives the first turn among equals', () => {
    const { turns, pick } = lab(
      [3, 1, 2, 5, 1, 4, 4],
      [2, 2, 2, 2, 2, 2, 2].map((n) => n),
    )
    const ratioOf = (i: number): number => 2 / [3, 1, 2, 5, 1, 4, 4][i]!
    for (let n = 0; n < 50; n++) expect(ratioOf(pick().picked)).toBe(2 / 5)
    const idle = lab([1, 1, 1, 1, 1], [0, 0, 0, 0, 0])
    for (let n = 0; n < 2_000; n++) {
      const due = [...idle.turns.due]
      expect(due[idle.pick().picked]).toBe(Math.min(...due))
    }
    expect(turns.due).toHaveLength(7)
  })

  it('looks at all once many in a row have changed, and finds the least', () => {
    const count = 4 * STALE_MAX
    const { now, pick } = lab(new Array<number>(count).fill(1), new Array<number>(count).fill(0))
    now.fill(7)
    now[count - 9] = 6
    const { picked, reads } = pick()
    expect(picked).toBe(count - 9)
    expect(reads).toBeLessThanOrEqual(SWEPT + STALE_MAX + count)
    expect(pick().reads).toBeLessThanOrEqual(SWEPT + 2)
  })

  it('finds who has lost sessions within some picks', () => {
    const count = 400
    const { now, pick } = lab(new Array<number>(count).fill(1), new Array<number>(count).fill(5))
    for (let n = 0; n < 50; n++) pick()
    now[9] = 3
    const found = Array.from({ length: count / SWEPT }, () => pick().picked)
    expect(found.at(-1)).toBe(9)
  })

  it('lets one that comes back catch up with one turn, not with all that it has missed', () => {
    const { now, pick } = lab([1, 1, 1], [9, 0, 0])
    for (let n = 0; n < 300; n++) pick()
    now[0] = 0
    const picks = Array.from({ length: 30 }, () => pick().picked)
    expect(picks.filter((picked) => picked === 0).length).toBeLessThanOrEqual(12)
    expect(picks.filter((picked) => picked === 0).length).toBeGreaterThanOrEqual(9)
  })
})
