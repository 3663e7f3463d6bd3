import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../../../../src/consensus/log/entries.ts'
import { Log } from '../../../../../src/consensus/log/log.ts'
import { CatchUp } from '../../../../../src/consensus/raft/leader/catch-up.ts'
import { Heartbeats } from '../../../../../src/consensus/raft/leader/heartbeats.ts'
import { Inflight } from '../../../../../src/consensus/raft/leader/inflight.ts'
import { Progress } from '../../../../../src/consensus/raft/leader/progress.ts'
import { SnapshotTransfer } from '../../../../../src/consensus/raft/leader/snapshot-transfer.ts'
import { entriesOf, foundingOf, membershipOf } from '../disk.ts'
import { ELECTION_MIN_MS, OPTIONS } from '../group.ts'

const OPTIONS_OF_A = { ...OPTIONS, id: 'a' }

function logOf(entries: number, baseIndex = 0): Log {
  const log = new Log({ index: 0, term: 0 }, entriesOf(Array(entries).fill(1)), baseIndex)
  log.compactTo(baseIndex)
  return log
}

function progressOf(lastIndex: number): Progress {
  return new Progress('b', lastIndex, OPTIONS_OF_A, 0)
}

function snapshotOf(index: number, bytes = 40): Snapshot {
  const data = Uint8Array.from({ length: bytes }, (_, n) => n)
  return { ...foundingOf(membershipOf('abc')), index, term: 1, data }
}

describe('progress of a peer', () => {
  it('probes with one append at a time', () => {
    const progress = progressOf(5)
    expect([progress.state, progress.nextIndex, progress.canSend]).toEqual(['probe', 6, true])
    progress.sent(0, 0, 0, 5, 0)
    expect(progress.canSend).toBe(false)
    progress.heardRound(1, 0, 0)
    expect(progress.canSend).toBe(true)
  })

  it('sends on and on once it is known where the logs meet', () => {
    const progress = progressOf(5)
    progress.sent(0, 0, 0, 5, 0)
    expect(progress.matched(5, logOf(9), 0)).toBe(true)
    expect([progress.state, progress.matchIndex, progress.nextIndex]).toEqual(['replicate', 5, 6])
    progress.sent(2, 100, 0, 9, 0)
    expect(progress.nextIndex).toBe(8)
    expect(progress.matched(7, logOf(9), 0)).toBe(true)
    expect(progress.matched(6, logOf(9), 0)).toBe(false)
    expect(progress.matchIndex).toBe(7)
  })

  it('waits while too much is unanswered', () => {
    const progress = progressOf(0)
    progress.matched(0, logOf(99), 0)
    for (let n = 0; n < OPTIONS.inflightAppendsMax; n++) {
      expect(progress.canSend).toBe(true)
      progress.sent(1, 10, 0, 99, 0)
    }
    expect(progress.canSend).toBe(false)
    progress.matched(1, logOf(99), 0)
    expect(progress.canSend).toBe(true)
  })

  it.each([
    ['says where the logs may meet', 9, 3, 'probe', 4],
    ['says nothing that helps: the next probe is earlier nevertheless', 9, 99, 'probe', 9],
    ['says less than is known to match', 9, 0, 'probe', 3],
    ['answers late, of what is known to match', 2, 1, 'replicate', 13],
    ['answers what was never sent', 50, 1, 'replicate', 13],
  ] as const)('goes back when the peer %s', (_, refused, meet, state, next) => {
    const progress = progressOf(2)
    progress.matched(2, logOf(20), 0)
    progress.sent(10, 100, 0, 20, 0)
    progress.refused(refused, meet)
    expect([progress.state, progress.nextIndex]).toEqual([state, next])
  })

  it('does not listen to the refusal of an older probe', () => {
    const progress = progressOf(9)
    progress.sent(0, 0, 0, 9, 0)
    expect(progress.refused(9, 5)).toBe(true)
    expect(progress.nextIndex).toBe(6)
    expect(progress.refused(9, 1)).toBe(false)
    expect(progress.refused(7, 1)).toBe(false)
    expect(progress.refused(3, 1)).toBe(false)
    expect(progress.nextIndex).toBe(6)
  })

  it('tells the commit index once it has moved', () => {
    const progress = progressOf(5)
    progress.matched(5, logOf(5), 0)
    expect(progress.isAppendDue(0)).toBe(false)
    expect(progress.isAppendDue(3)).toBe(true)
    progress.sent(0, 0, 3, 5, 0)
    expect(progress.isAppendDue(3)).toBe(false)
  })

  it('asks where a peer is that lives and answers nothing', () => {
    const progress = progressOf(5)
    progress.matched(5, logOf(7), 0)
    progress.sent(2, 10, 0, 7, 0)
    progress.heardRound(1, 0, 0)
    expect(progress.isAppendDue(0)).toBe(false)
    progress.heardRound(2, 0, 0)
    expect(progress.isAppendDue(0)).toBe(true)
    progress.sent(0, 0, 0, 7, 0)
    expect(progress.refused(7, 5)).toBe(true)
    expect([progress.state, progress.nextIndex]).toEqual(['probe', 6])
  })

  it('goes on with entries after a snapshot', () => {
    const progress = progressOf(9)
    progress.startSnapshot(snapshotOf(8), 0)
    expect([progress.state, progress.canSend, progress.isAppendDue(9)]).toEqual([
      'snapshot',
      false,
      false,
    ])
    expect(() => progress.sent(1, 1, 0, 9, 0)).toThrow(/sent a snapshot/)
    progress.matched(8, logOf(9, 8), 0)
    expect([progress.state, progress.nextIndex, progress.transfer]).toEqual(['replicate', 9, null])
  })

  it.each([
    ['stays with a snapshot while the peer has less', 4, 'snapshot'],
    ['leaves it when the peer has what the log continues', 7, 'replicate'],
  ] as const)('%s', (_, index, state) => {
    const progress = progressOf(9)
    progress.startSnapshot(snapshotOf(8), 0)
    progress.matched(index, logOf(9, 7), 0)
    expect([progress.state, progress.matchIndex]).toEqual([state, index])
  })

  it('leaves a snapshot that is installed, even where the log has become shorter still', () => {
    const progress = progressOf(99)
    progress.startSnapshot(snapshotOf(8), 0)
    progress.matched(8, logOf(99, 50), 0)
    expect([progress.state, progress.nextIndex]).toEqual(['replicate', 9])
  })

  it('stops the node where a peer has more than there is', () => {
    expect(() => progressOf(5).matched(6, logOf(5), 0)).toThrow(/no more than there is/)
    expect(() => {
      const progress = progressOf(5)
      progress.matched(5, logOf(5), 0)
      progress.startSnapshot(snapshotOf(5), 0)
    }).toThrow(/leads a peer on/)
  })
})

describe('what is in flight', () => {
  it('is bounded in number and in bytes, and one append may be as large as it is', () => {
    const few = new Inflight(2, 1000)
    few.add(1, 1)
    expect(few.isFull).toBe(false)
    few.add(2, 1)
    expect(few.isFull).toBe(true)
    few.freeTo(1)
    expect(few.isFull).toBe(false)

    const small = new Inflight(9, 10)
    expect(small.isFull).toBe(false)
    small.add(1, 5000)
    expect(small.isFull).toBe(true)
    small.freeTo(0)
    expect(small.isFull).toBe(true)
    small.clear()
    expect(small.isFull).toBe(false)
  })
})

describe('catching up', () => {
  const MS = ELECTION_MIN_MS

  it.each<[string, (catchUp: CatchUp) => void, boolean]>([
    ['nothing was sent yet', () => {}, false],
    ['a round was quick', (c) => [c.sending(9, 0), c.matched(9, 12, MS)], true],
    ['a round was slow', (c) => [c.sending(9, 0), c.matched(9, 12, MS + 1)], false],
    ['a round is under way', (c) => [c.sending(9, 0), c.matched(8, 12, 1)], false],
    [
      'a slow round is followed by a quick one',
      (c) => [c.sending(9, 0), c.matched(9, 12, 2 * MS), c.matched(12, 15, 2.5 * MS)],
      true,
    ],
    [
      'a quick round is followed by one that takes too long',
      (c) => [c.sending(9, -3 * MS), c.matched(9, 12, -2.5 * MS)],
      false,
    ],
    ['it had everything from the start', (c) => c.matched(9, 9, 0), true],
    ['a slow round has brought all', (c) => [c.sending(9, 0), c.matched(9, 9, 5 * MS)], true],
  ])('where %s: %s', (_, act, isCaughtUp) => {
    const catchUp = new CatchUp(MS)
    act(catchUp)
    expect(catchUp.isCaughtUp(0)).toBe(isCaughtUp)
  })
})

describe('a snapshot on its way', () => {
  const transferOf = (bytes: number) => new SnapshotTransfer(snapshotOf(5, bytes), OPTIONS_OF_A, 0)
  const offsetsOf = (transfer: SnapshotTransfer) => {
    const offsets: number[] = []
    for (let piece = transfer.next(); piece !== null; piece = transfer.next()) {
      offsets.push(piece.offset)
    }
    return offsets
  }

  it('goes in pieces, a few at a time', () => {
    const transfer = transferOf(100)
    expect(offsetsOf(transfer)).toEqual([0, 16, 32])
    expect(transfer.wanted(16, 1)).toBe(false)
    expect(offsetsOf(transfer)).toEqual([48])
    expect(transfer.wanted(64, 1)).toBe(false)
    expect(offsetsOf(transfer)).toEqual([64, 80, 96])
    expect(transfer.wanted(100, 1)).toBe(true)
    expect(offsetsOf(transfer)).toEqual([])
  })

  it('that is empty is one piece', () => {
    const transfer = transferOf(0)
    expect(offsetsOf(transfer)).toEqual([0])
    expect(transfer.wanted(0, 0)).toBe(true)
  })

  it('begins again where the peer wants it, after a while without any progress', () => {
    const transfer = transferOf(100)
    offsetsOf(transfer)
    transfer.wanted(16, 10)
    transfer.retryWhenStuck(10 + ELECTION_MIN_MS - 1)
    expect(offsetsOf(transfer)).toEqual([48])
    transfer.retryWhenStuck(10 + ELECTION_MIN_MS)
    expect(offsetsOf(transfer)).toEqual([16, 32, 48])
    // The peer has started anew and has nothing.
    transfer.wanted(0, 20 + ELECTION_MIN_MS)
    transfer.retryWhenStuck(20 + 2 * ELECTION_MIN_MS)
    expect(offsetsOf(transfer)).toEqual([0, 16, 32])
  })

  it('is not moved by what nobody can want', () => {
    const transfer = transferOf(100)
    offsetsOf(transfer)
    expect(transfer.wanted(101, 0)).toBe(false)
    expect(offsetsOf(transfer)).toEqual([])
  })
})

describe('rounds of heartbeats', () => {
  it('know when each was sent, as long as it is not too old', () => {
    const heartbeats = new Heartbeats()
    expect(heartbeats.sentMs(0)).toBe(null)
    for (let n = 1; n <= 5000; n++) expect(heartbeats.begin(n * 10)).toBe(n)
    expect([heartbeats.round, heartbeats.sentMs(5000)]).toEqual([5000, 50_000])
    expect(heartbeats.sentMs(4500)).toBe(45_000)
    expect(heartbeats.sentMs(1)).toBe(null)
    expect(heartbeats.sentMs(5001)).toBe(null)
  })
})
