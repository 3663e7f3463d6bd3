import type { CoreStatus, PeerStanding } from '../core/core-status.ts'
import type { NodeId } from '../log/entries.ts'

/** How a leader sends to a peer: looking for where the logs meet, entries, or a snapshot. */
export type ProgressState = 'probe' | 'replicate' | 'snapshot'

/** A peer, as a leader sees it. */
export interface RaftPeerStatus extends PeerStanding {
  readonly state: ProgressState
}

/** A Raft core at a moment. */
export interface RaftStatus extends CoreStatus {
  readonly vote: NodeId | null
  readonly peers: readonly RaftPeerStatus[]
  /** Messages that were dropped because no right member can send them. */
  readonly absurdMessages: number
}
