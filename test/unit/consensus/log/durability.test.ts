import { describe, expect, it } from 'vitest'
import { Durability } from '../../../../src/consensus/log/durability.ts'
import type { HardState, Snapshot } from '../../../../src/consensus/log/entries.ts'
import { Log } from '../../../../src/consensus/log/log.ts'
import type { Persist } from '../../../../src/consensus/log/persist.ts'
import { commandOf, entriesOf, foundingOf, membershipOf } from '../raft/disk.ts'

const TERM_1: HardState = { term: 1, vote: null }

/** A log with its durability, all of it on the disk. */
class Bench {
  readonly log: Log
  readonly durability: Durability

  constructor(terms: readonly number[], commitIndex = 0) {
    this.log = new Log({ index: 0, term: 0 }, entriesOf(terms), commitIndex)
    this.durability = new Durability(TERM_1, 0, terms.length)
  }

  append(...terms: number[]): void {
    const first = this.log.lastIndex + 1
    this.log.append(terms.map((term, n) => commandOf(first + n, term)))
  }

  truncateFrom(index: number): void {
    this.log.truncateFrom(index)
    this.durability.truncatedFrom(index)
  }

  take(hardState = TERM_1): Persist {
    const { persist } = this.durability.take(this.log, hardState, 0)
    if (persist === null) throw new Error('nothing to write')
    return persist
  }

  confirm(sequence: number): void {
    this.durability.persisted(sequence, this.log)
  }
}

function snapshotOf(index: number, term: number): Snapshot {
  return { ...foundingOf(membershipOf('abc')), index, term }
}

describe('durability', () => {
  it('writes nothing when nothing is new', () => {
    const { durability, log } = new Bench([1])
    expect(durability.take(log, TERM_1, 0)).toEqual({ persist: null, isBlocked: false })
  })

  it('writes what is new, once, in numbered writes', () => {
    const bench = new Bench([1])
    bench.append(1, 1)
    const first = bench.take()
    expect(first).toMatchObject({ sequence: 1, hardState: null, snapshot: null, isLogReset: false })
    expect(first.entries.map(({ index }) => index)).toEqual([2, 3])
    bench.append(1)
    const second = bench.take({ term: 2, vote: 'a' })
    expect(second).toMatchObject({ sequence: 2, hardState: { term: 2, vote: 'a' } })
    expect(second.entries.map(({ index }) => index)).toEqual([4])
    expect(bench.durability.durableIndex).toBe(1)
    bench.confirm(1)
    expect(bench.durability.durableIndex).toBe(3)
    expect(bench.durability.durableHardState).toEqual(TERM_1)
    bench.confirm(2)
    expect(bench.durability.durableIndex).toBe(4)
    expect(bench.durability.durableHardState).toEqual({ term: 2, vote: 'a' })
  })

  it('does not take an old confirmation for entries that were put in place of others', () => {
    const bench = new Bench([1])
    bench.append(1, 1)
    const old = bench.take()
    bench.truncateFrom(2)
    bench.append(2)
    bench.confirm(old.sequence)
    expect(bench.durability.durableIndex).toBe(1)
    bench.confirm(bench.take().sequence)
    expect(bench.durability.durableIndex).toBe(2)
  })

  it('does not take it for the very same entries either, put back after others', () => {
    const bench = new Bench([1])
    bench.append(1)
    const first = bench.take()
    bench.truncateFrom(2)
    bench.append(2)
    const second = bench.take({ term: 2, vote: null })
    bench.truncateFrom(2)
    bench.append(1)
    const third = bench.take({ term: 3, vote: null })
    expect(third.entries).toEqual(first.entries)
    bench.confirm(first.sequence)
    expect(bench.durability.durableIndex).toBe(1)
    bench.confirm(second.sequence)
    expect(bench.durability.durableIndex).toBe(1)
    bench.confirm(third.sequence)
    expect(bench.durability.durableIndex).toBe(2)
  })

  it('takes back what was durable when it is truncated', () => {
    const bench = new Bench([1, 1, 1])
    bench.truncateFrom(2)
    expect(bench.durability.durableIndex).toBe(1)
    bench.append(2)
    expect(bench.take().entries.map(({ index, term }) => [index, term])).toEqual([[2, 2]])
  })

  it('counts nothing of a log that a received snapshot replaces until that is durable', () => {
    const bench = new Bench([1, 1, 1])
    bench.append(1)
    const before = bench.take()
    const snapshot = snapshotOf(9, 2)
    bench.log.reset({ index: 9, term: 2 })
    bench.durability.replacedBy(snapshot)
    bench.append(2)
    const write = bench.take()
    expect(write).toMatchObject({ snapshot, isLogReset: true, firstIndex: 10 })
    expect(write.entries.map(({ index }) => index)).toEqual([10])
    bench.confirm(before.sequence)
    expect([bench.durability.durableIndex, bench.durability.durableSnapshotIndex]).toEqual([0, 0])
    bench.confirm(write.sequence)
    expect([bench.durability.durableIndex, bench.durability.durableSnapshotIndex]).toEqual([10, 9])
  })

  it('writes a snapshot that was taken here beside the log', () => {
    const bench = new Bench([1, 1, 1], 3)
    const snapshot = snapshotOf(3, 1)
    bench.log.compactTo(2)
    bench.durability.compactedBy(snapshot)
    const write = bench.take()
    expect(write).toMatchObject({ snapshot, isLogReset: false, entries: [], firstIndex: 3 })
    bench.confirm(write.sequence)
    expect([bench.durability.durableIndex, bench.durability.durableSnapshotIndex]).toEqual([3, 3])
  })

  it('has so many writes under way and no more; what comes then goes together', () => {
    const bench = new Bench([])
    let writes = 0
    for (; ; writes++) {
      bench.append(1)
      const { persist, isBlocked } = bench.durability.take(bench.log, TERM_1, 0)
      if (isBlocked) break
      expect(persist?.entries).toHaveLength(1)
    }
    expect(writes).toBe(64)
    bench.append(1)
    expect(bench.durability.take(bench.log, TERM_1, 0).isBlocked).toBe(true)
    bench.confirm(1)
    expect(bench.take().entries).toHaveLength(2)
  })

  it('stops the node at a confirmation of what was never handed out', () => {
    const bench = new Bench([1])
    expect(() => bench.confirm(1)).toThrow(/handed out/)
  })
})
