import type { Entry, HardState, NodeId, Snapshot } from '../log/entries.ts'
import type { Persist } from '../log/persist.ts'

/** Who a data directory belongs to. Written before the node says anything to anybody. */
export interface NodeIdentity {
  readonly name: string
  readonly id: NodeId
  /** Null until the node belongs to a cluster. */
  readonly clusterId: string | null
}

/** What a store held when it was opened, checked. */
export interface StoredState {
  readonly hardState: HardState
  readonly snapshot: Snapshot
  readonly entries: readonly Entry[]
}

/**
 * The durable half of a member. Every write is atomic and synced, in the order of the calls. A
 * write that fails is the store's last: it refuses all that follow, for nobody knows what the disk
 * has (a second fsync after a failed one reports success without data).
 */
export interface LogStore {
  /**
   * Writes; later calls may come before this one is done.
   *
   * @param done called once, never before `write` returns: with null when durable, otherwise with
   *   what went wrong, after which the node must stop
   */
  write(persist: Persist, done: (failure: Error | null) => void): void
  /** Waits for what is being written and closes. */
  close(): Promise<void>
}
