import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../../src/consensus/log/entries.ts'
import { entryBytes } from '../../../../src/consensus/log/entry-bytes.ts'
import { Log } from '../../../../src/consensus/log/log.ts'
import { commandOf, entriesOf, membershipOf } from '../raft/disk.ts'

const START = { index: 0, term: 0 }

function logOf(terms: readonly number[], commitIndex = 0): Log {
  return new Log(START, entriesOf(terms), commitIndex)
}

/** The twin: all entries for ever, and where the log begins. */
class Twin {
  terms: number[] = []
  base = 0
  commit = 0

  get last(): number {
    return this.terms.length
  }

  termAt(index: number): number | null {
    if (index < this.base || index > this.last) return null
    return index === 0 ? 0 : (this.terms[index - 1] ?? null)
  }

  lastIndexWithin(index: number, term: number): number {
    for (let at = Math.min(index, this.last); at > this.base; at--) {
      if ((this.termAt(at) ?? 0) <= term) return at
    }
    return this.base
  }
}

/** One thing that may happen to a log. */
type Step = readonly ['append' | 'truncate' | 'compact' | 'commit' | 'reset', number, number]

function take(log: Log, twin: Twin, [kind, a, b]: Step): void {
  if (kind === 'append') {
    const term = (twin.termAt(twin.last) ?? 0) + (a % 3)
    const entries = Array.from({ length: b }, (_, n) => commandOf(twin.last + 1 + n, term))
    log.append(entries)
    for (const entry of entries) twin.terms.push(entry.term)
  } else if (kind === 'truncate') {
    const from = twin.last - (a % 4)
    if (from <= twin.commit) return
    log.truncateFrom(from)
    twin.terms.length = from - 1
  } else if (kind === 'commit') {
    twin.commit = Math.min(twin.last, twin.commit + b)
    log.commitTo(twin.commit)
  } else if (kind === 'compact') {
    twin.base = Math.max(twin.base, twin.commit - a)
    log.compactTo(twin.base)
  } else if (a === 0) {
    const term = (twin.termAt(twin.last) ?? 0) + 1
    const index = twin.last + 1 + b
    while (twin.last < index) twin.terms.push(term)
    twin.base = index
    twin.commit = index
    log.reset({ index, term })
  }
}

describe('the log', () => {
  it('is what a plain list of entries says, whatever happens to it', () => {
    const step = fc.tuple(
      fc.constantFrom('append' as const, 'append', 'truncate', 'compact', 'commit', 'reset'),
      fc.nat(9),
      fc.nat(5),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const log = new Log(START, [], 0)
        const twin = new Twin()
        for (const one of steps) {
          take(log, twin, one)
          expect([log.firstIndex, log.lastIndex, log.commitIndex]).toEqual([
            twin.base + 1,
            twin.last,
            twin.commit,
          ])
          expect(log.lastTerm).toBe(twin.termAt(twin.last))
          for (let index = 0; index <= twin.last + 2; index++) {
            expect(log.termAt(index)).toBe(twin.termAt(index))
            for (const term of [0, log.lastTerm - 1, log.lastTerm]) {
              expect(log.lastIndexWithin(index, term)).toBe(
                Math.max(twin.base, twin.lastIndexWithin(index, term)),
              )
            }
          }
          const kept = log.between(log.firstIndex, log.lastIndex)
          expect(kept.map(({ term }) => term)).toEqual(twin.terms.slice(twin.base))
        }
      }),
      { numRuns: 600 },
    )
  })

  it('is cut into appends by bytes, one entry at least', () => {
    const log = logOf([1, 1, 1, 1])
    const one = entryBytes(commandOf(1, 1))
    const cuts = (bytesMax: number) => log.slice(2, bytesMax).entries.map(({ index }) => index)
    expect(cuts(1)).toEqual([2])
    expect(cuts(2 * one - 1)).toEqual([2])
    expect(cuts(2 * one)).toEqual([2, 3])
    expect(cuts(100 * one)).toEqual([2, 3, 4])
    expect(log.slice(5, 100)).toEqual({ entries: [], bytes: 0 })
    expect(log.slice(2, 2 * one).bytes).toBe(2 * one)
  })

  it.each<[string, () => unknown, RegExp]>([
    ['a hole', () => logOf([1]).append([commandOf(3, 1)]), /contiguous/],
    ['an entry twice', () => logOf([1]).append([commandOf(1, 1)]), /contiguous/],
    ['a term that falls', () => logOf([2]).append([commandOf(2, 1)]), /never fall/],
    ['a committed entry cut off', () => logOf([1, 1], 2).truncateFrom(2), /never truncated/],
    ['a cut beyond its end', () => logOf([1]).truncateFrom(2), /within the log/],
    ['a commit index that falls', () => logOf([1, 1], 2).commitTo(1), /never falls/],
    ['a commit beyond its end', () => logOf([1]).commitTo(2), /that are there/],
    ['compaction of what is not committed', () => logOf([1, 1], 1).compactTo(2), /committed/],
    ['a snapshot behind its commit', () => logOf([1, 1], 2).reset({ index: 2, term: 1 }), /moves/],
  ])('stops the node at %s', (_, act, what) => {
    expect(act).toThrow(what)
  })

  it('weighs entries by their payload', () => {
    const weigh = (payload: Entry['payload']) => entryBytes({ index: 1, term: 1, payload })
    const empty = weigh({ kind: 'empty' })
    expect(weigh({ kind: 'command', data: new Uint8Array(100) })).toBe(empty + 100)
    const three = weigh({ kind: 'membership', membership: membershipOf('abc') })
    const four = weigh({ kind: 'membership', membership: membershipOf('abc', 'd') })
    expect(three).toBeGreaterThan(empty)
    expect(four).toBeGreaterThan(three)
    const invited = [{ name: 'e', address: 'e:1' }]
    const five = weigh({ kind: 'membership', membership: { ...membershipOf('abc', 'd'), invited } })
    expect(five).toBeGreaterThan(four)
  })
})
