import { assert, SluiceError } from '../../base/errors.ts'
import type { Core, MakeCore, RandomSource } from '../core/core.ts'
import type { CoreStanding, CoreStatus, ProposeResult } from '../core/core-status.ts'
import type { ReadOutcome, Ready } from '../core/ready.ts'
import type { Entry, Membership, NodeId, Snapshot } from '../log/entries.ts'
import type { Persist } from '../log/persist.ts'
import type { LogStore, StoredState } from '../store/log-store.ts'
import type { DriverOptions } from './driver-options.ts'
import type { Machine } from './machine.ts'
import { type OnOutcome, Proposals } from './proposals.ts'
import { type OnRead, ReadBatches } from './read-batches.ts'
import type { Scheduler } from './scheduler.ts'
import { SnapshotPolicy } from './snapshot-policy.ts'

/** What a driver works with. `M` is what the nodes of its core say to each other. */
export interface DriverHost<M> {
  readonly makeCore: MakeCore<M>
  readonly store: LogStore
  readonly machine: Machine
  readonly scheduler: Scheduler
  readonly random: RandomSource
  /** Sends, or drops: messages may be lost. */
  send(message: M): void
  /**
   * What was sent had better go out now than at the end of the turn: somebody waits for it. A matter
   * of time alone.
   */
  flush?(): void
  /** Role, term, leader or members have changed, in the log or as applied. */
  onStatus(standing: CoreStanding): void
  /**
   * The node cannot go on: its store has failed or has lost what was acknowledged (`data-lost`), or
   * an invariant is broken (`invariant-broken`). The driver has stopped, and no reply is sent that
   * it may not keep.
   */
  onFatal(error: Error): void
}

/** A leader has taken the proposal, or why not; nothing was proposed then. */
export type Proposed =
  | ProposeResult
  | { readonly ok: false; readonly reason: 'stopped'; readonly leader: null }

/** Ready records in one turn; more means that the core never comes to rest. */
const READY_ROUNDS_MAX = 100_000

/** A write under way, and what may be said once it is durable. */
interface Write<M> {
  readonly sequence: number
  readonly messages: M[]
}

/** What is left of a Ready: waits for the write of a snapshot that comes before it. */
interface Tail {
  /** Write that must be durable; 0: none. */
  readonly sequence: number
  readonly snapshot: Snapshot | null
  readonly committed: readonly Entry[]
  readonly reads: readonly ReadOutcome[]
}

/**
 * Runs a core: persist, send, apply, in the order that `Ready` demands. All that comes within one
 * turn of the event loop goes into one Ready, so that proposals share messages and writes.
 *
 * It has neither promises nor timers of its own: with the same inputs in the same order it does the
 * same, which is how the simulator replays a seed.
 */
export class Driver<M> {
  readonly #host: DriverHost<M>
  readonly #core: Core<M>
  readonly #policy: SnapshotPolicy
  readonly #proposals: Proposals
  readonly #reads: ReadBatches
  readonly #writes: Write<M>[] = []
  readonly #tails: Tail[] = []
  #durableSequence = 0
  #appliedIndex: number
  #appliedTerm: number
  #appliedMembership: Membership
  /** Index of a snapshot that was asked for and is not durable yet; 0: none. */
  #snapshotIndex = 0
  #told: CoreStanding
  #toldMembership: Membership
  #cancelPump: (() => void) | null = null
  #cancelTick: (() => void) | null = null
  #tickAtMs = Number.POSITIVE_INFINITY
  #isStopped = false

  /** Sets the state machine to what was stored, and starts. */
  constructor(options: DriverOptions, host: DriverHost<M>, stored: StoredState) {
    const { hardState, snapshot, entries } = stored
    const { scheduler, random, machine } = host
    this.#host = host
    machine.restore(snapshot.data, snapshot.index)
    this.#core = host.makeCore({ hardState, snapshot, entries }, random, scheduler.nowMs())
    this.#appliedIndex = snapshot.index
    this.#appliedTerm = snapshot.term
    this.#appliedMembership = snapshot.membership
    this.#policy = new SnapshotPolicy(options)
    for (const entry of entries) if (entry.index <= snapshot.index) this.#policy.kept(entry)
    this.#proposals = new Proposals(options.pendingProposalsMax, snapshot.index)
    this.#reads = new ReadBatches(options.pendingReadsMax, options.readTimeoutMs, (context) =>
      this.#core.requestRead(context, scheduler.nowMs()),
    )
    this.#told = this.#core.standing()
    this.#toldMembership = this.#appliedMembership
    this.#wake()
  }

  /** Where the core stands at this moment. */
  standing(): CoreStanding {
    return this.#core.standing()
  }

  /** The core at this moment; costs more than {@link standing}. */
  status(): CoreStatus {
    return this.#core.status()
  }

  /** Who takes part, as of the last applied entry: agreed on, while the log's may yet be undone. */
  get appliedMembership(): Membership {
    return this.#appliedMembership
  }

  /** A message has come. */
  step(message: M): void {
    this.#run((nowMs) => this.#core.step(message, nowMs))
  }

  /**
   * Proposes a command where this node leads.
   *
   * @param onOutcome told what became of it, where it is taken; null: nobody waits here
   */
  propose(command: Uint8Array, onOutcome: OnOutcome | null): Proposed {
    return this.#propose(onOutcome, (nowMs) => this.#core.propose(command, nowMs))
  }

  /** Proposes who takes part; as {@link propose}. */
  proposeMembership(target: Membership, onOutcome: OnOutcome | null): Proposed {
    return this.#propose(onOutcome, (nowMs) => this.#core.proposeMembership(target, nowMs))
  }

  /** Waits for what another node has proposed for this one; `unknown` where too many wait. */
  wait(index: number, term: number, onOutcome: OnOutcome): void {
    if (this.#isStopped || this.#proposals.isFull) onOutcome({ kind: 'unknown' })
    else this.#proposals.wait(index, term, onOutcome)
  }

  /** Asks for a linearizable read: once it is done, the state machine may be read. */
  read(onRead: OnRead): void {
    if (this.#isStopped || this.#reads.isFull) onRead(false)
    else this.#run((nowMs) => this.#reads.read(nowMs, onRead))
  }

  /** @returns false where this node does not lead or the other cannot */
  transferLeadership(to: NodeId): boolean {
    let isBegun = false
    this.#run((nowMs) => {
      isBegun = this.#core.transferLeadership(to, nowMs)
    })
    return isBegun
  }

  /** Campaigns at once. */
  campaign(): void {
    this.#run((nowMs) => this.#core.campaign(nowMs))
  }

  /** Ends: nothing is sent, written or applied any more. Who waits is told that nobody knows. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#cancelPump?.()
    this.#cancelTick?.()
    this.#proposals.stop()
    this.#reads.stop()
  }

  #propose(onOutcome: OnOutcome | null, ask: (nowMs: number) => ProposeResult): Proposed {
    if (this.#isStopped) return { ok: false, reason: 'stopped', leader: null }
    if (this.#proposals.isFull) return { ok: false, reason: 'overloaded', leader: null }
    let result: Proposed = { ok: false, reason: 'stopped', leader: null }
    this.#run((nowMs) => {
      result = ask(nowMs)
      if (result.ok && onOutcome !== null) {
        this.#proposals.wait(result.index, result.term, onOutcome)
      }
    })
    return result
  }

  /** Gives the core an input, and has its output looked at in the same turn. */
  #run(input: (nowMs: number) => void): void {
    if (this.#isStopped) return
    this.#guard(() => {
      input(this.#host.scheduler.nowMs())
      this.#wake()
    })
  }

  /** A throw is a broken invariant: nothing is known to be right any more. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #fail(error: Error): void {
    if (this.#isStopped) return
    this.stop()
    this.#host.onFatal(error)
  }

  #wake(): void {
    const { scheduler } = this.#host
    this.#cancelPump ??= scheduler.callAt(scheduler.nowMs(), () => {
      this.#cancelPump = null
      this.#guard(() => this.#pump())
    })
  }

  #pump(): void {
    const lostIndex = this.#core.lostIndex()
    if (lostIndex !== null) {
      this.#fail(lostEntries(lostIndex, this.#core.status().lastIndex))
      return
    }
    for (let round = 0; !this.#isStopped; round++) {
      assert(round < READY_ROUNDS_MAX, 'the core never comes to rest')
      const ready = this.#core.takeReady()
      if (ready === null) break
      this.#perform(ready)
    }
    if (this.#isStopped) return
    this.#armTick()
    this.#tellStatus()
  }

  #perform(ready: Ready<M>): void {
    for (const message of ready.messages) this.#host.send(message)
    const { persist, messagesAfterPersist, snapshot, committed, reads } = ready
    if (persist !== null) {
      // What followers are to write goes out before this node's disk is asked. Other messages may
      // wait until what is agreed on has been applied and whoever asked for it is answered.
      this.#host.flush?.()
      this.#write(persist, messagesAfterPersist)
    } else this.#sendAfterWrites(messagesAfterPersist)
    if (snapshot === null && committed.length === 0 && reads.length === 0) return
    // Committed entries may be applied as they come: a quorum's disks have them.
    const sequence = snapshot === null ? 0 : this.#lastSequence
    this.#tails.push({ sequence, snapshot, committed, reads })
    this.#performTails()
  }

  #write(persist: Persist, messages: readonly M[]): void {
    this.#writes.push({ sequence: persist.sequence, messages: [...messages] })
    const isOwnSnapshot = persist.snapshot?.index === this.#snapshotIndex
    this.#host.store.write(persist, (failure) => {
      if (this.#isStopped) return
      if (failure !== null) {
        this.#fail(failure)
        return
      }
      this.#guard(() => {
        if (isOwnSnapshot) this.#snapshotIndex = 0
        this.#written(persist.sequence)
      })
    })
  }

  #sendAfterWrites(messages: readonly M[]): void {
    const last = this.#writes.at(-1)
    if (last !== undefined) last.messages.push(...messages)
    else for (const message of messages) this.#host.send(message)
  }

  /** Of the last write that was begun. */
  get #lastSequence(): number {
    return this.#writes.at(-1)?.sequence ?? this.#durableSequence
  }

  #written(sequence: number): void {
    const write = this.#writes.shift()
    assert(write?.sequence === sequence, 'writes are confirmed in their order')
    this.#durableSequence = sequence
    this.#core.persisted(sequence, this.#host.scheduler.nowMs())
    for (const message of write.messages) this.#host.send(message)
    if (write.messages.length > 0) this.#host.flush?.()
    this.#performTails()
    // What is durable now may be committed, and somebody waits for that.
    this.#cancelPump?.()
    this.#cancelPump = null
    this.#pump()
  }

  #performTails(): void {
    for (;;) {
      const tail = this.#tails[0]
      if (tail === undefined || tail.sequence > this.#durableSequence) return
      this.#tails.shift()
      this.#apply(tail)
    }
  }

  #apply({ snapshot, committed, reads }: Tail): void {
    const { scheduler } = this.#host
    if (snapshot !== null) this.#install(snapshot)
    for (const entry of committed) this.#applyEntry(entry)
    if (snapshot !== null || committed.length > 0) {
      this.#core.applied(this.#appliedIndex)
      this.#reads.applied(this.#appliedIndex)
      this.#compactWhenDue()
    }
    for (const { context, index } of reads) {
      this.#reads.answered(context, index, this.#appliedIndex, scheduler.nowMs())
    }
    this.#wake()
  }

  #applyEntry(entry: Entry): void {
    const { index, term, payload } = entry
    assert(index === this.#appliedIndex + 1, 'entries are applied one after the other')
    assert(term >= this.#appliedTerm, 'terms of applied entries never fall')
    if (payload.kind === 'command') this.#host.machine.apply(index, payload.data)
    if (payload.kind === 'membership') this.#appliedMembership = payload.membership
    this.#appliedIndex = index
    this.#appliedTerm = term
    this.#policy.applied(entry)
    this.#proposals.applied(index, term)
  }

  #install(snapshot: Snapshot): void {
    assert(snapshot.index > this.#appliedIndex, 'a received snapshot leads on')
    this.#host.machine.restore(snapshot.data, snapshot.index)
    this.#appliedIndex = snapshot.index
    this.#appliedTerm = snapshot.term
    this.#appliedMembership = snapshot.membership
    this.#snapshotIndex = 0
    this.#policy.reset()
    this.#proposals.skipped(snapshot.index)
  }

  /** One snapshot at a time is taken and written. */
  #compactWhenDue(): void {
    if (this.#snapshotIndex !== 0 || !this.#policy.isDue) return
    const index = this.#appliedIndex
    const term = this.#appliedTerm
    const membership = this.#appliedMembership
    const keepFromIndex = this.#policy.taken(index)
    this.#snapshotIndex = index
    this.#host.machine.snapshot((data) => {
      // The machine was set to a received snapshot meanwhile: that one stands in its place.
      if (this.#snapshotIndex !== index) return
      this.#run(() => this.#core.compact({ index, term, membership, data }, keepFromIndex))
    })
  }

  #armTick(): void {
    const atMs = Math.min(this.#core.nextDeadlineMs(), this.#reads.deadlineMs)
    // A later deadline is met by the earlier call, which then looks again.
    if (atMs >= this.#tickAtMs || !Number.isFinite(atMs)) return
    this.#cancelTick?.()
    this.#tickAtMs = atMs
    this.#cancelTick = this.#host.scheduler.callAt(atMs, () => {
      this.#tickAtMs = Number.POSITIVE_INFINITY
      this.#run((nowMs) => {
        this.#core.tick(nowMs)
        this.#reads.tick(nowMs)
      })
    })
  }

  #tellStatus(): void {
    const standing = this.#core.standing()
    const { role, term, leader, membership } = this.#told
    const isSame =
      standing.role === role &&
      standing.term === term &&
      standing.leader === leader &&
      standing.membership === membership &&
      this.#appliedMembership === this.#toldMembership
    if (isSame) return
    this.#told = standing
    this.#toldMembership = this.#appliedMembership
    this.#host.onStatus(standing)
  }
}

function lostEntries(lostIndex: number, lastIndex: number): SluiceError {
  const what = `this node acknowledged entries up to ${lostIndex}, and has them up to ${lastIndex}`
  return new SluiceError('data-lost', `${what}: its disk has lost the rest`)
}
