import type { Entry, Snapshot } from '../log/entries.ts'
import type { Persist } from '../log/persist.ts'

/** The answer to a request for a linearizable read. */
export interface ReadOutcome {
  readonly context: number
  /** Read once the state machine has applied it. Null: no quorum has answered; ask again. */
  readonly index: number | null
}

/**
 * What the core wants done, in this order: send `messages`; write `persist`; once it is durable
 * call `persisted` and send `messagesAfterPersist`; install `snapshot`, apply `committed`, then
 * call `applied`; answer `reads`. `M` is what the core's nodes say to each other.
 */
export interface Ready<M> {
  readonly messages: readonly M[]
  readonly persist: Persist | null
  /** Held until the `persist` of the same Ready is durable, and all before it. */
  readonly messagesAfterPersist: readonly M[]
  /**
   * A received snapshot that the state machine is to be set to, before `committed`. Handed out only
   * when it is durable.
   */
  readonly snapshot: Snapshot | null
  /**
   * Committed entries, each handed out once, in the order of their indexes: of a leader all, of any
   * other node those that are durable here.
   */
  readonly committed: readonly Entry[]
  readonly reads: readonly ReadOutcome[]
}
