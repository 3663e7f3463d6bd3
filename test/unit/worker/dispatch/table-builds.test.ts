import { describe, expect, it } from 'vitest'
import type { Slices } from '../../../../src/balance/structures/slices.ts'
import { TableBuilds } from '../../../../src/worker/dispatch/table-builds.ts'

/** Builds whose slices take so long, and the turns of the event loop that wait. */
function startLab(sliceMs: number) {
  const turns: (() => void)[] = []
  const done: string[] = []
  let nowMs = 0
  let slices = 0
  const builds = new TableBuilds(
    () => nowMs,
    (work) => void turns.push(work),
  )
  function* work(count: number): Slices {
    for (let left = count; left > 0; left--) {
      nowMs += sliceMs
      slices++
      if (left > 1) yield
    }
  }
  return {
    done,
    begin: (name: string, count: number) => builds.begin(work(count), () => done.push(name)),
    /** Slices of the next turn; null: there is none. */
    turn: (): number | null => {
      const before = slices
      const next = turns.shift()
      next?.()
      return next === undefined ? null : slices - before
    },
  }
}

describe('builds', () => {
  it('hold up the event loop for no more than a millisecond and a slice', () => {
    const { begin, turn, done } = startLab(0.3)
    begin('a', 10)
    expect([turn(), turn(), done.length, turn(), turn()]).toEqual([4, 4, 0, 2, null])
    expect(done).toEqual(['a'])
  })

  it('are made one after the other, within the same time', () => {
    const { begin, turn, done } = startLab(0.5)
    begin('a', 3)
    begin('b', 3)
    expect([turn(), turn(), turn(), turn()]).toEqual([2, 2, 2, null])
    expect(done).toEqual(['a', 'b'])
    begin('c', 1)
    expect([turn(), done]).toEqual([1, ['a', 'b', 'c']])
  })

  it('can be finished at once and given up', () => {
    const { begin, turn, done } = startLab(0.5)
    const [a, b] = [begin('a', 9), begin('b', 9)]
    turn()
    b.finish()
    b.finish()
    expect(done).toEqual(['b'])
    a.abandon()
    a.finish()
    expect([turn(), turn(), done]).toEqual([0, null, ['b']])
  })
})
