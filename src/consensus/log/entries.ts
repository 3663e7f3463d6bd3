/**
 * Identity of one member of the group for as long as its data lives: `NAME/INCARNATION`. A node
 * that lost its data directory comes back with another incarnation, and so as another member: what
 * the lost one had promised is never asked of it again.
 */
export type NodeId = string

/** A node that takes part. */
export interface Member {
  readonly id: NodeId
  /** As operators name it; one at a time has it. */
  readonly name: string
  /** `HOST:PORT` of its peer links. */
  readonly address: string
}

/**
 * Who takes part (Raft thesis chapter 4). Holds from the moment its entry is appended, committed or
 * not. Invariant: no id occurs twice, except that an outgoing voter may be a voter or a learner too.
 */
export interface Membership {
  /** Never empty. */
  readonly voters: readonly Member[]
  /** The voters of before, while a change is in its joint phase; empty outside one. */
  readonly outgoing: readonly Member[]
  /** Receive the log, and neither vote nor count. */
  readonly learners: readonly Member[]
  /** May join under their names as learners as soon as they appear; their ids are not known yet. */
  readonly invited: readonly Pick<Member, 'name' | 'address'>[]
}

/** What an entry of the log carries. */
export type Payload =
  /** The first entry of a leader's term. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'command'; readonly data: Uint8Array }
  | { readonly kind: 'membership'; readonly membership: Membership }

/** An entry of the log. Immutable once made. */
export interface Entry {
  /** From 1. */
  readonly index: number
  readonly term: number
  readonly payload: Payload
}

/** The state machine at an index, in place of the entries up to it. */
export interface Snapshot {
  /** Of the last entry that it holds. */
  readonly index: number
  readonly term: number
  /** As of that entry. */
  readonly membership: Membership
  readonly data: Uint8Array
}

/** What a node must never forget (Raft paper, figure 2). */
export interface HardState {
  readonly term: number
  /** Whom it voted for in that term, or null. */
  readonly vote: NodeId | null
}
