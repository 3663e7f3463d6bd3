import type { PlannedServer } from '../../model/plan.ts'
import type { IdlePool } from './connections/idle-pool.ts'
import type { UpstreamTls } from './upstream-tls.ts'

/** A server as a worker sees it: what the plan says, and this worker's idle connections to it. */
export interface UpstreamServer {
  readonly plan: PlannedServer
  readonly idle: IdlePool
  /** Null: connections are not encrypted. */
  readonly tls: UpstreamTls | null
}

/** Whether a server is spoken to in HTTP/2: by prior knowledge, or because TLS offers it. */
export function maySpeakH2({ proto, trafficTls }: PlannedServer): boolean {
  return proto === 'h2' || trafficTls?.alpn.includes('h2') === true
}
