import type { Entry, HardState, Snapshot } from './entries.ts'

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
