import { NO_KEY } from '../balance/strategy.ts'
import type { ProxyVersion } from '../model/config.ts'
import { COUNTER } from '../model/counters.ts'
import { SERVER_STATE, type ServerState } from '../model/server-table.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../net/conn.ts'
import { Deadline } from '../net/deadline-wheel.ts'
import { encodeProxyHeader } from '../net/proxy-protocol.ts'
import type { UpstreamServer } from '../upstream/server-pool.ts'
import type { SessionQueue, Waiter } from '../upstream/session-queue.ts'
import type { Termination } from './exchange-record.ts'
import { IdleConnections, type Reuse } from './idle-connections.ts'
import type { Stickiness } from './persistence.ts'
import type { BackendRuntime } from './runtime.ts'
import { count, type Services, scheduleIn } from './services.ts'

/** HAProxy waits up to a second before it tries the same server again. */
const TURNAROUND_MS = 1000

/** What a dispatch tells: one of the two, once for each `begin` and further try. */
export interface DispatchOwner {
  /** Who the server is told of by a PROXY protocol header. */
  readonly client: Conn
  /** A connection to a server is established. It must be given its handler at once. */
  onServer(conn: Conn): void
  /** No server is up, the tries are spent, or `timeout queue` has passed. */
  onNoServer(termination: Termination): void
}

/**
 * Finds a server for a session and connects to it: picks one, reuses an idle connection or opens
 * one, and on failure tries again, elsewhere where `option redispatch` allows it. Where all servers
 * have as many sessions as they may, it waits in line. It holds the session's place at the backend
 * and at the server until {@link release}.
 */
export class Dispatch implements ConnHandler, Waiter {
  readonly #owner: DispatchOwner
  readonly #services: Services
  readonly #deadline: Deadline
  #backend: BackendRuntime | null = null
  #upstream: UpstreamServer | null = null
  #connecting: Conn | null = null
  readonly #idle: IdleConnections
  #holdsServer = false
  /** The line that it waits in, since when, and which server it would rather avoid. */
  #queue: SessionQueue | null = null
  #queuedSinceMs = 0
  /** Servers that have failed on the session, where it may go to another. */
  readonly #failedRows: number[] = []
  #key = NO_KEY
  #stickiness: Stickiness | null = null
  #reuse: Reuse = 'new'
  #mayResend = false
  #retriesLeft = 0
  /** The connection that was handed over had served another session before. */
  reused = false
  /** Tries after the first. */
  retries = 0
  /** Time spent waiting in line, in milliseconds. */
  queuedMs = 0
  /** Sessions that were ahead in the line, when it was last joined. */
  queuedBehind = 0
  /** A retry went to another server than the try before. */
  redispatched = false

  constructor(owner: DispatchOwner, services: Services) {
    this.#owner = owner
    this.#services = services
    this.#idle = new IdleConnections(services.cells)
    this.#deadline = new Deadline(() => this.#onDeadline())
  }

  /** The server that has the session, or had the last try at it. */
  get upstream(): UpstreamServer | null {
    return this.#upstream
  }

  /** Which server the session belongs to; null where it may go to any. */
  get stickiness(): Stickiness | null {
    return this.#stickiness
  }

  /** Forgets the session before: nothing has been tried for the next. */
  forget(): void {
    this.#upstream = null
    this.#stickiness = null
    this.reused = false
    this.retries = 0
    this.redispatched = false
    this.queuedMs = 0
    this.queuedBehind = 0
  }

  /**
   * Takes a place at the backend and looks for a server.
   *
   * @param key what the session is balanced by, or `NO_KEY`
   * @param mayResend what is sent can be sent again where an idle connection turns out to have been
   *   closed
   * @param stickiness which server it belongs to; null where it may go to any
   */
  begin(
    backend: BackendRuntime,
    key: number,
    reuse: Reuse,
    mayResend: boolean,
    stickiness: Stickiness | null,
  ): void {
    const { table, worker } = this.#services
    const { row, circuitBreaker } = backend.plan
    if (!table.tryAcquire(worker, row, circuitBreaker.maxRequests)) {
      this.#refuse(row)
      return
    }
    this.#backend = backend
    this.#key = key
    this.#stickiness = stickiness
    this.#reuse = reuse
    this.#mayResend = mayResend
    this.#retriesLeft = backend.plan.retries
    this.#failedRows.length = 0
    const upstream = stickiness === null ? null : backend.pool.takeSticky(stickiness)
    if (upstream === null) this.#pick()
    else this.#enter(upstream, false)
  }

  /**
   * Tries again on a new connection: the idle one had been closed by its server. That is no failure
   * of the server, and happens to a session once: it takes none of the tries.
   */
  replaceIdle(): void {
    this.#countRetry()
    this.#reuse = 'new'
    this.#connectAgain(this.#upstream as UpstreamServer)
  }

  /** Tries again after a server has failed on the request, elsewhere with `option redispatch`. */
  tryAgain(): void {
    this.#retriesLeft--
    this.#countRetry()
    const upstream = this.#upstream as UpstreamServer
    if ((this.#backend as BackendRuntime).plan.redispatch) this.#pickOther(upstream, false)
    else this.#connectAgain(upstream)
  }

  /** Puts the server's connection to rest. It must have nothing outstanding in either direction. */
  keep(conn: Conn): void {
    const { httpReuse } = (this.#backend as BackendRuntime).plan
    this.#idle.keep(this.#upstream as UpstreamServer, httpReuse, conn, this.reused)
  }

  /** It waits in line for a server. */
  get isQueued(): boolean {
    return this.#queue !== null
  }

  /** True while another try is allowed. */
  get hasTries(): boolean {
    return this.#retriesLeft > 0
  }

  /** Counts for the backend and for the server at hand. @param column one of `COUNTER` */
  count(column: number, by = 1): void {
    if (this.#backend !== null) count(this.#services, this.#backend.plan.row, column, by)
    if (this.#upstream !== null) count(this.#services, this.#upstream.plan.row, column, by)
  }

  /** Tells a strategy that goes by it how long the server at hand took, in milliseconds. */
  observe(responseMs: number): void {
    const { pool } = this.#backend as BackendRuntime
    const { row } = (this.#upstream as UpstreamServer).plan
    pool.observe?.(row, responseMs, this.#services.wheel.nowMs)
  }

  /** Gives up what is held: an unfinished try, the place at the server and at the backend. */
  release(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.#leaveQueue()
    this.#dropConnecting()
    this.#leaveServer()
    if (this.#backend === null) return
    this.#services.table.release(this.#services.worker, this.#backend.plan.row)
    this.#backend = null
  }

  /** The session is over: closes the connections that it kept for itself. */
  dispose(): void {
    this.#idle.close()
  }

  onConnect(conn: Conn): void {
    this.#connecting = null
    this.#services.wheel.cancel(this.#deadline)
    this.count(COUNTER.connectionsOpened)
    this.#handOver(conn)
  }

  onData(_conn: Conn, _view: ByteView, _length: number): void {}

  onDrain(): void {}

  onEnd(): void {}

  onClose(conn: Conn, _failure: ConnFailure | null): void {
    if (conn === this.#connecting) this.#failed('SC')
  }

  tryEnter(): boolean {
    const upstream = (this.#backend as BackendRuntime).pool.take(this.#key, this.#failedRows)
    if (upstream === null || upstream === 'full') return false
    this.#leaveQueue()
    this.#services.wheel.cancel(this.#deadline)
    this.#enter(upstream, false)
    return true
  }

  /** @param waits a server that is the only one is left alone for a moment after it has failed */
  #pickOther({ plan }: UpstreamServer, waits = true): void {
    this.#failedRows.push(plan.row)
    this.#pick(waits)
  }

  #pick(waits = true): void {
    this.#leaveServer()
    const { pool, plan } = this.#backend as BackendRuntime
    const queue = pool.isLimited ? this.#services.queues.of(plan.row) : null
    // Who comes now does not overtake who waits.
    const upstream =
      queue !== null && queue.length > 0 ? 'full' : pool.take(this.#key, this.#failedRows)
    if (upstream === null) this.#owner.onNoServer('SC')
    else if (upstream !== 'full') this.#enter(upstream, waits)
    else this.#wait(queue as SessionQueue)
  }

  /** The circuit breaker of a backend lets no more in. */
  #refuse(row: number): void {
    count(this.#services, row, COUNTER.refusedSessions)
    this.#owner.onNoServer('PC')
  }

  #wait(queue: SessionQueue): void {
    const { timeouts, circuitBreaker, row } = (this.#backend as BackendRuntime).plan
    const { maxPending } = circuitBreaker
    if (maxPending !== null && queue.length >= maxPending) {
      this.#refuse(row)
      return
    }
    this.#queue = queue
    this.#queuedSinceMs = this.#services.clock()
    this.queuedBehind = queue.length
    scheduleIn(this.#services, this.#deadline, timeouts.queueMs)
    queue.join(this)
  }

  #leaveQueue(): void {
    const queue = this.#queue
    if (queue === null) return
    this.#queue = null
    this.queuedMs += this.#services.clock() - this.#queuedSinceMs
    queue.leave(this)
  }

  /** Goes on with a server, at which a place was taken. */
  #enter(upstream: UpstreamServer, waits: boolean): void {
    const failedRow = this.#failedRows.at(-1) ?? -1
    const isSame = upstream.plan.row === failedRow
    this.#upstream = upstream
    this.#holdsServer = true
    if (isSame && waits) {
      this.#waitForSame()
      return
    }
    if (failedRow >= 0 && !isSame) {
      this.redispatched = true
      this.count(COUNTER.redispatches)
    }
    this.#connect(upstream)
  }

  #connect(upstream: UpstreamServer): void {
    const services = this.#services
    this.count(COUNTER.sessionsTotal)
    const idle = this.#takeIdle(upstream)
    if (idle !== undefined) {
      this.reused = true
      this.count(COUNTER.connectionReuses)
      this.#handOver(idle)
      return
    }
    this.reused = false
    this.count(COUNTER.connectionAttempts)
    const conn = services.engine.connect(upstream.plan.address, this)
    this.#connecting = conn
    const { sendProxy } = upstream.plan
    if (sendProxy !== null) conn.write(proxyHeaderOf(sendProxy, this.#owner.client))
    scheduleIn(services, this.#deadline, this.#timeoutConnectMs)
  }

  #handOver(conn: Conn): void {
    this.#stickiness?.connected((this.#upstream as UpstreamServer).plan.row)
    this.#owner.onServer(conn)
  }

  /** An idle connection, or undefined where a new one is needed. */
  #takeIdle(upstream: UpstreamServer): Conn | undefined {
    const { httpReuse } = (this.#backend as BackendRuntime).plan
    for (;;) {
      const conn = this.#idle.take(upstream, httpReuse, this.#reuse)
      // What cannot be sent again goes only where the kernel knows of no end.
      if (conn === undefined || (this.#mayResend && this.hasTries) || conn.isQuiet()) return conn
      conn.destroy()
    }
  }

  /** @param termination what the session ends with where there is no other try */
  #failed(termination: Termination): void {
    this.#services.wheel.cancel(this.#deadline)
    this.count(COUNTER.connectionErrors)
    this.observe(this.#timeoutConnectMs)
    this.#dropConnecting()
    const { retryOn, redispatch } = (this.#backend as BackendRuntime).plan
    if (!this.hasTries || !retryOn.includes('conn-failure')) {
      this.#owner.onNoServer(termination)
      return
    }
    this.#retriesLeft--
    this.#countRetry()
    if (redispatch) this.#pickOther(this.#upstream as UpstreamServer)
    else this.#waitForSame()
  }

  #waitForSame(): void {
    const waitMs = Math.min(TURNAROUND_MS, this.#timeoutConnectMs)
    scheduleIn(this.#services, this.#deadline, waitMs)
  }

  #onDeadline(): void {
    if (this.#connecting !== null) this.#failed('sC')
    else if (this.#queue !== null) this.#owner.onNoServer('sQ')
    else this.#connectAgain(this.#upstream as UpstreamServer)
  }

  /** On the server whose place is still held. */
  #connectAgain(upstream: UpstreamServer): void {
    const { row } = upstream.plan
    // Without `option redispatch` too: waiting for a server that is known to be down helps nobody.
    const state = this.#services.table.state(row)
    if (state === SERVER_STATE.up || this.#mayStay(row, state)) this.#connect(upstream)
    else this.#pickOther(upstream)
  }

  /** A session stays at the server that it belongs to while that one drains. */
  #mayStay(row: number, state: ServerState): boolean {
    if (row !== this.#stickiness?.row) return false
    return this.#stickiness.isForced || state === SERVER_STATE.drain
  }

  #dropConnecting(): void {
    const conn = this.#connecting
    this.#connecting = null
    conn?.destroy()
  }

  #leaveServer(): void {
    if (!this.#holdsServer) return
    this.#holdsServer = false
    const { row } = (this.#upstream as UpstreamServer).plan
    this.#services.table.release(this.#services.worker, row)
    const { pool, plan } = this.#backend as BackendRuntime
    if (pool.isLimited) this.#services.queues.of(plan.row).wake()
  }

  #countRetry(): void {
    this.retries++
    this.count(COUNTER.retries)
  }

  get #timeoutConnectMs(): number {
    return (this.#backend as BackendRuntime).plan.timeouts.connectMs
  }
}

/** The header that tells a server whose connection it is (HAProxy's proxy-protocol.txt). */
function proxyHeaderOf(version: ProxyVersion, client: Conn): Uint8Array | string {
  const source = { address: client.remoteAddress, port: client.remotePort }
  return encodeProxyHeader(version, source, {
    address: client.localAddress,
    port: client.localPort,
  })
}
