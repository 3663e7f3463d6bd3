import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import type { ProposalOutcome } from '../../../../src/consensus/driver/proposals.ts'
import type { Entry } from '../../../../src/consensus/log/entries.ts'
import { DriverLab, foundingOf, membershipOf } from './driver-lab.ts'

const diskFailure = new SluiceError('data-dir-failed', 'no space left')

function commandOf(bytes: number): Uint8Array {
  return new Uint8Array(bytes)
}

describe('a driver', () => {
  it('comes to rest, and leads alone within an election timeout', () => {
    const lab = new DriverLab(foundingOf('lb1'))
    lab.scheduler.settle()
    expect(lab.standings).toEqual([])
    lab.scheduler.pass(600)
    expect(lab.driver.status()).toMatchObject({ role: 'leader', term: 1, leader: 'lb1/1' })
    expect(lab.standings.at(-1)?.role).toBe('leader')
    lab.scheduler.pass(10_000)
    expect(lab.driver.status()).toMatchObject({ role: 'leader', term: 1 })
  })

  it('gives what is proposed in one turn to one write', () => {
    const lab = new DriverLab(foundingOf('lb1')).lead()
    const before = lab.store.persists.length
    const outcomes: ProposalOutcome[] = []
    for (let n = 1; n <= 100; n++) {
      lab.driver.propose(commandOf(n % 10), (outcome) => outcomes.push(outcome))
    }
    lab.scheduler.settle()
    expect(lab.store.persists.slice(before).map(({ entries }) => entries.length)).toEqual([100])
    expect(outcomes).toHaveLength(100)
    expect(outcomes.at(-1)).toEqual({ kind: 'applied', index: 101 })
    expect(lab.machine.sum).toBe(450)
  })

  it('holds a vote back until it is durable', () => {
    const lab = new DriverLab(foundingOf('lb1', 'lb2', 'lb3'))
    lab.store.isAutomatic = false
    const envelope = { from: 'lb2/1', to: 'lb1/1', term: 1 }
    const log = { lastIndex: 0, lastTerm: 0 }
    lab.driver.step({ type: 'vote', ...envelope, ...log, isTransfer: false })
    lab.scheduler.settle()
    expect(lab.store.persists).toMatchObject([{ hardState: { term: 1, vote: 'lb2/1' } }])
    expect(lab.sent).toEqual([])
    lab.store.confirm()
    lab.scheduler.settle()
    expect(lab.sent).toMatchObject([{ type: 'vote-reply', to: 'lb2/1', isGranted: true }])
  })

  it('applies nothing that is not durable here', () => {
    const lab = new DriverLab(foundingOf('lb1')).lead()
    lab.store.isAutomatic = false
    lab.driver.propose(commandOf(5), null)
    lab.scheduler.settle()
    expect(lab.machine.sum).toBe(0)
    lab.store.confirm()
    lab.scheduler.settle()
    expect(lab.machine.sum).toBe(5)
  })

  it('sets the machine to a received snapshot once that is durable, and what went over it is unknown', () => {
    const lab = new DriverLab(foundingOf('lb1', 'lb2', 'lb3'))
    lab.store.isAutomatic = false
    const outcomes: ProposalOutcome[] = []
    lab.driver.wait(4, 1, (outcome) => outcomes.push(outcome))
    lab.driver.wait(9, 1, (outcome) => outcomes.push(outcome))
    const membership = membershipOf('lb1', 'lb2', 'lb4')
    const data = Uint8Array.of(1, 2)
    lab.driver.step({
      ...{ type: 'snapshot-chunk', from: 'lb2/1', to: 'lb1/1', term: 2 },
      ...{ index: 8, indexTerm: 1, membership, offset: 0, totalBytes: 2, data },
    })
    lab.scheduler.settle()
    expect(lab.machine.sum).toBe(0)
    expect(outcomes).toEqual([])
    lab.store.confirm()
    lab.scheduler.settle()
    expect(lab.machine.sum).toBe(258)
    expect(lab.driver.appliedMembership).toEqual(membership)
    expect(outcomes).toEqual([{ kind: 'unknown' }])
    expect(lab.sent.at(-1)).toMatchObject({ type: 'snapshot-reply', offset: 2 })
  })
})

describe('a snapshot', () => {
  const policy = { snapshotEntries: 10, keptEntries: 4 }

  it('is taken when enough was applied, and shortens the log', () => {
    const lab = new DriverLab(foundingOf('lb1'), policy).lead()
    for (let n = 0; n < 25; n++) {
      lab.driver.propose(commandOf(1), null)
      lab.scheduler.settle()
    }
    const taken = lab.store.persists.filter(({ snapshot }) => snapshot !== null)
    // The first entry of a term is one as well.
    expect(taken.map(({ snapshot }) => snapshot?.index)).toEqual([10, 20])
    expect(taken.map(({ firstIndex }) => firstIndex)).toEqual([7, 17])
    expect(taken[1]?.snapshot?.data).toEqual(Uint8Array.of(0, 19))
    expect(lab.driver.status()).toMatchObject({ firstIndex: 17, lastIndex: 26 })
  })

  it('is taken when enough bytes were applied', () => {
    const lab = new DriverLab(foundingOf('lb1'), { snapshotBytes: 10_000, keptBytes: 3000 }).lead()
    for (let n = 0; n < 15; n++) {
      lab.driver.propose(commandOf(1000), null)
      lab.scheduler.settle()
    }
    expect(lab.driver.status()).toMatchObject({ firstIndex: 10, lastIndex: 16 })
  })

  it('is taken one at a time', () => {
    const lab = new DriverLab(foundingOf('lb1'), { snapshotEntries: 1, keptEntries: 1 }).lead()
    lab.store.isAutomatic = false
    for (let n = 0; n < 5; n++) lab.driver.propose(commandOf(1), null)
    lab.scheduler.settle()
    lab.store.confirm()
    const before = lab.store.persists.filter(({ snapshot }) => snapshot !== null).length
    for (let n = 0; n < 5; n++) {
      lab.driver.propose(commandOf(1), null)
      lab.scheduler.settle()
    }
    const during = lab.store.persists.filter(({ snapshot }) => snapshot !== null).length
    expect(during - before).toBeLessThanOrEqual(1)
    lab.store.isAutomatic = true
    lab.store.confirm()
    lab.scheduler.settle()
    expect(lab.machine.sum).toBe(10)
  })

  it('is as of when it was asked for, however late it comes', () => {
    const lab = new DriverLab(foundingOf('lb1'), policy).lead()
    lab.machine.isSlow = true
    for (let n = 0; n < 25; n++) {
      lab.driver.propose(commandOf(1), null)
      lab.scheduler.settle()
    }
    expect(lab.machine.asked).toHaveLength(1)
    expect(lab.driver.status()).toMatchObject({ firstIndex: 1, lastIndex: 26 })
    lab.machine.asked.shift()?.()
    lab.scheduler.settle()
    const taken = lab.store.persists.filter(({ snapshot }) => snapshot !== null)
    expect(taken).toMatchObject([{ snapshot: { index: 10, data: Uint8Array.of(0, 9) } }])
    expect(lab.driver.status()).toMatchObject({ firstIndex: 7, lastIndex: 26 })
    // The next one is asked for once this one is durable and something more is applied.
    lab.driver.propose(commandOf(1), null)
    lab.scheduler.settle()
    lab.machine.asked.shift()?.()
    lab.scheduler.settle()
    expect(lab.driver.status()).toMatchObject({ firstIndex: 24, lastIndex: 27 })
  })

  it('that comes once a received one stands in its place is dropped', () => {
    const lab = new DriverLab(foundingOf('lb1', 'lb2', 'lb3'), policy)
    lab.machine.isSlow = true
    const envelope = { from: 'lb2/1', to: 'lb1/1', term: 1 }
    const entries = Array.from({ length: 12 }, (_, n): Entry => {
      return { index: n + 1, term: 1, payload: { kind: 'command', data: commandOf(1) } }
    })
    lab.driver.step({
      ...{ type: 'append', ...envelope, prevIndex: 0, prevTerm: 0 },
      ...{ entries, commit: 12 },
    })
    lab.scheduler.settle()
    expect(lab.machine.asked).toHaveLength(1)
    lab.driver.step({
      ...{ type: 'snapshot-chunk', ...envelope, index: 20, indexTerm: 1 },
      ...{ membership: membershipOf('lb1', 'lb2', 'lb3'), offset: 0, totalBytes: 2 },
      data: Uint8Array.of(1, 2),
    })
    lab.scheduler.settle()
    expect(lab.machine.sum).toBe(258)
    lab.machine.asked.shift()?.()
    lab.scheduler.settle()
    const taken = lab.store.persists.filter(({ snapshot }) => snapshot !== null)
    expect(taken.map(({ snapshot }) => snapshot?.index)).toEqual([20])
    expect(lab.failures).toEqual([])
  })

  it('of a node that has stopped is dropped', () => {
    const lab = new DriverLab(foundingOf('lb1'), policy).lead()
    lab.machine.isSlow = true
    for (let n = 0; n < 10; n++) lab.driver.propose(commandOf(1), null)
    lab.scheduler.settle()
    lab.driver.stop()
    lab.machine.asked.shift()?.()
    lab.scheduler.settle()
    expect(lab.store.persists.filter(({ snapshot }) => snapshot !== null)).toEqual([])
  })

  it('and the entries behind it are what a node begins with', () => {
    const data = Uint8Array.of(0, 50)
    const entries = [8, 9, 10, 11, 12].map((index): Entry => {
      return { index, term: 1, payload: { kind: 'command', data: commandOf(2) } }
    })
    const snapshot = { index: 10, term: 1, membership: membershipOf('lb1'), data }
    const stored = { hardState: { term: 1, vote: null }, snapshot, entries }
    const lab = new DriverLab(stored, policy)
    expect(lab.machine.sum).toBe(50)
    lab.lead()
    expect(lab.machine.applied).toEqual([11, 12])
    expect(lab.machine.sum).toBe(54)
  })
})

describe('a failure', () => {
  it('of the store ends the node, which says no more', () => {
    const lab = new DriverLab(foundingOf('lb1', 'lb2', 'lb3'))
    lab.store.isAutomatic = false
    const envelope = { from: 'lb2/1', to: 'lb1/1', term: 1 }
    lab.driver.step({
      ...{ type: 'vote', ...envelope, lastIndex: 0, lastTerm: 0, isTransfer: false },
    })
    const outcomes: ProposalOutcome[] = []
    const reads: boolean[] = []
    lab.driver.wait(1, 1, (outcome) => outcomes.push(outcome))
    lab.driver.read((isDone) => reads.push(isDone))
    lab.scheduler.settle()
    lab.store.confirm(diskFailure)
    lab.scheduler.pass(60_000)
    expect(lab.failures).toEqual([diskFailure])
    expect(lab.sent).toEqual([])
    expect(outcomes).toEqual([{ kind: 'unknown' }])
    expect(reads).toEqual([false])
    expect(lab.driver.propose(commandOf(1), null)).toMatchObject({ ok: false, reason: 'stopped' })
    expect(lab.scheduler.waiting).toBe(0)
  })

  it('of the machine ends the node', () => {
    const lab = new DriverLab(foundingOf('lb1')).lead()
    const outcomes: ProposalOutcome[] = []
    for (const bytes of [1, 13, 2]) {
      lab.driver.propose(commandOf(bytes), (outcome) => outcomes.push(outcome))
    }
    lab.scheduler.settle()
    expect(lab.failures).toMatchObject([{ message: 'cannot go on' }])
    expect(lab.machine.sum).toBe(1)
    expect(outcomes.map(({ kind }) => kind)).toEqual(['applied', 'unknown', 'unknown'])
  })
})

describe('bounds', () => {
  it('hold for proposals', () => {
    const lab = new DriverLab(foundingOf('lb1'), { pendingProposalsMax: 3 }).lead()
    const propose = () => lab.driver.propose(commandOf(1), () => {})
    expect([propose(), propose(), propose()].every(({ ok }) => ok)).toBe(true)
    expect(propose()).toMatchObject({ ok: false, reason: 'overloaded' })
    const outcomes: ProposalOutcome[] = []
    lab.driver.wait(99, 1, (outcome) => outcomes.push(outcome))
    expect(outcomes).toEqual([{ kind: 'unknown' }])
    lab.scheduler.settle()
    expect(propose().ok).toBe(true)
  })

  it('hold for reads', () => {
    const lab = new DriverLab(foundingOf('lb1'), { pendingReadsMax: 2 }).lead()
    const reads: boolean[] = []
    for (let n = 0; n < 3; n++) lab.driver.read((isDone) => reads.push(isDone))
    expect(reads).toEqual([false])
    lab.scheduler.settle()
    expect(reads).toEqual([false, true, true])
  })

  it('a follower without a leader reads nothing', () => {
    const lab = new DriverLab(foundingOf('lb1', 'lb2', 'lb3'))
    const reads: boolean[] = []
    lab.driver.read((isDone) => reads.push(isDone))
    lab.scheduler.settle()
    expect(reads).toEqual([false])
  })
})

describe('stopping', () => {
  it('leaves nothing behind', () => {
    const lab = new DriverLab(foundingOf('lb1')).lead()
    const outcomes: ProposalOutcome[] = []
    lab.driver.propose(commandOf(1), (outcome) => outcomes.push(outcome))
    lab.driver.stop()
    lab.driver.stop()
    expect(outcomes).toEqual([{ kind: 'unknown' }])
    const { length } = lab.store.persists
    lab.scheduler.pass(60_000)
    expect(lab.store.persists).toHaveLength(length)
    expect(lab.scheduler.waiting).toBe(0)
    expect(lab.failures).toEqual([])
  })
})
