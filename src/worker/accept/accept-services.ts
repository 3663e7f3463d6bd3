import type { Clock } from '../../base/clock.ts'
import type { ServerTable } from '../../memory/server-table.ts'
import type { NetEngine } from '../../net/conn.ts'
import type { DeadlineWheel } from '../../net/deadline-wheel.ts'
import type { DescriptorGauge } from '../../net/descriptor-gauge.ts'
import type { AcceptTls } from '../../net/tls/server-tls.ts'
import type { AccessLogWriter } from '../../telemetry/access-log-writer.ts'

/** What accepting connections takes of the worker. */
export interface AcceptServices {
  readonly engine: NetEngine
  /** TLS as a server, on the connections of that engine. */
  readonly acceptTls: AcceptTls
  readonly accessLog: AccessLogWriter
  readonly clock: Clock
  /** Whether descriptors are short; the engine tells it. */
  readonly descriptors: DescriptorGauge
  /** All timeouts of the worker. */
  readonly wheel: DeadlineWheel
  readonly table: ServerTable
  /** Index of this worker in the table. */
  readonly worker: number
  /** This worker's counter cells. */
  readonly cells: Float64Array
  /** Set once the daemon is to stop. */
  readonly draining: boolean
}
