import type { PlannedServer } from '../../model/plan.ts'
import type { IdlePool } from './idle-pool.ts'
import type { UpstreamTls } from './upstream-tls.ts'

/** A server as a worker sees it: what the plan says, and this worker's idle connections to it. */
export interface UpstreamServer {
  readonly plan: PlannedServer
  readonly idle: IdlePool
  /** Null: connections are not encrypted. */
  readonly tls: UpstreamTls | null
}
