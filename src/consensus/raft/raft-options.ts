import type { NodeId } from '../log/entries.ts'

/** How a core behaves. All times are milliseconds of the clock that its inputs carry. */
export interface RaftOptions {
  readonly id: NodeId
  /** Between heartbeats of a leader. */
  readonly heartbeatMs: number
  /**
   * Until a leader tells its followers by itself what is committed: the next entries and heartbeats
   * tell it on the way. 0: at once.
   */
  readonly commitNoticeMs: number
  /** A follower campaigns after a silence drawn at random from this range. */
  readonly electionMinMs: number
  readonly electionMaxMs: number
  /** Bytes of entries in one append. */
  readonly appendBytesMax: number
  /** Appends to one follower that may be unanswered. */
  readonly inflightAppendsMax: number
  /** Bytes of such appends. */
  readonly inflightBytesMax: number
  /** Bytes of entries that a leader takes before they are committed; more are refused. */
  readonly uncommittedBytesMax: number
  /** Bytes of a piece of a snapshot. */
  readonly snapshotChunkBytes: number
  /** Pieces of a snapshot that may be unanswered. */
  readonly snapshotChunksInflightMax: number
  /** Bytes of a snapshot that is taken from a leader. */
  readonly snapshotBytesMax: number
  /** Reads that may wait for a quorum. */
  readonly pendingReadsMax: number
  /**
   * `read-index`: a quorum is asked for every batch of reads. `lease`: none while a quorum has
   * answered within `electionMinMs`, less what clocks may be off (thesis section 6.4.1). All nodes
   * have the same mode and the same `electionMinMs`: voters keep what the lease of a leader stands on.
   */
  readonly readMode: 'read-index' | 'lease'
  /** Percent by which each clock may run faster or slower than true time, 0-50. */
  readonly clockDriftPercent: number
}
