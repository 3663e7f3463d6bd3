import type { PlannedServer } from './plan.ts'

/** A server and where it stands in the order of its backend. */
export interface PlacedServer {
  /** Servers before it once the change is made. */
  readonly place: number
  readonly server: PlannedServer
}

/** How the servers of one backend change. */
export interface BackendServersChange {
  /** Name of the backend. */
  readonly backend: string
  /** Rows of the servers that are gone. */
  readonly removed: readonly number[]
  /**
   * Servers that are new, and those at another address or in another place, the foremost first. All
   * others stay as they are, in the order that they have.
   */
  readonly placed: readonly PlacedServer[]
}

/**
 * What takes a plan to one that differs from it in servers alone. It is sent in place of the plan,
 * which may name thousands of servers of which one has changed.
 */
export interface ServersChange {
  /** Of the plan that it leads to; it is made to the one before. */
  readonly serial: number
  /** As of `Plan`: what is left to clients depends on how many servers are checked. */
  readonly maxconn: number
  readonly trafficNumbersMax: number
  /** Those in which anything changes. */
  readonly backends: readonly BackendServersChange[]
}
