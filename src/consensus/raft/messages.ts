import type { Entry, Membership, NodeId } from '../log/entries.ts'

interface Envelope {
  readonly from: NodeId
  readonly to: NodeId
  /** The sender's term; of `pre-vote` the term that it would campaign in. */
  readonly term: number
}

/** Asks whether a vote would be granted, before the term is raised (thesis section 9.6). */
export interface PreVote extends Envelope {
  readonly type: 'pre-vote'
  readonly lastIndex: number
  readonly lastTerm: number
}

/** Its `term` is the asked one when granted, the voter's own when not. */
export interface PreVoteReply extends Envelope {
  readonly type: 'pre-vote-reply'
  readonly isGranted: boolean
}

/** RequestVote. */
export interface Vote extends Envelope {
  readonly type: 'vote'
  readonly lastIndex: number
  readonly lastTerm: number
  /** The leader has asked for this election: voters do not protect it (thesis section 4.2.3). */
  readonly isTransfer: boolean
}

/** Sent only once the vote is durable. */
export interface VoteReply extends Envelope {
  readonly type: 'vote-reply'
  readonly isGranted: boolean
}

/** AppendEntries with entries, or as a probe for where the logs meet. */
export interface Append extends Envelope {
  readonly type: 'append'
  readonly prevIndex: number
  readonly prevTerm: number
  readonly entries: readonly Entry[]
  readonly commit: number
}

/** Sent only once the entries are durable. */
export interface AppendReply extends Envelope {
  readonly type: 'append-reply'
  /** Accepted: the last index known to match. Rejected: the `prevIndex` that did not match. */
  readonly index: number
  readonly isRejected: boolean
  /** Rejected: the last index at which the logs may meet, and the term that this log has there. */
  readonly hintIndex: number
  readonly hintTerm: number
}

/** Says that the leader is there; asks for the answer that reads and leases stand on. */
export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat'
  /** At most what the follower is known to have. */
  readonly commit: number
  /** Grows with every round of heartbeats of a term. */
  readonly round: number
}

/** Echoes the round. */
export interface HeartbeatReply extends Envelope {
  readonly type: 'heartbeat-reply'
  readonly round: number
}

/** A piece of a snapshot (paper section 7). */
export interface SnapshotChunk extends Envelope {
  readonly type: 'snapshot-chunk'
  readonly index: number
  readonly indexTerm: number
  readonly membership: Membership
  /** Byte at which the piece begins. */
  readonly offset: number
  readonly totalBytes: number
  readonly data: Uint8Array
}

/** Sent for the last piece only once the snapshot is durable. */
export interface SnapshotReply extends Envelope {
  readonly type: 'snapshot-reply'
  /** Of the snapshot. */
  readonly index: number
  /** The next byte wanted; `totalBytes` of the snapshot when it is installed. */
  readonly offset: number
}

/** TimeoutNow: campaign at once (thesis section 3.10). */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeout-now'
}

/** A follower asks for an index to read at (thesis section 6.4). */
export interface ReadRequest extends Envelope {
  readonly type: 'read-request'
  /** Chosen by the follower. */
  readonly context: number
}

/** Answers a read request. */
export interface ReadReply extends Envelope {
  readonly type: 'read-reply'
  readonly context: number
  /** The state machine must have reached it; null when the asked node cannot tell. */
  readonly index: number | null
}

/** What members say to each other. */
export type Message =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | SnapshotChunk
  | SnapshotReply
  | TimeoutNow
  | ReadRequest
  | ReadReply
