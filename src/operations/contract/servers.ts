import type { AdminState, ServerSetting } from '../../model/admin-state.ts'
import type { ProbeStatus } from '../../model/probe-state.ts'
import type { StateCause } from '../../model/state-cause.ts'

/** A server's state, as HAProxy's statistics name it. */
export type ServerStateName = 'UP' | 'DOWN' | 'DRAIN' | 'MAINT'

/** What the health checks of a server have found. */
export interface ProbeReport {
  /** HAProxy's name of the last outcome; `INI` before the first. */
  readonly status: ProbeStatus
  /** HTTP status code of the last check, 0 for none. */
  readonly code: number
  /** More about the last outcome, or ''. */
  readonly info: string
  readonly durationMs: number
  /** Since the server went up or down, or since it is checked. */
  readonly lastChangeSeconds: number
  /** Checks that failed while the server was up. */
  readonly failuresTotal: number
}

/** One server of a backend. */
export interface ServerReport {
  readonly backend: string
  readonly server: string
  /** True: the config does not name it, it was added at run time and stays until it is removed. */
  readonly added: boolean
  /** As HAProxy writes it: `10.0.0.1:80`, `[::1]:80`, `unix@/run/app.sock`. */
  readonly address: string
  /** The state that it is in. */
  readonly state: ServerStateName
  /** What has made that state what it is; null when the server is up. */
  readonly cause: StateCause | null
  /** Why it is in that state; '' when it is up. */
  readonly reason: string
  /** Since it went to that state, or since it is there. */
  readonly lastChangeSeconds: number
  /** Changes of its state. */
  readonly changesTotal: number
  /** What an operator wants: as set at run time, otherwise as configured. */
  readonly adminState: AdminState
  /** The weight that it is given sessions by, 0-256. */
  readonly weight: number
  /** Percent that it gives of itself while it starts slowly (`slowstart`); null: all. */
  readonly throttlePercent: number | null
  /** What was set at run time and is not what the config says. Other configs keep it. */
  readonly setAtRunTime: readonly ServerSetting[]
  /** Sessions now, over all threads. */
  readonly sessions: number
  /** Null when the server is not checked. */
  readonly check: ProbeReport | null
}

/** Every server, in the order of the configuration. */
export interface ServersReport {
  readonly servers: readonly ServerReport[]
}

/**
 * What is to be set of a server: at least one member. What is set to what the config says is no longer set at run time: another config changes it again.
 */
export interface ServerChange {
  readonly state?: AdminState
  /** 0-256. */
  readonly weight?: number
  /** As a server's `address` in the config. */
  readonly address?: string
}

/** A server that is to be added to a backend. */
export interface ServerAddition {
  readonly name: string
  /** As a server's `address` in the config. */
  readonly address: string
  /** 0-256. Default: as `default-server` says. */
  readonly weight?: number
}
