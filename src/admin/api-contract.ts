import type { AdminState } from '../model/admin-state.ts'
import type { CheckStatus } from '../model/check.ts'
import type { StateCause } from '../upstream/server-state.ts'

/**
 * What the admin API answers, as JSON. Scripts depend on it: members may be added, never renamed
 * or given another meaning.
 */

/** Answer of `GET /api/v1/info`. */
export interface ApiInfo {
  readonly name: 'sluice'
  readonly version: string
  readonly nodeVersion: string
  readonly pid: number
  readonly uptimeSeconds: number
  /** Version of the running configuration. */
  readonly configVersion: number
}

/** A server's state, as HAProxy's statistics name it. */
export type ApiServerState = 'UP' | 'DOWN' | 'DRAIN' | 'MAINT'

/** What the health checks of a server have found. */
export interface ApiCheck {
  /** HAProxy's name of the last outcome; `INI` before the first. */
  readonly status: CheckStatus
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

/** What can be set of a server at run time. */
export type ApiServerSetting = 'state' | 'weight'

/** One server of a backend, and answer of `GET /api/v1/servers/BACKEND/NAME`. */
export interface ApiServer {
  readonly backend: string
  readonly server: string
  /** As HAProxy writes it: `10.0.0.1:80`, `[::1]:80`, `unix@/run/app.sock`. */
  readonly address: string
  /** The state that it is in. */
  readonly state: ApiServerState
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
  /** What was set at run time and is not what the config says. Reloads keep it. */
  readonly setAtRunTime: readonly ApiServerSetting[]
  /** Sessions now, over all threads. */
  readonly sessions: number
  /** Null when the server is not checked. */
  readonly check: ApiCheck | null
}

/** Answer of `GET /api/v1/servers`: every server, in the order of the configuration. */
export interface ApiServers {
  readonly servers: readonly ApiServer[]
}

/**
 * Body of `PATCH /api/v1/servers/BACKEND/NAME`, which answers as `GET` does: at least one member.
 * What is set to what the config says is no longer set at run time: reloads change it again.
 */
export interface ApiServerChange {
  readonly state?: AdminState
  /** 0-256. */
  readonly weight?: number
}

/** Answer of `GET /readyz`, with status 200 when ready, otherwise 503. */
export interface ApiReadiness {
  readonly ready: boolean
  /** Why not: `starting`, `draining`, ... Empty when ready. */
  readonly reasons: readonly string[]
}

/** Any answer with status 400 or above, `/readyz` excepted. */
export interface ApiError {
  /** One of the codes of `src/errors.ts`. */
  readonly code: string
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}
