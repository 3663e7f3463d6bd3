import { assert } from '../../base/errors.ts'
import type { CoreInitial } from '../core/core.ts'
import { Durability } from '../log/durability.ts'
import type { Entry, NodeId, Snapshot } from '../log/entries.ts'
import { Log } from '../log/log.ts'
import { isVoter, MembershipHistory } from '../log/membership.ts'
import { Outbox } from './outbox.ts'
import type { RaftOptions } from './raft-options.ts'

/** Who sends a message to whom, in which term. */
export interface MessageEnvelope {
  readonly from: NodeId
  readonly to: NodeId
  readonly term: number
}

/** What all parts of a core work on (paper figure 2, State). */
export class RaftState {
  readonly options: RaftOptions
  readonly log: Log
  readonly memberships: MembershipHistory
  readonly durability: Durability
  readonly outbox = new Outbox()
  /** The last one that was taken or received. */
  snapshot: Snapshot
  /** Received, not yet handed out to the state machine. */
  restoring: Snapshot | null = null
  /** Of the last input; never goes back. */
  nowMs: number
  #term: number
  #vote: NodeId | null
  #leader: NodeId | null = null
  /** Who was seen to lead in this term; stays known when the leader is no longer heard. */
  #leaderOfTerm: NodeId | null = null
  /** When this node last heard from a leader; null: never. */
  heardFromLeaderMs: number | null = null

  constructor(options: RaftOptions, initial: CoreInitial, nowMs: number) {
    assertOptions(options)
    const { hardState, snapshot, entries } = initial
    const first = entries[0]
    const isBehind = first !== undefined && first.index <= snapshot.index
    // The term before the first entry is not stored: that entry is the base then, and no longer sent.
    this.log = isBehind
      ? new Log({ index: first.index, term: first.term }, entries.slice(1), snapshot.index)
      : new Log({ index: snapshot.index, term: snapshot.term }, entries, snapshot.index)
    assert(this.log.lastTerm <= hardState.term, 'no entry is of a later term than the node')
    this.options = options
    this.snapshot = snapshot
    this.memberships = new MembershipHistory(snapshot.index, snapshot.membership)
    this.memberships.appended(entries.filter(({ index }) => index > snapshot.index))
    this.durability = new Durability(hardState, snapshot.index, this.log.lastIndex)
    this.#term = hardState.term
    this.#vote = hardState.vote
    this.nowMs = nowMs
  }

  get term(): number {
    return this.#term
  }

  /** Whom this node voted for in its term. */
  get vote(): NodeId | null {
    return this.#vote
  }

  /** Who leads in this node's term, as far as it knows. */
  get leader(): NodeId | null {
    return this.#leader
  }

  /**
   * Whether this node may campaign. As long as the membership that leaves it out is not committed,
   * its vote may be the one that the others need, and its log the one that they cannot do without
   * (thesis section 4.2.2).
   */
  get mayCampaign(): boolean {
    return this.memberships.isVoterSince(this.log.commitIndex, this.options.id)
  }

  /**
   * Whether this node, a learner, may have what the voters cannot go on without: an entry newer than
   * theirs that is not committed. Where a change that would give it a vote is not committed either,
   * they may need its vote, which it cannot give to a log older than its own. Campaigning is how it
   * brings that log to them (thesis section 4.2.2); its own vote does not count.
   */
  get isLearnerAhead(): boolean {
    const { learners } = this.memberships.current
    const isAhead = this.log.lastIndex > this.log.commitIndex
    return isAhead && learners.some(({ id }) => id === this.options.id)
  }

  /** Whether this node has a vote in the membership that holds. */
  get isVoter(): boolean {
    return isVoter(this.memberships.current, this.options.id)
  }

  /**
   * Whether the disk has not done what it was asked to for an election timeout. A node that leads on
   * would count on it again and again, and one that campaigns could not give its own vote.
   */
  get isDiskStalled(): boolean {
    const { pendingSinceMs } = this.durability
    return pendingSinceMs !== null && this.nowMs - pendingSinceMs >= this.options.electionMaxMs
  }

  /** Comes to a later term, in which it has voted for nobody and knows no leader. */
  enterTerm(term: number): void {
    assert(term > this.#term, 'terms never fall')
    this.#term = term
    this.#vote = null
    this.#leader = null
    this.#leaderOfTerm = null
  }

  /** Whether a node cannot be the leader of this term, for another one is or was. */
  isRival(id: NodeId): boolean {
    return this.#leaderOfTerm !== null && this.#leaderOfTerm !== id
  }

  /** Whether this term has, or had, a leader. */
  get hasHadLeader(): boolean {
    return this.#leaderOfTerm !== null
  }

  /** Gives its vote of the term. */
  voteFor(id: NodeId): void {
    assert(this.#vote === null || this.#vote === id, 'one vote a term')
    this.#vote = id
  }

  /** Learns who leads in its term. */
  follow(leader: NodeId): void {
    assert(!this.isRival(leader), 'one leader a term')
    this.#leaderOfTerm = leader
    this.#leader = leader
  }

  /** Does not hear the leader any more. */
  forgetLeader(): void {
    this.#leader = null
  }

  /** Appends entries; a membership among them holds at once. @returns whether there was one */
  append(entries: readonly Entry[]): boolean {
    this.log.append(entries)
    return this.memberships.appended(entries)
  }

  /** Drops entries that a leader has overruled; a membership among them holds no longer. */
  truncateFrom(index: number): void {
    this.log.truncateFrom(index)
    this.memberships.truncatedFrom(index)
    this.durability.truncatedFrom(index)
  }

  /** Puts a received snapshot in place of the whole log. */
  installSnapshot(snapshot: Snapshot): void {
    this.log.reset({ index: snapshot.index, term: snapshot.term })
    this.memberships.reset(snapshot.index, snapshot.membership)
    this.durability.replacedBy(snapshot)
    this.snapshot = snapshot
    this.restoring = snapshot
  }

  /** What a message of this node begins with. */
  envelope(to: NodeId): MessageEnvelope {
    return { from: this.options.id, to, term: this.#term }
  }
}

/** Stops a node whose times cannot work: nobody would be leader for long, or a lease would not end. */
function assertOptions(options: RaftOptions): void {
  const { heartbeatMs, commitNoticeMs, electionMinMs, electionMaxMs, clockDriftPercent } = options
  assert(heartbeatMs > 0 && heartbeatMs < electionMinMs, 'heartbeats come within a timeout')
  assert(commitNoticeMs >= 0 && commitNoticeMs < electionMinMs, 'commits are told in time')
  assert(electionMinMs < electionMaxMs, 'timeouts of elections differ')
  assert(clockDriftPercent >= 0 && clockDriftPercent <= 50, 'clocks are off by half at most')
}
