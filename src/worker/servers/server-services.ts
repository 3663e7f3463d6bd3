import type { H2Limits } from '../../http/h2/h2-limits.ts'
import type { ChunkLimits } from '../../http/limits.ts'
import type { ResponseHead } from '../../http/response-head.ts'
import type { NetEngine } from '../../net/conn.ts'
import type { DeadlineWheel } from '../../net/deadline-wheel.ts'
import type { ConnectTls } from '../../net/tls/client-tls.ts'
import type { HandshakeFailures } from './handshake-failures.ts'
import type { Shortages } from './shortages.ts'

/** What reaching a server takes of the worker. */
export interface ServerServices {
  readonly engine: NetEngine
  /** All timeouts of the worker. */
  readonly wheel: DeadlineWheel
  /** This worker's counter cells. */
  readonly cells: Float64Array
  /** What was lacking for connections. */
  readonly shortages: Shortages
  /** Speaks TLS with servers. */
  readonly connectTls: ConnectTls
  /** Why that has failed. */
  readonly handshakeFailures: HandshakeFailures
}

/** What reading responses takes of the worker. */
export interface ResponseServices {
  readonly wheel: DeadlineWheel
  /** Bounds of every chunked body. */
  readonly chunkLimits: ChunkLimits
  /** Bounds of connections to servers that speak HTTP/2. */
  readonly h2Limits: H2Limits
  /** Scratch, valid from a parse to the return to the event loop. */
  readonly responseHead: ResponseHead
}
