import type { Clock, Random } from '../base/clock.ts'
import type { RequestEdits, ResponseEdits } from '../http/h1/forward.ts'
import type { RequestHead } from '../http/h1/request-head.ts'
import type { ResponseHead } from '../http/h1/response-head.ts'
import type { ChunkLimits } from '../http/limits.ts'
import type { ServerTable } from '../memory/server-table.ts'
import type { TuneConfig } from '../model/config.ts'
import type { NetEngine } from '../net/conn.ts'
import type { DeadlineWheel } from '../net/deadline-wheel.ts'
import type { DescriptorGauge } from '../net/descriptor-gauge.ts'
import type { PatternEngine } from '../rules/samples/patterns.ts'
import type { AccessLogWriter } from '../telemetry/access-log-writer.ts'
import type { HangUpWatch } from './clients/hang-up-watch.ts'
import type { SessionQueues } from './dispatch/session-queue.ts'
import type { RequestRewrite, ResponseRewrite } from './exchange/rewrite.ts'
import type { Shortages } from './servers/shortages.ts'

/** What every session of a worker shares. One instance a worker. */
export interface Services {
  readonly engine: NetEngine
  /** Whether descriptors are short; the engine tells it. */
  readonly descriptors: DescriptorGauge
  /** Told of what this node lacked for connections to servers. */
  readonly shortages: Shortages
  /** All timeouts of the worker; its `nowMs` is a clock good to one tick. */
  readonly wheel: DeadlineWheel
  readonly clock: Clock
  readonly random: Random
  /** What compiles the regular expressions of rules. */
  readonly patterns: PatternEngine
  readonly table: ServerTable
  /** Index of this worker in the table. */
  readonly worker: number
  /** This worker's counter cells. */
  readonly cells: Float64Array
  /** Sessions that wait for a server. */
  readonly queues: SessionQueues
  /** Their clients, and those whose server is being connected to. */
  readonly hangUps: HangUpWatch
  readonly accessLog: AccessLogWriter
  /** `global.tune`, fixed for the life of the worker. */
  readonly tune: TuneConfig
  /** Bounds of every chunked body, from {@link tune}. */
  readonly chunkLimits: ChunkLimits
  /** Scratch, valid from a parse to the return to the event loop; so are the following. */
  readonly requestHead: RequestHead
  readonly requestEdits: RequestEdits
  readonly requestRewrite: RequestRewrite
  readonly responseHead: ResponseHead
  readonly responseEdits: ResponseEdits
  readonly responseRewrite: ResponseRewrite
  /** Set once the daemon is to stop: answers close their connection. */
  draining: boolean
}
