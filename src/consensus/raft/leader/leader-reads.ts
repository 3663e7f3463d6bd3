import type { NodeId } from '../../log/entries.ts'
import { quorumValue } from '../../log/quorum.ts'
import type { HeartbeatReply } from '../messages.ts'
import type { RaftState } from '../raft-state.ts'
import { Heartbeats } from './heartbeats.ts'
import type { Progress } from './progress.ts'
import { type ConfirmedRead, type Read, ReadQueue } from './read-queue.ts'
import type { Replication } from './replication.ts'

/**
 * A leader's heartbeats, and the linearizable reads that stand on them (thesis sections 6.4 and
 * 6.4.1).
 */
export class LeaderReads {
  readonly #state: RaftState
  readonly #replication: Replication
  readonly #heartbeats = new Heartbeats()
  readonly #queue: ReadQueue
  /** Index of the first entry of the leader's term. */
  readonly #termStartIndex: number
  #dueMs: number
  #mayLease: boolean

  constructor(state: RaftState, replication: Replication, termStartIndex: number) {
    const { options, nowMs } = state
    this.#state = state
    this.#replication = replication
    this.#queue = new ReadQueue(options.pendingReadsMax)
    this.#termStartIndex = termStartIndex
    // The first appends of the term go out at once and say the same.
    this.#dueMs = nowMs + options.heartbeatMs
    this.#mayLease = options.readMode === 'lease'
  }

  /** When the next heartbeats are due. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** Takes a read, or answers that it cannot. */
  add(read: Read): void {
    if (!this.#queue.add(read)) this.#answer(read, null)
  }

  /** Sends heartbeats when they are due. */
  tick(): void {
    if (this.#state.nowMs >= this.#dueMs) this.#beginRound()
  }

  /** Begins a round where reads need one. All that came since the last one share it. */
  flush(): void {
    if (this.#isTermCommitted && this.#queue.hasOpen) this.#beginRound()
  }

  /** Counts an answer. To a round that is too old, or was never begun, it is a sign of life only. */
  onReply(peer: Progress, { round }: HeartbeatReply): void {
    const sentMs = this.#heartbeats.sentMs(round)
    peer.heardRound(sentMs === null ? 0 : round, sentMs ?? 0, this.#state.nowMs)
    this.settle()
  }

  /** Answers what may be answered. */
  settle(): void {
    const { memberships, log } = this.#state
    if (this.#queue.isEmpty || !this.#isTermCommitted) return
    const { round } = this.#heartbeats
    const confirmed = quorumValue(memberships.current, (id) => this.#roundOf(id, round))
    for (const read of this.#queue.confirm(confirmed)) this.#answerConfirmed(read)
    if (!this.#queue.hasOpen || !this.#hasLease) return
    for (const read of this.#queue.confirmOpen(log.commitIndex)) this.#answerConfirmed(read)
  }

  /**
   * No lease holds in this term any more: a node was told to campaign, and voters do not protect
   * the leader from it, however late the message gets there (thesis section 6.4.1).
   */
  giveUpLease(): void {
    this.#mayLease = false
  }

  /** The leader leads no more: nobody knows an index to read at. */
  end(): void {
    for (const read of this.#queue.drain()) this.#answer(read, null)
  }

  /**
   * A new leader does not know what is committed before an entry of its own term is (thesis section
   * 6.4): reads wait until then.
   */
  get #isTermCommitted(): boolean {
    return this.#state.log.commitIndex >= this.#termStartIndex
  }

  /**
   * Whether no other leader can have been elected yet: a quorum has promised, by answering a round,
   * to elect nobody for `electionMinMs` of its own clocks, which may run faster than this one. Each
   * clock is off by `clockDriftPercent` at most, so the promise lasts for this much of its time.
   */
  get #hasLease(): boolean {
    const { memberships, options, nowMs } = this.#state
    if (!this.#mayLease) return false
    const { electionMinMs, clockDriftPercent } = options
    const leaseMs = (electionMinMs * (100 - clockDriftPercent)) / (100 + clockDriftPercent)
    const sentMs = quorumValue(memberships.current, (id) => {
      if (id === options.id) return nowMs
      return this.#replication.of(id)?.ackedRoundSentMs ?? Number.NEGATIVE_INFINITY
    })
    return nowMs < sentMs + leaseMs
  }

  #roundOf(id: NodeId, own: number): number {
    if (id === this.#state.options.id) return own
    return this.#replication.of(id)?.ackedRound ?? 0
  }

  #beginRound(): void {
    const { log, outbox, options, nowMs } = this.#state
    const round = this.#heartbeats.begin(nowMs)
    this.#dueMs = nowMs + options.heartbeatMs
    for (const peer of this.#replication.all()) {
      const commit = Math.min(peer.matchIndex, log.commitIndex)
      outbox.send({ type: 'heartbeat', ...this.#state.envelope(peer.id), commit, round })
    }
    if (!this.#isTermCommitted) return
    this.#queue.begin(round, log.commitIndex)
    this.settle()
  }

  #answerConfirmed({ context, from, index }: ConfirmedRead): void {
    this.#answer({ context, from }, index)
  }

  #answer({ context, from }: Read, index: number | null): void {
    const { outbox } = this.#state
    if (from === null) outbox.answer({ context, index })
    else outbox.send({ type: 'read-reply', ...this.#state.envelope(from), context, index })
  }
}
