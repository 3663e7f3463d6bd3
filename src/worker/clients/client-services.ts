import type { Clock } from '../../base/clock.ts'
import type { ResponseEdits } from '../../http/h1/head-text.ts'
import type { H2Limits } from '../../http/h2/h2-limits.ts'
import type { ChunkLimits } from '../../http/limits.ts'
import type { ServerTable } from '../../memory/server-table.ts'
import type { TuneConfig } from '../../model/config.ts'
import type { DeadlineWheel } from '../../net/deadline-wheel.ts'
import type { RequestHeads } from '../exchange/routing/request-heads.ts'
import type { FrontendRuntime } from '../exchange/runtime.ts'
import type { HangUpWatch } from './hang-up-watch.ts'

/** What the connections of clients take of the worker. */
export interface ClientServices {
  /** All timeouts of the worker; its `nowMs` is a clock good to one tick. */
  readonly wheel: DeadlineWheel
  readonly clock: Clock
  readonly table: ServerTable
  /** Index of this worker in the table. */
  readonly worker: number
  /** This worker's counter cells. */
  readonly cells: Float64Array
  /** Clients whose server is waited for. */
  readonly hangUps: HangUpWatch
  /** `global.tune`, fixed for the life of the worker. */
  readonly tune: TuneConfig
  /** Bounds of every chunked body, from {@link tune}. */
  readonly chunkLimits: ChunkLimits
  /** Bounds of connections of clients that speak HTTP/2. */
  readonly h2ClientLimits: H2Limits
  readonly requestHeads: RequestHeads
  /** Scratch, valid from a response head to the return to the event loop. */
  readonly responseEdits: ResponseEdits
  /** Set once the daemon is to stop: answers close their connection. */
  readonly draining: boolean
}

/** The address that clients have come by. It lives on over reloads that keep it. */
export interface Door {
  /** The frontend as of the last reload. */
  readonly frontend: FrontendRuntime
  /** True once the address has been removed or the worker drains: sessions end when they can. */
  readonly closed: boolean
}
