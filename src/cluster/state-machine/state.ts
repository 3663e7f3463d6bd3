import type { AdminState } from '../../model/admin-state.ts'

/** A config that was or is active. */
export interface ConfigVersion {
  /** From 1, growing by one. */
  readonly version: number
  readonly text: string
  readonly author: string
  readonly timeMs: number
  readonly comment: string
  readonly cause: 'seed' | 'apply' | 'rollback' | 'expiry'
  /** What became of it. */
  readonly result: 'active' | 'unconfirmed' | 'superseded' | 'rolled-back'
}

/** The active version goes back unless it is confirmed. */
export interface PendingConfirmation {
  readonly version: number
  /** To which it goes back. */
  readonly previous: number
  /** Milliseconds since 1970, by the clock of the node that proposed it. */
  readonly deadlineMs: number
}

/** What was set at run time of one server. */
export interface PoolEntry {
  readonly backend: string
  readonly server: string
  /** True: it is not in the config, and stays until removed. */
  readonly isAdded: boolean
  /** Null: as the config has it; never null of an added server. */
  readonly address: string | null
  /** Null: as the config has it. */
  readonly state: AdminState | null
  readonly weight: number | null
}

/** The cluster's verdict on one server; servers that nobody has reported have none. */
export interface AgreedHealth {
  readonly key: string
  readonly isUp: boolean
  readonly reason: string
  /** What the nodes that watch the server say at present, by name. */
  readonly reports: Readonly<Record<string, boolean>>
}

/** The cluster's verdict on a server has changed; an {@link AgreedHealth} is one. */
export interface HealthChange {
  readonly key: string
  /** Null: there is none any more, and each node goes by its own checks. */
  readonly isUp: boolean | null
  readonly reason: string
}

/** Everything that the cluster has agreed on. Replaced, never changed, so that it can be compared. */
export interface ClusterState {
  /** In which the cluster agrees. Never falls. */
  readonly format: number
  /** Of the active config; 0 while there is none. */
  readonly activeVersion: number
  /** Those that are kept, oldest first. */
  readonly versions: readonly ConfigVersion[]
  readonly confirmation: PendingConfirmation | null
  /** In the order in which they were first set. */
  readonly pool: readonly PoolEntry[]
  /** Sorted names of the nodes whose reports count. */
  readonly witnesses: readonly string[]
}
