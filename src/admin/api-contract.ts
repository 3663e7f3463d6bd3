import type { CheckStatus } from '../model/check.ts'

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

/** One server of a backend. */
export interface ApiServer {
  readonly backend: string
  readonly server: string
  /** As HAProxy writes it: `10.0.0.1:80`, `[::1]:80`, `unix@/run/app.sock`. */
  readonly address: string
  readonly state: ApiServerState
  /** 0-256. */
  readonly weight: number
  /** Sessions now, over all threads. */
  readonly sessions: number
  /** Null when the server is not checked. */
  readonly check: ApiCheck | null
}

/** Answer of `GET /api/v1/servers`: every server, in the order of the configuration. */
export interface ApiServers {
  readonly servers: readonly ApiServer[]
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
