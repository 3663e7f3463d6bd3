import { describe, expect, it } from 'vitest'
import { Conditions } from '../../../../src/consensus/group/awaited-conditions.ts'
import type { EngineView } from '../../../../src/consensus/group/engine-view.ts'
import { Proposer } from '../../../../src/consensus/group/proposer.ts'
import type { Entry } from '../../../../src/consensus/log/entries.ts'
import { PeerQuestions } from '../../../../src/consensus/peers/peer-questions.ts'
import { RAFT_DEFAULTS } from '../../../../src/consensus/raft/raft-defaults.ts'
import { DriverLab, foundingOf } from '../driver/driver-lab.ts'

const { electionMaxMs } = RAFT_DEFAULTS

/** A node of three, its peers played by the test. */
class Seat {
  readonly lab = new DriverLab(foundingOf('lb1', 'lb2', 'lb3'))
  readonly requested: string[] = []
  isConnected = true
  readonly proposer: Proposer

  constructor() {
    const { scheduler, driver } = this.lab
    const questions = new PeerQuestions(
      {
        scheduler,
        send: (to) => {
          if (this.isConnected) this.requested.push(to)
          return this.isConnected
        },
        untilReachable: () => Promise.resolve(this.isConnected),
        answer: () => Promise.reject(new Error('not asked')),
      },
      1,
    )
    const conditions = new Conditions(scheduler)
    const view: EngineView = {
      scheduler,
      questions,
      conditions,
      silenceMaxMs: electionMaxMs,
      isConnected: () => true,
      driver: () => driver,
    }
    this.proposer = new Proposer(view)
  }

  /** Is elected by the vote of one peer. */
  lead(): void {
    const { driver, scheduler } = this.lab
    driver.campaign()
    scheduler.settle()
    for (const type of ['pre-vote-reply', 'vote-reply'] as const) {
      driver.step({ type, from: 'lb2/1', to: 'lb1/1', term: 1, isGranted: true })
      scheduler.settle()
    }
    expect(driver.status()).toMatchObject({ role: 'leader', term: 1 })
  }

  /** Hears from a leader of a term. */
  hear(term: number, entries: readonly Entry[] = [], commit = 0): void {
    const prev = { prevIndex: 0, prevTerm: 0 }
    const envelope = { from: 'lb2/1', to: 'lb1/1', term }
    this.lab.driver.step({ type: 'append', ...envelope, ...prev, entries, commit })
    this.lab.scheduler.settle()
  }

  /** Lets time pass in small steps, so that what is promised meanwhile happens. */
  async pass(durationMs: number): Promise<void> {
    for (let ms = 0; ms < durationMs; ms += 5) {
      this.lab.scheduler.pass(5)
      for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    }
  }
}

/** Settles without being awaited. */
function watch(promise: Promise<unknown>): { outcome: unknown } {
  const watched: { outcome: unknown } = { outcome: undefined }
  promise.then(
    (value) => {
      watched.outcome = { value }
    },
    (error: unknown) => {
      watched.outcome = error
    },
  )
  return watched
}

const command = Uint8Array.of(1)

describe('a proposal', () => {
  it('is refused at once where no leader was ever heard', async () => {
    const seat = new Seat()
    await expect(seat.proposer.propose(command)).rejects.toMatchObject({ code: 'no-quorum' })
    await expect(seat.proposer.read()).rejects.toMatchObject({ code: 'no-quorum' })
    expect(seat.requested).toEqual([])
  })

  it('is refused once the leader has been silent for an election timeout', async () => {
    const seat = new Seat()
    seat.hear(1)
    await seat.pass(electionMaxMs)
    await expect(seat.proposer.propose(command)).rejects.toMatchObject({ code: 'no-quorum' })
    expect(seat.requested).toEqual([])
  })

  it('that a leader takes and cannot have agreed on is of unknown outcome', async () => {
    const seat = new Seat()
    seat.lead()
    const proposal = watch(seat.proposer.propose(command))
    await seat.pass(4900)
    expect(proposal.outcome).toBeUndefined()
    await seat.pass(200)
    expect(proposal.outcome).toMatchObject({ code: 'outcome-unknown' })
  })

  it('whose place another entry takes is proposed again, for it never held', async () => {
    const seat = new Seat()
    seat.lead()
    const proposal = watch(seat.proposer.propose(command))
    await seat.pass(5)
    expect(seat.lab.driver.status().lastIndex).toBe(2)
    const others = [1, 2].map((index): Entry => ({ index, term: 2, payload: { kind: 'empty' } }))
    seat.hear(2, others)
    await seat.pass(5)
    // It is gone from this log, and may yet be agreed on.
    expect(proposal.outcome).toBeUndefined()
    seat.hear(2, others, 2)
    await seat.pass(20)
    expect(seat.requested).toEqual(['lb2/1'])
    expect(proposal.outcome).toBeUndefined()
  })

  it('that goes to a leader who does not answer is of unknown outcome', async () => {
    const seat = new Seat()
    seat.hear(1)
    const proposal = watch(seat.proposer.propose(command))
    await seat.pass(5)
    expect(seat.requested).toEqual(['lb2/1'])
    await seat.pass(5100)
    expect(proposal.outcome).toMatchObject({ code: 'outcome-unknown' })
    expect(seat.requested).toEqual(['lb2/1'])
  })

  it('that cannot be sent to the leader was not made', async () => {
    const seat = new Seat()
    seat.isConnected = false
    seat.hear(1)
    const proposal = watch(seat.proposer.propose(command))
    await seat.pass(electionMaxMs + 50)
    expect(proposal.outcome).toMatchObject({ code: 'no-quorum' })
  })

  it('finds the leader that comes within an election timeout', async () => {
    const seat = new Seat()
    seat.isConnected = false
    seat.hear(1)
    const proposal = watch(seat.proposer.propose(command))
    await seat.pass(200)
    expect(proposal.outcome).toBeUndefined()
    seat.isConnected = true
    await seat.pass(20)
    expect(seat.requested).toEqual(['lb2/1'])
  })
})
