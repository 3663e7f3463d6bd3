import type { RaftOptions } from '../raft/raft-options.ts'
import { SNAPSHOT_DEFAULTS, type SnapshotPolicyOptions } from './snapshot-policy.ts'

/** Time, as the driver needs it. The simulator has a virtual one. */
export interface Scheduler {
  /** Milliseconds since an arbitrary start, never going back. */
  nowMs(): number
  /**
   * Calls once, when a time has come; as soon as what is at hand is done where it is over already,
   * and never before this returns.
   *
   * @returns takes the call back; does nothing once it was made
   */
  callAt(atMs: number, call: () => void): () => void
}

/** How a driver behaves. */
export interface DriverOptions extends SnapshotPolicyOptions {
  readonly raft: RaftOptions
  /** Proposals that wait to be applied; more are refused. Default 4,096. */
  readonly pendingProposalsMax: number
  /** Reads that wait; more fail. Default 16,384. */
  readonly pendingReadsMax: number
}

/** All but the core's options, which name the node. */
export const DRIVER_DEFAULTS: Omit<DriverOptions, 'raft'> = {
  ...SNAPSHOT_DEFAULTS,
  pendingProposalsMax: 4096,
  pendingReadsMax: 16_384,
}
