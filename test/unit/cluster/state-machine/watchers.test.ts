import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { watchersOf } from '../../../../src/cluster/state-machine/watchers.ts'

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `lb${n + 1}`)
const keys = Array.from({ length: 3_000 }, (_, n) => `app/app${n}`)

describe('the watchers of a server', () => {
  const drawn = fc.tuple(
    fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 9 }).map((all) => all.sort()),
    fc.string(),
    fc.integer({ min: 1, max: 9 }),
  )

  it('are so many of the witnesses, or all, in order', () => {
    fc.assert(
      fc.property(drawn, ([witnesses, key, count]) => {
        const watchers = watchersOf(key, witnesses, count)
        expect(watchers).toHaveLength(Math.min(count, witnesses.length))
        expect(witnesses.filter((node) => watchers.includes(node))).toEqual(watchers)
        expect(watchersOf(key, witnesses, null)).toEqual(witnesses)
      }),
    )
  })

  it('change by one at most when a witness leaves or comes, and only to or from that one', () => {
    fc.assert(
      fc.property(drawn, fc.nat(8), ([witnesses, key, count], at) => {
        if (witnesses.length === 0) return
        const leaving = witnesses[at % witnesses.length]!
        const all = watchersOf(key, witnesses, count)
        const left = watchersOf(
          key,
          witnesses.filter((node) => node !== leaving),
          count,
        )
        expect(all.filter((node) => !left.includes(node))).toEqual(
          all.includes(leaving) ? [leaving] : [],
        )
      }),
    )
  })

  it('share the servers evenly', () => {
    for (const count of [1, 2]) {
      const load = new Map<string, number>()
      for (const key of keys) {
        for (const node of watchersOf(key, names(5), count)) {
          load.set(node, (load.get(node) ?? 0) + 1)
        }
      }
      const share = (keys.length * count) / 5
      for (const node of names(5)) {
        expect(load.get(node)).toBeGreaterThan(share * 0.85)
        expect(load.get(node)).toBeLessThan(share * 1.15)
      }
    }
  })

  it('are drawn so that two who share one server seldom share all', () => {
    const pairs = new Set(keys.map((key) => watchersOf(key, names(5), 2).join(' ')))
    expect(pairs.size).toBe(10)
  })

  // Nodes of several versions have to agree on them.
  it('stay who they are', () => {
    const found = ['app/app1', 'app/app2', 'api/x'].map((key) => watchersOf(key, names(4), 2))
    expect(found).toMatchInlineSnapshot(`
      [
        [
          "lb2",
          "lb4",
        ],
        [
          "lb1",
          "lb4",
        ],
        [
          "lb3",
          "lb4",
        ],
      ]
    `)
  })
})
