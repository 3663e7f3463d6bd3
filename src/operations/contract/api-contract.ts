import type { ClusterNodeStatus } from '../../cluster/cluster.ts'
import type { StateCause } from '../../health/server-state.ts'
import type { AdminState, ServerSetting } from '../../model/admin-state.ts'
import type { CheckStatus } from '../../model/probe-state.ts'

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

/** One server of a backend, and answer of `GET /api/v1/servers/BACKEND/NAME`. */
export interface ApiServer {
  readonly backend: string
  readonly server: string
  /** True: the config does not name it, it was added at run time and stays until it is removed. */
  readonly added: boolean
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
  /** Percent that it gives of itself while it starts slowly (`slowstart`); null: all. */
  readonly throttlePercent: number | null
  /** What was set at run time and is not what the config says. Other configs keep it. */
  readonly setAtRunTime: readonly ServerSetting[]
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
 * What is set to what the config says is no longer set at run time: another config changes it again.
 */
export interface ApiServerChange {
  readonly state?: AdminState
  /** 0-256. */
  readonly weight?: number
  /** As a server's `address` in the config. */
  readonly address?: string
}

/** Body of `POST /api/v1/servers/BACKEND`, which answers with 201 and the {@link ApiServer}. */
export interface ApiServerAddition {
  readonly name: string
  /** As a server's `address` in the config. */
  readonly address: string
  /** 0-256. Default: as `default-server` says. */
  readonly weight?: number
}

/** One version of the config, in the history. */
export interface ApiConfigVersion {
  /** From 1, growing by one. */
  readonly version: number
  /** When it was applied, ISO 8601 in UTC, by the clock of the node that proposed it. */
  readonly time: string
  /** Who applied it, as far as is known: `lb2, admin API`. */
  readonly author: string
  readonly comment: string
  /** How it came: from a node's file, applied, by a rollback, or since nobody confirmed another. */
  readonly cause: 'seed' | 'apply' | 'rollback' | 'expiry'
  /** What became of it. */
  readonly result: 'active' | 'unconfirmed' | 'superseded' | 'rolled-back'
}

/** The active version goes back by itself. */
export interface ApiConfirmation {
  /** That is to be confirmed. */
  readonly version: number
  /** Whose text becomes active again otherwise. */
  readonly previous: number
  /** Until when, ISO 8601 in UTC. */
  readonly deadline: string
}

/** Answer of `GET /api/v1/config/versions`. */
export interface ApiConfigHistory {
  /** The active version; 0 while there is none. */
  readonly active: number
  readonly confirmation: ApiConfirmation | null
  /** Those that are kept, oldest first. */
  readonly versions: readonly ApiConfigVersion[]
}

/** Answer of `GET /api/v1/config/versions/N`. */
export interface ApiConfig extends ApiConfigVersion {
  /** As written. `GET /api/v1/config/text` has it alone. */
  readonly text: string
}

/** Answer of `GET /api/v1/config`. */
export interface ApiActiveConfig extends ApiConfig {
  readonly confirmation: ApiConfirmation | null
}

/** Answer of `GET /api/v1/config/diff`. */
export interface ApiConfigDiff {
  /** 0: nothing, as before the first version. */
  readonly from: number
  readonly to: number
  /** Unified diff; '' where the texts are equal. */
  readonly diff: string
}

/**
 * Body of `POST /api/v1/config`. The text alone may be sent instead, as `application/yaml`, with the
 * other members in the query.
 */
export interface ApiConfigApplication {
  readonly text: string
  /** Refused unless this version is active; 0: unless there is none. Default: whichever is. */
  readonly ifVersion?: number
  /** For the history. Default: none. */
  readonly comment?: string
  /** Goes back by itself unless confirmed within this time, 1000 at least. Default: it stays. */
  readonly confirmMs?: number
}

/** Body of `POST /api/v1/config/rollback` and of `POST /api/v1/config/confirm`. */
export interface ApiVersionChoice {
  /** Default: for a rollback the version before the active one, for a confirmation the active one. */
  readonly version?: number
}

/** Answer of `POST /api/v1/config` and of `POST /api/v1/config/rollback`. */
export interface ApiConfigOutcome {
  /** That is active now. */
  readonly version: number
  /** False: its text was active already, and nothing was done. */
  readonly changed: boolean
  /** Of the text, rendered; '' where there are none. */
  readonly warnings: string
  /** `prepared`: the node runs it; `unreachable`: it will when it is back. */
  readonly nodes: readonly { readonly name: string; readonly result: 'prepared' | 'unreachable' }[]
}

/** Answer of `POST /api/v1/config/confirm`. */
export interface ApiConfirmed {
  readonly version: number
}

/** One node of the cluster. What it says of itself is null where it does not answer. */
export interface ApiClusterNode {
  readonly name: string
  /** Of its peer links. */
  readonly address: string
  readonly role: ClusterNodeStatus['role']
  /** Whether the asked node reaches it. */
  readonly reachable: boolean
  readonly epoch: number | null
  readonly appliedIndex: number | null
  /** Entries that it has yet to apply. */
  readonly lagEntries: number | null
  readonly configVersion: number | null
  /** SHA-256 of the text that it runs, hexadecimal. */
  readonly configHash: string | null
  /** SHA-256 of all that it has applied: equal at equal `appliedIndex`. */
  readonly stateHash: string | null
  readonly uptimeSeconds: number | null
  /** What is wrong with it; '' for nothing. */
  readonly note: string
}

/** Answer of `GET /api/v1/cluster`: as the asked node sees it. */
export interface ApiCluster {
  readonly engine: string
  /** Null while the node belongs to none. */
  readonly clusterId: string | null
  /** Name of the asked node. */
  readonly node: string
  /** Name; null while there is none. */
  readonly leader: string | null
  /** A term or a ballot. */
  readonly epoch: number
  readonly hasQuorum: boolean
  /** The active version; 0 while there is none. */
  readonly configVersion: number
  readonly nodes: readonly ApiClusterNode[]
}

/** Body of `POST /api/v1/cluster/nodes`, and its answer, with 201. */
export interface ApiMember {
  readonly name: string
  /** `HOST:PORT` of its peer links. */
  readonly address: string
}

/** Body of `POST /api/v1/cluster/transfer`, and its answer. */
export interface ApiTransfer {
  /** Name of the node that is to lead. */
  readonly node: string
}

/** Answer of `GET /readyz`, with status 200 when ready, otherwise 503. */
export interface ApiReadiness {
  readonly ready: boolean
  /** Why not: `starting`, `draining`, `worker 1 does not answer`. Empty when ready. */
  readonly reasons: readonly string[]
}

/** Any answer with status 400 or above, `/readyz` excepted. */
export interface ApiError {
  /** One of the codes of `src/base/errors.ts`. */
  readonly code: string
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}
