import { assert } from '../../base/errors.ts'
import type { RandomSource } from '../core/core.ts'
import type { NodeId } from '../log/entries.ts'
import { isVoter } from '../log/membership.ts'
import { tally } from '../log/quorum.ts'
import type { PreVote, PreVoteReply, Vote, VoteReply } from './messages.ts'
import type { RaftState } from './raft-state.ts'

/** What a node that campaigns is at. */
export type CampaignPhase = 'pre-candidate' | 'candidate'

/** A campaign, and what was answered. */
interface Campaign {
  readonly phase: CampaignPhase
  readonly votes: Map<NodeId, boolean>
}

/**
 * When a node campaigns, and whom it votes for (paper section 5.2; PreVote, thesis section 9.6;
 * voters that hear a leader protect it, thesis section 4.2.3).
 */
export class Elections {
  readonly #state: RaftState
  readonly #random: RandomSource
  #campaign: Campaign | null = null
  #timeoutMs = 0
  #dueMs = 0
  #protectedUntilMs: number

  constructor(state: RaftState, random: RandomSource) {
    const { options, nowMs } = state
    this.#state = state
    this.#random = random
    // A lease stands on promises that a restart forgets: none of them reaches beyond this.
    const isBound = options.readMode === 'lease'
    this.#protectedUntilMs = isBound ? nowMs + options.electionMinMs : nowMs
    this.restart()
  }

  /** The campaign under way; null: none. */
  get phase(): CampaignPhase | null {
    return this.#campaign?.phase ?? null
  }

  /** When a follower's patience ends. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** Whether a leader was heard so lately that no other one may be elected. */
  get isProtecting(): boolean {
    return this.#state.nowMs < this.#protectedUntilMs
  }

  /** Draws another timeout, from now on. Two nodes that campaign together soon do not. */
  restart(): void {
    const { electionMinMs, electionMaxMs } = this.#state.options
    this.#timeoutMs = electionMinMs + this.#random() * (electionMaxMs - electionMinMs)
    this.#dueMs = this.#state.nowMs + this.#timeoutMs
  }

  /** A leader was heard. */
  heardLeader(): void {
    const { nowMs, options } = this.#state
    this.#dueMs = nowMs + this.#timeoutMs
    this.#protectedUntilMs = nowMs + options.electionMinMs
  }

  /** Gives up the campaign. */
  stop(): void {
    this.#campaign = null
  }

  /** Asks whether a campaign would be won; nobody's term is raised by it. */
  preCampaign(): void {
    this.#begin('pre-candidate')
    const { term, options, outbox } = this.#state
    this.#toVoters((to) => {
      const envelope = { ...this.#state.envelope(to), term: term + 1 }
      outbox.send({ type: 'pre-vote', ...envelope, ...this.#logEnd() })
    })
    if (this.#record(options.id, true)) this.campaign(false)
  }

  /**
   * Campaigns in a new term. The votes are asked for once the own one is durable, and with it the
   * log that they are asked for.
   *
   * @param isTransfer the leader has asked for it
   */
  campaign(isTransfer: boolean): void {
    this.#state.enterTerm(this.#state.term + 1)
    this.#state.voteFor(this.#state.options.id)
    this.#begin('candidate')
    this.#toVoters((to) => {
      const envelope = this.#state.envelope(to)
      const vote = { type: 'vote', ...envelope, ...this.#logEnd(), isTransfer } as const
      this.#state.outbox.sendDurable(vote)
    })
  }

  /** Counts the own vote once it is durable. @returns whether the election is won */
  persisted(): boolean {
    const { durability, options, term } = this.#state
    const { term: durableTerm, vote } = durability.durableHardState
    if (this.phase !== 'candidate' || durableTerm !== term || vote !== options.id) return false
    return this.#record(options.id, true)
  }

  /** @param isLeading this node leads, and a quorum has answered it lately */
  onPreVote(message: PreVote, isLeading: boolean): void {
    const { outbox, term } = this.#state
    const isFree = !this.isProtecting && !isLeading
    const isGranted = isFree && message.term > term && this.#isUpToDate(message)
    const envelope = this.#state.envelope(message.from)
    const answer = { ...envelope, term: isGranted ? message.term : term, isGranted }
    outbox.send({ type: 'pre-vote-reply', ...answer })
    // Of two that ask each other at once one gives way: each would have the other's promise, both
    // would campaign, and the votes would be split for another timeout.
    const isRival = isGranted && this.phase === 'pre-candidate'
    if (isRival && message.from > this.#state.options.id) this.stop()
  }

  onPreVoteReply(message: PreVoteReply): void {
    if (this.phase !== 'pre-candidate') return
    if (message.isGranted && message.term !== this.#state.term + 1) return
    if (this.#record(message.from, message.isGranted)) this.campaign(false)
  }

  /**
   * @param message of this node's term
   * @param isLeading as of {@link onPreVote}
   */
  onVote(message: Vote, isLeading: boolean): void {
    const { vote, hasHadLeader, outbox } = this.#state
    const { from } = message
    if (this.isBound(message, isLeading)) return
    const isFree = vote === from || (vote === null && !hasHadLeader)
    const isGranted = isFree && this.#isUpToDate(message)
    const reply = { type: 'vote-reply', ...this.#state.envelope(from), isGranted } as const
    if (!isGranted) {
      outbox.send(reply)
      return
    }
    this.#state.voteFor(from)
    this.restart()
    outbox.sendDurable(reply)
  }

  /** @returns whether the election is won */
  onVoteReply(message: VoteReply): boolean {
    if (this.phase !== 'candidate') return false
    return this.#record(message.from, message.isGranted)
  }

  /** Whether a vote must not even be thought of: a leader is there and has not asked for it. */
  isBound(message: Vote, isLeading: boolean): boolean {
    const isAsked = message.isTransfer && isVoter(this.#state.memberships.current, message.from)
    return (this.isProtecting || isLeading) && !isAsked
  }

  #begin(phase: CampaignPhase): void {
    assert(this.#state.mayCampaign || this.#state.isLearnerAhead, 'only a voter campaigns')
    this.#campaign = { phase, votes: new Map() }
    this.restart()
  }

  /** @returns whether the election is won; a lost one is over */
  #record(from: NodeId, isGranted: boolean): boolean {
    const votes = this.#campaign?.votes
    assert(votes !== undefined, 'votes are counted in a campaign')
    votes.set(from, isGranted)
    const membership = this.#state.memberships.current
    const result = tally(membership, (id) => votes.get(id) ?? null)
    if (result === 'lost') this.#campaign = null
    return result === 'won'
  }

  #toVoters(send: (to: NodeId) => void): void {
    const { voters, outgoing } = this.#state.memberships.current
    const ids = new Set([...voters, ...outgoing].map(({ id }) => id))
    for (const id of ids) if (id !== this.#state.options.id) send(id)
  }

  #logEnd(): { readonly lastIndex: number; readonly lastTerm: number } {
    const { lastIndex, lastTerm } = this.#state.log
    return { lastIndex, lastTerm }
  }

  /** The candidate's log is at least as good as this one (paper section 5.4.1). */
  #isUpToDate({ lastIndex, lastTerm }: Vote | PreVote): boolean {
    const { log } = this.#state
    return lastTerm > log.lastTerm || (lastTerm === log.lastTerm && lastIndex >= log.lastIndex)
  }
}
