import type { Membership, NodeId } from '../log/entries.ts'

/**
 * What a core is at a moment. `learner`: it has no vote, or is no member at all. `pre-candidate`: it
 * asks whether it would be elected, before it raises its term.
 */
export type CoreRole = 'leader' | 'candidate' | 'pre-candidate' | 'follower' | 'learner'

/** Why a leader, or a node that is none, has not taken a proposal. Nothing was proposed then. */
export type ProposeRefusal =
  | 'not-leader'
  /** Leadership is being handed over. */
  | 'transferring'
  /** As much is proposed and not committed as may be. */
  | 'overloaded'
  /** The membership before is not committed, or in its joint phase. */
  | 'membership-changing'

/** What became of a proposal at first. Taken is not yet committed. */
export type ProposeResult =
  | { readonly ok: true; readonly index: number; readonly term: number }
  | { readonly ok: false; readonly reason: ProposeRefusal; readonly leader: NodeId | null }

/** A peer, as a leader sees it. */
export interface PeerStanding {
  readonly id: NodeId
  /** Last index that is durable there and equal to the leader's. */
  readonly matchIndex: number
  /** It has answered within the time that a leader may be silent. */
  readonly isRecentlyActive: boolean
  /** When it has last answered, by the clock of the core's inputs. Null: never. */
  readonly heardMs: number | null
  /** It is so close behind that it may become a voter (Raft thesis section 4.2.1). */
  readonly isCaughtUp: boolean
}

/** Where a core stands: what others act on when it changes. */
export interface CoreStanding {
  readonly role: CoreRole
  /** The epoch: Raft's term, the number of a ballot. Never falls. */
  readonly term: number
  readonly leader: NodeId | null
  /** As it stands in the log, committed or not. */
  readonly membership: Membership
}

/** A core at a moment. */
export interface CoreStatus extends CoreStanding {
  readonly id: NodeId
  readonly lastIndex: number
  /** First index of the log that is kept. */
  readonly firstIndex: number
  readonly commitIndex: number
  readonly appliedIndex: number
  /** Of a leader; none of any other. */
  readonly peers: readonly PeerStanding[]
  /**
   * When a follower has last heard from the leader; of a leader, the last moment at which a quorum
   * is known to have been there. Null: never.
   */
  readonly heardFromLeaderMs: number | null
  /**
   * Since when entries of the log have waited to be committed while none was. Null: none waits. Where
   * that lasts, a quorum may answer, and yet agrees on nothing: its disks hang.
   */
  readonly waitingSinceMs: number | null
}
