import { assert } from '../../base/errors.ts'
import type { Core, CoreInitial, RandomSource } from '../core/core.ts'
import type { CoreRole, CoreStanding, ProposeResult } from '../core/core-status.ts'
import type { Ready } from '../core/ready.ts'
import type { Entry, Membership, NodeId, Snapshot } from '../log/entries.ts'
import { Elections } from './elections.ts'
import { Follower } from './follower.ts'
import { ForwardedReads } from './forwarded-reads.ts'
import { Leadership } from './leader/leadership.ts'
import { isSoundMessage } from './message-soundness.ts'
import type {
  Append,
  Heartbeat,
  Message,
  ReadRequest,
  SnapshotChunk,
  TimeoutNow,
} from './messages.ts'
import type { RaftOptions } from './raft-options.ts'
import { RaftState } from './raft-state.ts'
import type { RaftStatus } from './raft-status.ts'
import { answerEarlierTerm, effectOfLaterTerm } from './terms.ts'

/** Committed entries in one Ready, at most. What is left is in the next. */
const COMMITTED_ENTRIES_MAX = 1024

/** Numbers of forwarded reads begin at random below it; they never come near 2^53. */
const FIRST_READ_NUMBER_MAX = 2 ** 48

/**
 * The Raft core (Ongaro and Ousterhout 2014; Ongaro's thesis, 2014). It does no I/O and knows no
 * clock: time comes with every input, and what it wants done is taken as {@link Ready}.
 *
 * This file knows the terms and the roles, and which part an input belongs to. What a leader does
 * is in `leadership.ts`, what its followers do in `follower.ts`, how it comes to be one in
 * `elections.ts`.
 */
export class Raft implements Core<Message> {
  readonly #state: RaftState
  readonly #elections: Elections
  readonly #follower: Follower
  readonly #forwarded: ForwardedReads
  /** Not null: this node leads. */
  #leadership: Leadership | null = null
  /** Up to here the state machine was given everything. */
  #handedIndex: number
  #appliedIndex: number
  /** Since when an entry has waited to be committed while none was; null: all is committed. */
  #waitingSinceMs: number | null = null
  /** At the last look. */
  #seenCommitIndex = 0
  #absurdMessages = 0

  /**
   * @param initial all of it durable; the state machine has been set to its snapshot
   * @param nowMs of a clock that never goes back
   */
  constructor(options: RaftOptions, initial: CoreInitial, random: RandomSource, nowMs: number) {
    this.#state = new RaftState(options, initial, nowMs)
    this.#elections = new Elections(this.#state, random)
    this.#follower = new Follower(this.#state)
    const firstNumber = Math.floor(random() * FIRST_READ_NUMBER_MAX)
    this.#forwarded = new ForwardedReads(this.#state, firstNumber)
    this.#handedIndex = initial.snapshot.index
    this.#appliedIndex = initial.snapshot.index
  }

  /** Time has passed; due at {@link nextDeadlineMs} at the latest. */
  tick(nowMs: number): void {
    this.#advance(nowMs)
    this.#forwarded.tick()
    if (this.#leadership === null) {
      if (nowMs >= this.#elections.dueMs) this.#loseLeader()
    } else if (this.#leadership.hasQuorum) {
      this.#leadership.tick()
      // Others go on without this node's disk, and it may campaign again when that has come back.
      if (this.#state.isDiskStalled && !this.#leadership.giveWay()) this.#becomeFollower(null)
    } else {
      this.#becomeFollower(null)
    }
    this.#settle()
  }

  /** When {@link tick} is due at the latest. */
  nextDeadlineMs(): number {
    if (this.#leadership !== null) return this.#leadership.deadlineMs
    return Math.min(this.#elections.dueMs, this.#forwarded.deadlineMs)
  }

  /** A message has come. One that no right member can send is dropped. */
  step(message: Message, nowMs: number): void {
    this.#advance(nowMs)
    const { id, snapshotBytesMax } = this.#state.options
    if (!isSoundMessage(message, id, snapshotBytesMax)) {
      this.#absurdMessages++
      return
    }
    if (message.term > this.#state.term && !this.#learnTerm(message)) return
    if (message.term < this.#state.term) answerEarlierTerm(this.#state, message)
    else this.#dispatch(message)
    this.#settle()
  }

  /** Appends a command to the log, where this node leads. */
  propose(data: Uint8Array, nowMs: number): ProposeResult {
    this.#advance(nowMs)
    const result = this.#leadership?.propose(data) ?? this.#notLeader()
    this.#settle()
    return result
  }

  /**
   * Begins a change of who takes part, where this node leads. Where the voters change, the entry is
   * a joint phase, and the leader appends what follows it.
   *
   * @param target without outgoing voters
   */
  proposeMembership(target: Membership, nowMs: number): ProposeResult {
    this.#advance(nowMs)
    const result = this.#leadership?.proposeMembership(target) ?? this.#notLeader()
    this.#settle()
    return result
  }

  /** Hands leadership over. @returns false where this node does not lead or the other cannot */
  transferLeadership(to: NodeId, nowMs: number): boolean {
    this.#advance(nowMs)
    return this.#leadership?.transfer(to) ?? false
  }

  /**
   * Asks for an index to read at, of the leader where this node is none. The answer is in the
   * `reads` of a Ready.
   *
   * @param context tells the read apart from the others that wait
   */
  requestRead(context: number, nowMs: number): void {
    this.#advance(nowMs)
    if (this.#leadership === null) this.#forwarded.request(context)
    else this.#leadership.addRead(context, null)
  }

  /** Asks for votes at once, where this node has a vote itself and does not lead. */
  campaign(nowMs: number): void {
    this.#advance(nowMs)
    const { mayCampaign, isDiskStalled } = this.#state
    if (this.#leadership === null && mayCampaign && !isDiskStalled) this.#loseLeader()
    this.#settle()
  }

  /** See {@link Core.lostIndex}. */
  lostIndex(): number | null {
    return this.#follower.lostIndex
  }

  /** @returns what is to be done now; null: nothing */
  takeReady(): Ready<Message> | null {
    this.#leadership?.flush()
    this.#watchCommit()
    const { durability, log, term, vote, outbox, nowMs } = this.#state
    const { persist, isBlocked } = durability.take(log, { term, vote }, nowMs)
    const messages = outbox.takeMessages()
    const messagesAfterPersist = isBlocked ? [] : outbox.takeHeld()
    const snapshot = this.#takeRestored()
    const committed = this.#takeCommitted()
    const reads = outbox.takeReads()
    const isNothing =
      persist === null &&
      snapshot === null &&
      messages.length + messagesAfterPersist.length + committed.length + reads.length === 0
    if (isNothing) return null
    return { messages, persist, messagesAfterPersist, snapshot, committed, reads }
  }

  /** The write of this sequence, and all before it, are durable. */
  persisted(sequence: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#state.durability.persisted(sequence, this.#state.log)
    this.#leadership?.persisted()
    if (this.#elections.persisted()) this.#becomeLeader()
    this.#settle()
  }

  /** The state machine has applied everything up to an index. */
  applied(index: number): void {
    assert(index >= this.#appliedIndex, 'the applied index never falls')
    assert(index <= this.#handedIndex, 'only what was handed out is applied')
    this.#appliedIndex = index
  }

  /**
   * Shortens the log by a snapshot that was taken of the state machine. One that is older than what
   * this node has received meanwhile is not needed.
   *
   * @param keepFromIndex entries from here on stay, for followers that are a little behind
   */
  compact(snapshot: Snapshot, keepFromIndex: number): void {
    const { log, memberships, durability } = this.#state
    if (snapshot.index <= this.#state.snapshot.index) return
    assert(snapshot.index <= this.#appliedIndex, 'a snapshot is taken of what is applied')
    assert(log.termAt(snapshot.index) === snapshot.term, 'a snapshot has the term of its entry')
    const isSame = isSameGroup(memberships.at(snapshot.index), snapshot.membership)
    assert(isSame, 'a snapshot has the membership of its index')
    this.#state.snapshot = snapshot
    memberships.forgetBefore(snapshot.index)
    durability.compactedBy(snapshot)
    // What a leader has applied its disk may not even have been asked to write.
    const baseIndex = Math.min(keepFromIndex - 1, snapshot.index, durability.unsavedFrom - 1)
    if (baseIndex >= log.firstIndex) log.compactTo(baseIndex)
  }

  /** Where the core stands at this moment. */
  standing(): CoreStanding {
    const { term, leader, memberships } = this.#state
    return { role: this.#role, term, leader, membership: memberships.current }
  }

  /** The core at this moment; costs more than {@link standing}. */
  status(): RaftStatus {
    const { options, vote, log, heardFromLeaderMs } = this.#state
    return {
      ...this.standing(),
      id: options.id,
      vote,
      lastIndex: log.lastIndex,
      firstIndex: log.firstIndex,
      commitIndex: log.commitIndex,
      appliedIndex: this.#appliedIndex,
      peers: this.#leadership?.peers() ?? [],
      heardFromLeaderMs: this.#leadership?.quorumHeardMs ?? heardFromLeaderMs,
      waitingSinceMs: this.#waitingSinceMs,
      absurdMessages: this.#absurdMessages,
    }
  }

  get #role(): CoreRole {
    if (this.#leadership !== null) return 'leader'
    return this.#elections.phase ?? (this.#state.isVoter ? 'follower' : 'learner')
  }

  /** Whether this node leads, and a quorum has answered it so lately that no other can be elected. */
  get #isLeading(): boolean {
    if (this.#leadership === null) return false
    const { nowMs, options } = this.#state
    return nowMs - this.#leadership.quorumHeardMs < options.electionMinMs
  }

  #advance(nowMs: number): void {
    this.#state.nowMs = Math.max(this.#state.nowMs, nowMs)
  }

  /** A message is of a later term. @returns false where it is to be dropped */
  #learnTerm(message: Message): boolean {
    const isBound = message.type === 'vote' && this.#elections.isBound(message, this.#isLeading)
    const effect = effectOfLaterTerm(this.#state, message, isBound)
    if (effect === 'enter') {
      this.#becomeFollower(null)
      this.#state.enterTerm(message.term)
    }
    return effect !== 'drop'
  }

  #dispatch(message: Message): void {
    switch (message.type) {
      case 'pre-vote':
        this.#elections.onPreVote(message, this.#isLeading)
        return
      case 'pre-vote-reply':
        this.#elections.onPreVoteReply(message)
        return
      case 'vote':
        this.#elections.onVote(message, this.#isLeading)
        return
      case 'vote-reply':
        if (this.#elections.onVoteReply(message)) this.#becomeLeader()
        return
      case 'append':
      case 'heartbeat':
      case 'snapshot-chunk':
        this.#onLeader(message)
        return
      case 'append-reply':
        this.#leadership?.onAppendReply(message)
        return
      case 'heartbeat-reply':
        this.#leadership?.onHeartbeatReply(message)
        return
      case 'snapshot-reply':
        this.#leadership?.onSnapshotReply(message)
        return
      case 'timeout-now':
        this.#onTimeoutNow(message)
        return
      case 'read-request':
        this.#onReadRequest(message)
        return
      case 'read-reply':
        this.#forwarded.onReply(message)
        return
    }
  }

  /** The leader of the term is heard. There is one: another node that says so is at fault. */
  #onLeader(message: Append | Heartbeat | SnapshotChunk): void {
    if (this.#state.isRival(message.from)) {
      this.#absurdMessages++
      return
    }
    if (this.#state.leader !== message.from || this.#elections.phase !== null) {
      this.#becomeFollower(message.from)
    }
    this.#state.heardFromLeaderMs = this.#state.nowMs
    this.#elections.heardLeader()
    if (message.type === 'heartbeat') this.#follower.onHeartbeat(message)
    else if (message.type === 'snapshot-chunk') this.#follower.onSnapshotChunk(message)
    else if (!this.#follower.onAppend(message)) this.#absurdMessages++
  }

  /** The leader hands over to this node. */
  #onTimeoutNow({ from }: TimeoutNow): void {
    const { leader, mayCampaign, isDiskStalled } = this.#state
    if (this.#leadership !== null || from !== leader || !mayCampaign || isDiskStalled) return
    this.#becomeFollower(null)
    this.#elections.campaign(true)
  }

  #onReadRequest(message: ReadRequest): void {
    if (this.#leadership !== null) {
      this.#leadership.onReadRequest(message)
      return
    }
    const { from, context } = message
    const reply = { type: 'read-reply', ...this.#state.envelope(from), context } as const
    this.#state.outbox.send({ ...reply, index: null })
  }

  #becomeLeader(): void {
    const { log, durability, options } = this.#state
    assert(this.#leadership === null, 'a candidate does not lead yet')
    assert(durability.durableIndex === log.lastIndex, 'what a candidate has is durable')
    this.#elections.stop()
    this.#state.follow(options.id)
    this.#leadership = new Leadership(this.#state)
  }

  /** @param leader of this node's term, or null where none is known */
  #becomeFollower(leader: NodeId | null): void {
    if (this.#leadership !== null) {
      this.#leadership.end()
      this.#leadership = null
      this.#elections.restart()
    }
    this.#elections.stop()
    if (this.#state.leader !== leader) this.#forwarded.fail()
    if (leader === null) this.#state.forgetLeader()
    else this.#state.follow(leader)
  }

  /** No leader was heard for too long. A learner lets the voters try before it does. */
  #loseLeader(): void {
    const { leader, isDiskStalled } = this.#state
    this.#becomeFollower(null)
    const mayCampaign = this.#state.mayCampaign || (leader === null && this.#state.isLearnerAhead)
    if (mayCampaign && !isDiskStalled) this.#elections.preCampaign()
    else this.#elections.restart()
  }

  /** Draws the conclusions of an input. */
  #settle(): void {
    const leadership = this.#leadership
    if (leadership === null) return
    leadership.settle()
    if (!leadership.isRemoved) return
    leadership.appointSuccessor()
    this.#becomeFollower(null)
  }

  #takeRestored(): Snapshot | null {
    const { restoring, durability } = this.#state
    if (restoring === null || durability.durableSnapshotIndex < restoring.index) return null
    assert(restoring.index > this.#handedIndex, 'a received snapshot leads on')
    this.#state.restoring = null
    this.#handedIndex = restoring.index
    return restoring
  }

  /**
   * A leader applies what is committed though its own disk may not have it: a quorum's disks do, its
   * own is not needed, and whoever waits does not wait for it. Any other node applies what is durable
   * here, for what it acknowledges it says of its own disk. While a received snapshot is written,
   * nothing counts as durable.
   */
  #takeCommitted(): readonly Entry[] {
    const { log, durability } = this.#state
    const isLeader = this.#leadership !== null
    const last = isLeader ? log.commitIndex : Math.min(log.commitIndex, durability.durableIndex)
    if (last <= this.#handedIndex) return []
    const first = this.#handedIndex + 1
    this.#handedIndex = Math.min(last, this.#handedIndex + COMMITTED_ENTRIES_MAX)
    return log.between(first, this.#handedIndex)
  }

  #watchCommit(): void {
    const { log, nowMs } = this.#state
    const hasMoved = log.commitIndex !== this.#seenCommitIndex
    if (log.commitIndex === log.lastIndex) this.#waitingSinceMs = null
    else if (hasMoved || this.#waitingSinceMs === null) this.#waitingSinceMs = nowMs
    this.#seenCommitIndex = log.commitIndex
  }

  #notLeader(): ProposeResult {
    return { ok: false, reason: 'not-leader', leader: this.#state.leader }
  }
}

/** Whether two memberships have the same voters. */
function isSameGroup(a: Membership, b: Membership): boolean {
  const idsOf = ({ voters, outgoing }: Membership) =>
    [voters, outgoing].map((group) => group.map(({ id }) => id).join()).join(';')
  return idsOf(a) === idsOf(b)
}
