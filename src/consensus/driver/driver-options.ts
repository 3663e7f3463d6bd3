import { SNAPSHOT_DEFAULTS, type SnapshotPolicyOptions } from './snapshot-policy.ts'

/** How a driver behaves. */
export interface DriverOptions extends SnapshotPolicyOptions {
  /** After which a batch of reads without an answer has failed: as long as a leader may be silent. */
  readonly readTimeoutMs: number
  /** Proposals that wait to be applied; more are refused. Default 4,096. */
  readonly pendingProposalsMax: number
  /** Reads that wait; more fail. Default 16,384. */
  readonly pendingReadsMax: number
}

/** All but what follows from the times of the core. */
export const DRIVER_DEFAULTS: Omit<DriverOptions, 'readTimeoutMs'> = {
  ...SNAPSHOT_DEFAULTS,
  pendingProposalsMax: 4096,
  pendingReadsMax: 16_384,
}
