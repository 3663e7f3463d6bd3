import { assert } from '../../../base/errors.ts'
import type { ProposeRefusal, ProposeResult } from '../../core/core-status.ts'
import type { Membership, NodeId, Payload } from '../../log/entries.ts'
import { entryBytes } from '../../log/entry-bytes.ts'
import { afterJoint, changeTowards, isVoter } from '../../log/membership.ts'
import { quorumValue } from '../../log/quorum.ts'
import type { AppendReply, HeartbeatReply, ReadRequest, SnapshotReply } from '../messages.ts'
import type { RaftState } from '../raft-state.ts'
import type { RaftPeerStatus } from '../raft-status.ts'
import { LeaderReads } from './leader-reads.ts'
import { Replication } from './replication.ts'

/** Leadership on its way to another node. */
interface Handover {
  readonly to: NodeId
  /** Given up then: the node has not taken it. */
  readonly untilMs: number
  isTold: boolean
}

/** What a node does while it leads, in one term. */
export class Leadership {
  readonly #state: RaftState
  readonly #replication: Replication
  readonly #reads: LeaderReads
  #uncommittedBytes = 0
  #handover: Handover | null = null
  #hasGivenWay = false
  /** When the followers are to be told what is committed; infinite: they were, or need not be. */
  #noticeDueMs = Number.POSITIVE_INFINITY
  /** Something that decides what is committed has changed. */
  #isUnsettled = true

  /** Begins with an entry of its own term, through which those of earlier terms are committed. */
  constructor(state: RaftState) {
    const { log } = state
    this.#state = state
    for (const entry of log.between(log.commitIndex + 1, log.lastIndex)) {
      this.#uncommittedBytes += entryBytes(entry)
    }
    this.#replication = new Replication(state)
    this.#reads = new LeaderReads(state, this.#replication, log.lastIndex + 1)
    this.#append({ kind: 'empty' })
  }

  /** When {@link tick} is due. */
  get deadlineMs(): number {
    const handoverMs = this.#handover?.untilMs ?? Number.POSITIVE_INFINITY
    return Math.min(this.#reads.dueMs, this.#noticeDueMs, handoverMs)
  }

  /** The last moment at which a quorum is known to have been there, the leader included. */
  get quorumHeardMs(): number {
    const { memberships, options, nowMs } = this.#state
    return quorumValue(memberships.current, (id) => {
      if (id === options.id) return nowMs
      return this.#replication.of(id)?.heardMs ?? Number.NEGATIVE_INFINITY
    })
  }

  /**
   * A leader that no quorum answers is none: its clients had better ask elsewhere (CheckQuorum,
   * thesis section 6.2).
   */
  get hasQuorum(): boolean {
    return this.#state.nowMs - this.quorumHeardMs < this.#state.options.electionMaxMs
  }

  /**
   * The membership in which this leader has no vote is committed (thesis section 4.2.2), and so is
   * what it was elected to commit.
   */
  get isRemoved(): boolean {
    const { memberships, log, term } = this.#state
    if (this.#state.isVoter || memberships.currentIndex > log.commitIndex) return false
    return log.termAt(log.commitIndex) === term
  }

  /** Appends a command to the log. */
  propose(data: Uint8Array): ProposeResult {
    if (this.#handover !== null) return this.#refuse('transferring')
    const bytesMax = this.#state.options.uncommittedBytesMax
    const isFull = this.#uncommittedBytes > 0 && this.#uncommittedBytes + data.byteLength > bytesMax
    if (isFull) return this.#refuse('overloaded')
    return this.#append({ kind: 'command', data })
  }

  /** Begins a change of the membership. */
  proposeMembership(target: Membership): ProposeResult {
    if (this.#handover !== null) return this.#refuse('transferring')
    const { memberships, log } = this.#state
    const { current, currentIndex } = memberships
    const isChanging = current.outgoing.length > 0 || currentIndex > log.commitIndex
    if (isChanging) return this.#refuse('membership-changing')
    return this.#append({ kind: 'membership', membership: changeTowards(current, target) })
  }

  /** Hands leadership over (thesis section 3.10). @returns false where the node cannot take it */
  transfer(to: NodeId): boolean {
    const { memberships, options, nowMs } = this.#state
    if (to === options.id || !isVoter(memberships.current, to)) return false
    if (this.#handover !== null) return this.#handover.to === to
    this.#handover = { to, untilMs: nowMs + options.electionMaxMs, isTold: false }
    this.#tellSuccessor()
    return true
  }

  /**
   * Hands over, once, to the voter that answers and has most: this node cannot go on leading.
   *
   * @returns false where there is nobody to hand over to, or whoever was to take it has not
   */
  giveWay(): boolean {
    const isUnderWay = this.#handover !== null
    if (isUnderWay || this.#hasGivenWay) {
      this.#hasGivenWay = true
      return isUnderWay
    }
    this.#hasGivenWay = true
    const voters = this.peers()
      .filter(({ id }) => isVoter(this.#state.memberships.current, id))
      .filter(({ isRecentlyActive }) => isRecentlyActive)
    const [first, ...others] = voters
    if (first === undefined) return false
    const best = others.reduce((a, b) => (b.matchIndex > a.matchIndex ? b : a), first)
    return this.transfer(best.id)
  }

  /** A read of this node or of a follower. */
  addRead(context: number, from: NodeId | null): void {
    this.#reads.add({ context, from })
    this.#reads.settle()
  }

  onAppendReply(message: AppendReply): void {
    const peer = this.#replication.of(message.from)
    if (peer === null) return
    peer.heard(this.#state.nowMs)
    if (this.#replication.onAppendReply(peer, message)) this.#isUnsettled = true
  }

  onHeartbeatReply(message: HeartbeatReply): void {
    const peer = this.#replication.of(message.from)
    if (peer === null) return
    peer.heard(this.#state.nowMs)
    this.#reads.onReply(peer, message)
  }

  onSnapshotReply(message: SnapshotReply): void {
    const peer = this.#replication.of(message.from)
    if (peer === null) return
    peer.heard(this.#state.nowMs)
    if (this.#replication.onSnapshotReply(peer, message)) this.#isUnsettled = true
  }

  onReadRequest(message: ReadRequest): void {
    if (this.#replication.of(message.from) !== null) this.addRead(message.context, message.from)
  }

  /** More of the leader's own log is durable. */
  persisted(): void {
    this.#isUnsettled = true
  }

  /** Time has passed. */
  tick(): void {
    if (this.#handover !== null && this.#state.nowMs >= this.#handover.untilMs) {
      this.#handover = null
    }
    this.#reads.tick()
  }

  /** Draws the conclusions of what has come: what is committed, and what follows from that. */
  settle(): void {
    if (!this.#isUnsettled) return
    this.#isUnsettled = false
    this.#advanceCommit()
    this.#finishJoint()
    this.#reads.settle()
    this.#tellSuccessor()
  }

  /** Sends what is to be sent. */
  flush(): void {
    const isNoticeDue = this.#state.nowMs >= this.#noticeDueMs
    if (isNoticeDue) this.#noticeDueMs = Number.POSITIVE_INFINITY
    this.#reads.flush()
    this.#replication.flush(isNoticeDue)
  }

  /** Leads no more. */
  end(): void {
    this.#reads.end()
  }

  /**
   * Has a voter campaign at once, the one that has most: the leader has no vote any more and would
   * leave the others waiting for an election timeout.
   */
  appointSuccessor(): void {
    const { memberships, outbox } = this.#state
    let best: { readonly id: NodeId; readonly match: number } | null = null
    for (const { id } of memberships.current.voters) {
      const match = this.#replication.matchOf(id)
      if (best === null || match > best.match) best = { id, match }
    }
    this.#reads.giveUpLease()
    if (best !== null) outbox.send({ type: 'timeout-now', ...this.#state.envelope(best.id) })
  }

  /** The peers as an operator sees them. */
  peers(): readonly RaftPeerStatus[] {
    return this.#replication.status()
  }

  #append(payload: Payload): ProposeResult {
    const { log, term } = this.#state
    const entry = { index: log.lastIndex + 1, term, payload }
    this.#uncommittedBytes += entryBytes(entry)
    if (this.#state.append([entry])) this.#replication.followMembership()
    this.#isUnsettled = true
    return { ok: true, index: entry.index, term }
  }

  #refuse(reason: ProposeRefusal): ProposeResult {
    return { ok: false, reason, leader: this.#state.options.id }
  }

  /** Only an entry of the leader's own term is committed by counting (paper section 5.4.2). */
  #advanceCommit(): void {
    const { log, memberships, term, nowMs, options } = this.#state
    const index = quorumValue(memberships.current, (id) => this.#replication.matchOf(id))
    if (index <= log.commitIndex || log.termAt(index) !== term) return
    for (const entry of log.between(log.commitIndex + 1, index)) {
      this.#uncommittedBytes -= entryBytes(entry)
    }
    assert(this.#uncommittedBytes >= 0, 'no more is committed than was taken')
    log.commitTo(index)
    this.#noticeDueMs = Math.min(this.#noticeDueMs, nowMs + options.commitNoticeMs)
  }

  /** A joint phase that is committed is followed by what it leads to (thesis section 4.3). */
  #finishJoint(): void {
    const { log, memberships } = this.#state
    const { current, currentIndex } = memberships
    if (current.outgoing.length === 0 || currentIndex > log.commitIndex) return
    this.#append({ kind: 'membership', membership: afterJoint(current) })
    this.#advanceCommit()
  }

  /** Tells the node that leadership goes to, once it has everything. */
  #tellSuccessor(): void {
    const handover = this.#handover
    if (handover === null || handover.isTold) return
    const { log, outbox } = this.#state
    if (this.#replication.matchOf(handover.to) < log.lastIndex) return
    handover.isTold = true
    this.#reads.giveUpLease()
    outbox.send({ type: 'timeout-now', ...this.#state.envelope(handover.to) })
  }
}
