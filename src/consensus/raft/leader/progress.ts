import { assert } from '../../../base/errors.ts'
import type { NodeId, Snapshot } from '../../log/entries.ts'
import type { Log } from '../../log/log.ts'
import type { RaftOptions } from '../raft-options.ts'
import type { ProgressState, RaftPeerStatus } from '../raft-status.ts'
import { CatchUp } from './catch-up.ts'
import { Inflight } from './inflight.ts'
import { SnapshotTransfer } from './snapshot-transfer.ts'

/**
 * How far a leader is with one peer (paper figure 2, nextIndex and matchIndex).
 *
 * `probe`: it is not known where the logs meet; one append at a time looks for it. `replicate`:
 * appends follow each other without waiting (thesis section 10.2.2). `snapshot`: the entries that
 * the peer needs are gone; it is sent a snapshot.
 *
 * Invariants: `matchIndex` never falls; `matchIndex < nextIndex`.
 */
export class Progress {
  readonly id: NodeId
  readonly #options: RaftOptions
  readonly #inflight: Inflight
  readonly #catchUp: CatchUp
  #matchIndex = 0
  #nextIndex: number
  #state: ProgressState = 'probe'
  #transfer: SnapshotTransfer | null = null
  /** A probe is out; the next one waits for its answer or a sign of life. */
  #isProbeOut = false
  /** The peer is there and says nothing of what it was sent: an append asks where it is. */
  #isAsking = false
  /** It has acknowledged something since its last sign of life. */
  #hasMoved = false
  /** The commit index that it was told last. */
  #toldCommit = 0
  #heardMs: number
  #hasAnswered = false
  #ackedRound = 0
  #ackedRoundSentMs = Number.NEGATIVE_INFINITY

  /** @param lastIndex of the leader's log: it is hoped that the peer has as much */
  constructor(id: NodeId, lastIndex: number, options: RaftOptions, nowMs: number) {
    this.id = id
    this.#options = options
    this.#inflight = new Inflight(options.inflightAppendsMax, options.inflightBytesMax)
    this.#catchUp = new CatchUp(options.electionMinMs)
    this.#nextIndex = lastIndex + 1
    this.#heardMs = nowMs
  }

  /** Last index that the peer has durably, as the leader has it. */
  get matchIndex(): number {
    return this.#matchIndex
  }

  /** First index that it is sent next. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  get state(): ProgressState {
    return this.#state
  }

  /** The snapshot on its way, in state `snapshot`. */
  get transfer(): SnapshotTransfer | null {
    return this.#transfer
  }

  /** When it last answered; before it has, since when it has been a peer. */
  get heardMs(): number {
    return this.#heardMs
  }

  /** The last round of heartbeats that it has answered. */
  get ackedRound(): number {
    return this.#ackedRound
  }

  /** When that round was sent. */
  get ackedRoundSentMs(): number {
    return this.#ackedRoundSentMs
  }

  /** Whether entries may be sent now. */
  get canSend(): boolean {
    if (this.#state === 'probe') return !this.#isProbeOut
    return this.#state === 'replicate' && !this.#inflight.isFull
  }

  /**
   * Whether an append is due even if it has no entries.
   *
   * @param noticeIndex commit index that it has to be told
   */
  isAppendDue(noticeIndex: number): boolean {
    if (this.#state === 'probe') return !this.#isProbeOut
    return this.#state === 'replicate' && (this.#isAsking || noticeIndex > this.#toldCommit)
  }

  /** An append was sent. */
  sent(count: number, bytes: number, commitIndex: number, lastIndex: number, nowMs: number): void {
    assert(this.#state !== 'snapshot', 'no entries go to a peer that is sent a snapshot')
    this.#toldCommit = commitIndex
    this.#isAsking = false
    if (count > 0) this.#catchUp.sending(lastIndex, nowMs)
    if (this.#state === 'probe') {
      this.#isProbeOut = true
    } else if (count > 0) {
      this.#nextIndex += count
      this.#inflight.add(this.#nextIndex - 1, bytes)
    }
  }

  /** It has answered: it is there. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs
    this.#hasAnswered = true
  }

  /** It has answered a round of heartbeats. */
  heardRound(round: number, sentMs: number, nowMs: number): void {
    if (round > this.#ackedRound) {
      this.#ackedRound = round
      this.#ackedRoundSentMs = sentMs
    }
    this.#isProbeOut = false
    if (!this.#hasMoved && this.#matchIndex < this.#nextIndex - 1) this.#isAsking = true
    this.#hasMoved = false
    this.#transfer?.retryWhenStuck(nowMs)
  }

  /** The logs are the same up to an index. @returns whether that was news */
  matched(index: number, log: Log, nowMs: number): boolean {
    assert(index <= log.lastIndex, 'a peer matches no more than there is')
    if (index < this.#matchIndex) return false
    const isNews = index > this.#matchIndex
    this.#hasMoved ||= isNews
    this.#matchIndex = index
    this.#catchUp.matched(index, log.lastIndex, nowMs)
    if (this.#state === 'replicate') {
      this.#inflight.freeTo(index)
      this.#nextIndex = Math.max(this.#nextIndex, index + 1)
    } else if (this.#state === 'probe' || index >= this.#awaited(log)) {
      this.#become('replicate', index + 1)
    }
    this.#check()
    return isNews
  }

  /**
   * It has refused an append.
   *
   * @param prevIndex that did not match
   * @param meetIndex last index at which the logs may meet
   * @returns false where the refusal is an old one
   */
  refused(prevIndex: number, meetIndex: number): boolean {
    if (prevIndex <= this.#matchIndex || prevIndex >= this.#nextIndex) return false
    if (this.#state === 'snapshot') return false
    if (this.#state === 'probe' && prevIndex !== this.#nextIndex - 1) return false
    // A probe after a refusal begins earlier, whatever the peer says: so it ends.
    const next = Math.min(meetIndex + 1, prevIndex)
    this.#become('probe', Math.max(next, this.#matchIndex + 1))
    this.#check()
    return true
  }

  /** It needs a snapshot. */
  startSnapshot(snapshot: Snapshot, nowMs: number): void {
    assert(snapshot.index > this.#matchIndex, 'a snapshot leads a peer on')
    this.#become('snapshot', snapshot.index + 1)
    this.#transfer = new SnapshotTransfer(snapshot, this.#options, nowMs)
    this.#catchUp.sending(snapshot.index, nowMs)
  }

  /** As an operator sees it. */
  status(nowMs: number): RaftPeerStatus {
    return {
      id: this.id,
      matchIndex: this.#matchIndex,
      state: this.#state,
      heardMs: this.#hasAnswered ? this.#heardMs : null,
      isRecentlyActive: this.#hasAnswered && nowMs - this.#heardMs < this.#options.electionMaxMs,
      isCaughtUp: this.#catchUp.isCaughtUp(nowMs),
    }
  }

  /**
   * What a peer must have for a snapshot on its way to it to be over. The log may have been
   * shortened beyond that snapshot meanwhile: then the next one begins.
   */
  #awaited(log: Log): number {
    return Math.min(log.firstIndex - 1, this.#transfer?.snapshot.index ?? log.lastIndex)
  }

  #become(state: ProgressState, nextIndex: number): void {
    this.#state = state
    this.#nextIndex = nextIndex
    this.#transfer = null
    this.#isProbeOut = false
    this.#isAsking = false
    this.#inflight.clear()
  }

  #check(): void {
    assert(this.#matchIndex < this.#nextIndex, 'a peer is sent only what it does not have')
  }
}
