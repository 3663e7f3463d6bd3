import type { Entry, HardState, Snapshot } from '../log/entries.ts'
import type { Message } from '../raft/messages.ts'

/**
 * One atomic, synced write. Parts that are null or empty stay as they are on the disk. The order
 * within: the snapshot replaces all entries up to its index, and all entries if the log is not its
 * continuation; then the entries replace everything from the index of their first on.
 */
export interface Persist {
  /** Grows by one with each; writes are made and confirmed in this order. */
  readonly sequence: number
  readonly hardState: HardState | null
  /** Received from the leader, or taken by this node to shorten its log. */
  readonly snapshot: Snapshot | null
  /** True: all entries are dropped, for the snapshot was received and the log did not reach it. */
  readonly isLogReset: boolean
  readonly entries: readonly Entry[]
  /** First index that is still needed; what comes before may be dropped. */
  readonly firstIndex: number
}

/** The answer to a request for a linearizable read. */
export interface ReadOutcome {
  readonly context: number
  /** Read once the state machine has applied it. Null: no quorum has answered; ask again. */
  readonly index: number | null
}

/**
 * What the core wants done, in this order: send `messages`; write `persist`; once it is durable
 * call `persisted` and send `messagesAfterPersist`; install `snapshot`, apply `committed`, then
 * call `applied`; answer `reads`.
 */
export interface Ready {
  readonly messages: readonly Message[]
  readonly persist: Persist | null
  /** Held until the `persist` of the same Ready is durable, and all before it. */
  readonly messagesAfterPersist: readonly Message[]
  /**
   * A received snapshot that the state machine is to be set to, before `committed`. Handed out only
   * when it is durable.
   */
  readonly snapshot: Snapshot | null
  /** Committed entries that are durable here, each handed out once, in the order of their indexes. */
  readonly committed: readonly Entry[]
  readonly reads: readonly ReadOutcome[]
}
