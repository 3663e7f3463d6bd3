import { NO_KEY } from '../../balance/strategy.ts'
import type { Clock } from '../../base/clock.ts'
import { assert } from '../../base/errors.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import { SERVER_STATE, type ServerState, type ServerTable } from '../../memory/server-table.ts'
import type { OwnFailure } from '../../model/shortage.ts'
import { Deadline } from '../../net/deadline-wheel.ts'
import type { Reuse } from '../servers/connections/reuse.ts'
import { type ConnectFailure, Connector, type ConnectorOwner } from '../servers/connector.ts'
import type { Lender } from '../servers/lender.ts'
import type { ServerServices } from '../servers/server-services.ts'
import type { UpstreamServer } from '../servers/upstream-server.ts'
import { type DispatchBackend, presentBackend } from './backend.ts'
import type { Stickiness } from './persistence.ts'
import type { ServerPool } from './server-pool.ts'
import type { SessionQueues, Waiter } from './session-queue.ts'
import type { Termination } from './termination.ts'
import { WaitingPlace } from './waiting-place.ts'

/** HAProxy waits up to a second before it tries the same server again. */
const TURNAROUND_MS = 1000

/** What finding a server takes of the worker. */
export interface DispatchServices extends ServerServices {
  readonly clock: Clock
  readonly table: ServerTable
  /** Index of this worker in the table. */
  readonly worker: number
  /** Sessions that wait for a server. */
  readonly queues: SessionQueues
}

/**
 * What a dispatch tells: `onServer` or `onNoServer`, once for each `begin` and further try. Before
 * either it may say that this takes time.
 */
export interface DispatchOwner<S> extends Pick<ConnectorOwner<S>, 'client' | 'serverNames'> {
  /** When a server began to be needed, on the services' clock. */
  readonly beganMs: number
  /** The server is waited for from now on: a client of which nothing is heard may leave meanwhile. */
  watchClient(): void
  /** It is waited for no longer. */
  leaveClient(): void
  /** A server is reached. */
  onServer(server: S): void
  /** No server is up, the tries are spent, or `timeout queue` has passed. */
  onNoServer(termination: Termination): void
}

/**
 * Says who gets a session: picks a server, has a {@link Connector} reach it, and on failure tries
 * again, elsewhere where `option redispatch` allows it. Where all servers have as many sessions as
 * they may, or the one that the session belongs to, it waits in line. It holds the session's place
 * at the backend and at the server until {@link release}.
 */
export class Dispatch<S> implements ConnectorOwner<S>, Waiter {
  readonly #owner: DispatchOwner<S>
  readonly #services: DispatchServices
  readonly #connector: Connector<S>
  /** Of the wait in line, or before the same server is tried again. */
  readonly #deadline: Deadline
  /** Null where no place is held at one. */
  #backend: DispatchBackend | null = null
  #upstream: UpstreamServer | null = null
  #holdsServer = false
  /** Whether somebody looks after the client, of which nothing else is heard while it is not read. */
  #isClientWatched = false
  /** Servers that have failed on the session, where it may go to another. */
  readonly #failedRows: number[] = []
  #key = NO_KEY
  #stickiness: Stickiness | null = null
  #reuse: Reuse = 'new'
  #mayResend = false
  #retriesLeft = 0
  /** Where it waits in line, and how long it has. */
  readonly place: WaitingPlace
  /** See {@link queuedMs}; as of the last server that was found. */
  #queuedMs = -1
  /** Tries after the first. */
  retries = 0
  /** A retry went to another server than the try before. */
  redispatched = false

  /** @param lender makes of a connection what the owner is given */
  constructor(owner: DispatchOwner<S>, services: DispatchServices, lender: Lender<S>) {
    this.#owner = owner
    this.#services = services
    this.#connector = new Connector(this, services, lender)
    this.place = new WaitingPlace(services.queues, this)
    this.#deadline = new Deadline(() => this.#onDeadline())
  }

  /** Who a server is told of. */
  get client(): DispatchOwner<S>['client'] {
    return this.#owner.client
  }

  /** What servers are asked for in TLS. */
  get serverNames(): DispatchOwner<S>['serverNames'] {
    return this.#owner.serverNames
  }

  /** The connection that was handed over had served another session before. */
  get reused(): boolean {
    return this.#connector.reused
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
    this.#connector.reused = false
    this.retries = 0
    this.redispatched = false
    this.#queuedMs = -1
    this.place.forget()
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
    begun: DispatchBackend,
    key: number,
    reuse: Reuse,
    mayResend: boolean,
    stickiness: Stickiness | null,
  ): void {
    const { table, worker } = this.#services
    const backend = presentBackend(begun)
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
    const own = this.#ownServer(backend, key)
    if (own === null) this.#pick()
    else this.#goTo(own)
  }

  /**
   * Tries again on a new connection: the idle one had been closed by its server. That is no failure
   * of the server, and happens to a session once: it takes none of the tries.
   */
  replaceIdle(): void {
    this.#countRetry()
    this.#reuse = 'new'
    this.#connectAgain(this.#tried)
  }

  /** Tries again after a server has failed on the request, elsewhere with `option redispatch`. */
  tryAgain(): void {
    this.#retriesLeft--
    this.#countRetry()
    const upstream = this.#tried
    if (this.#entered.plan.redispatch) this.#pickOther(upstream, false)
    else this.#connectAgain(upstream)
  }

  /**
   * Milliseconds until the last server was found, or the line was left: the time in lines, and that
   * of tries at other servers before. -1 where neither has been. HAProxy's `Tw`.
   */
  get queuedMs(): number {
    return this.place.isTaken ? this.#sinceBegin() : this.#queuedMs
  }

  /** It has a place at the backend. */
  get holdsBackend(): boolean {
    return this.#backend !== null
  }

  /** It has a place at the server at hand. */
  get holdsServer(): boolean {
    return this.#holdsServer
  }

  /** True while another try is allowed. */
  get hasTries(): boolean {
    return this.#retriesLeft > 0
  }

  /** Counts for the backend and for the server at hand. @param column one of `COUNTER` */
  count(column: number, by = 1): void {
    if (this.#backend !== null) count(this.#services.cells, this.#backend.plan.row, column, by)
    if (this.#upstream !== null) count(this.#services.cells, this.#upstream.plan.row, column, by)
  }

  /** Tells a strategy that goes by it how long the server at hand took, in milliseconds. */
  observe(responseMs: number): void {
    const { pool } = this.#entered
    pool.observe?.(this.#tried, responseMs, this.#services.wheel.nowMs)
  }

  /** Gives up what is held: an unfinished try, the place at the server and at the backend. */
  release(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.#leaveLine()
    this.#connector.cancel()
    this.#leaveServer()
    this.#leaveClient()
    if (this.#backend === null) return
    this.#services.table.release(this.#services.worker, this.#backend.plan.row)
    this.#backend = null
  }

  /** The session is over: closes the connections that it kept for itself. */
  dispose(): void {
    this.#connector.dispose()
  }

  onConnected(server: S): void {
    this.count(COUNTER.connectionsOpened)
    this.#handOver(server)
  }

  onConnectFailed(why: ConnectFailure): void {
    if (why === 'exhausted' || why === 'portless') this.#lack(why)
    else this.#failed(why === 'late' ? 'sC' : 'SC')
  }

  tryEnter(ticket: number): boolean {
    const pool = this.#presentPool()
    const awaited = this.place.server
    const isForced = this.#stickiness?.isForced === true
    const own = awaited === null ? null : pool.serverOf({ row: awaited.plan.row, isForced })
    // The server that it waits for may have gone down, or been removed: then it may go to any.
    const isLost = awaited !== null && own === null
    let upstream: UpstreamServer | 'full' | null = null
    if (awaited === null) upstream = pool.take(this.#key, this.#failedRows, ticket)
    else if (own !== null && pool.takeAt(own)) upstream = own
    if (!isLost && (upstream === null || upstream === 'full')) return false
    this.#leaveLine()
    this.#services.wheel.cancel(this.#deadline)
    if (upstream !== null && upstream !== 'full') this.#enter(upstream, false)
    else {
      this.#upstream = null
      this.#pick()
    }
    return true
  }

  /**
   * The server that the session belongs to; or, unless it is balanced by a key, the one that knows
   * its client by a connection; or null.
   */
  #ownServer({ pool }: DispatchBackend, key: number): UpstreamServer | null {
    const sticky = this.#stickiness === null ? null : pool.serverOf(this.#stickiness)
    return sticky ?? (key === NO_KEY ? this.#connector.preferred(pool) : null)
  }

  /** Goes to the server that the session belongs to, or waits for it. */
  #goTo(own: UpstreamServer): void {
    const { pool, plan } = this.#entered
    const waiting = pool.waitingFor(own)
    // Who comes now does not overtake who waits.
    if (waiting === 0 && pool.takeAt(own)) this.#enter(own, false)
    else if (own.plan.maxqueue === 0 || waiting < own.plan.maxqueue) this.#wait(own)
    else if (plan.redispatch && this.#stickiness?.isForced !== true) this.#pick()
    else this.#owner.onNoServer('SQ')
  }

  /** @param waits a server that is the only one is left alone for a moment after it has failed */
  #pickOther({ plan }: UpstreamServer, waits = true): void {
    this.#failedRows.push(plan.row)
    this.#pick(waits)
  }

  #pick(waits = true): void {
    this.#leaveServer()
    const pool = this.#presentPool()
    const upstream =
      pool.isLimited && pool.isAwaited ? 'full' : pool.take(this.#key, this.#failedRows)
    if (upstream === null) this.#owner.onNoServer('SC')
    else if (upstream !== 'full') this.#enter(upstream, waits)
    else this.#wait(null)
  }

  /** The circuit breaker of a backend lets no more in. */
  #refuse(row: number): void {
    count(this.#services.cells, row, COUNTER.refusedSessions)
    this.#owner.onNoServer('PC')
  }

  /** @param own the server that it belongs to; null: any will do */
  #wait(own: UpstreamServer | null): void {
    const backend = this.#entered
    const { timeouts, circuitBreaker, row } = backend.plan
    const { maxPending } = circuitBreaker
    if (maxPending !== null && backend.pool.waitingTotal >= maxPending) {
      this.#refuse(row)
      return
    }
    if (own !== null) this.#upstream = own
    this.#watchClient()
    this.#services.wheel.scheduleIn(this.#deadline, timeouts.queueMs)
    this.place.take(backend, own)
  }

  /** Goes on with the backend of the present plan; returns its servers. */
  #presentPool(): ServerPool {
    const backend = presentBackend(this.#entered)
    this.#backend = backend
    return backend.pool
  }

  #sinceBegin(): number {
    return this.#services.clock() - this.#owner.beganMs
  }

  #leaveLine(): void {
    const own = this.place.server
    if (this.place.isTaken) this.#queuedMs = this.#sinceBegin()
    this.place.leave()
    // Who waits for any server may have left the next place there to the one that goes.
    if (own !== null) this.#wakeAt(own)
  }

  #wakeAt({ plan }: UpstreamServer): void {
    this.#services.queues.wake(plan.row, this.#entered.plan.row)
  }

  /** Goes on with a server, at which a place was taken. */
  #enter(upstream: UpstreamServer, waits: boolean): void {
    const failedRow = this.#failedRows.at(-1) ?? -1
    const isSame = upstream.plan.row === failedRow
    this.#upstream = upstream
    this.#holdsServer = true
    // Without a line and failures before no time has passed, and the clock need not be asked.
    if (this.#queuedMs < 0) this.#queuedMs = failedRow < 0 ? 0 : this.#sinceBegin()
    else if (!isSame && failedRow >= 0) this.#queuedMs = this.#sinceBegin()
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
    const { plan } = this.#entered
    this.count(COUNTER.sessionsTotal)
    const mayBeLost = this.#mayResend && this.hasTries
    const idle = this.#connector.takeIdle(upstream, plan, this.#reuse, mayBeLost)
    if (idle !== undefined) {
      this.count(COUNTER.connectionReuses)
      this.#handOver(idle)
      return
    }
    this.count(COUNTER.connectionAttempts)
    this.#watchClient()
    this.#connector.open(upstream, plan)
  }

  #watchClient(): void {
    if (this.#isClientWatched) return
    this.#isClientWatched = true
    this.#owner.watchClient()
  }

  #leaveClient(): void {
    if (!this.#isClientWatched) return
    this.#isClientWatched = false
    this.#owner.leaveClient()
  }

  #handOver(server: S): void {
    this.#leaveClient()
    this.#stickiness?.connected(this.#tried.plan.row)
    this.#owner.onServer(server)
  }

  /** @param termination what the session ends with where there is no other try */
  #failed(termination: Termination): void {
    const { retryOn, redispatch, timeouts } = this.#entered.plan
    this.count(COUNTER.connectionErrors)
    this.observe(timeouts.connectMs)
    if (!this.hasTries || !retryOn.includes('conn-failure')) {
      this.#owner.onNoServer(termination)
      return
    }
    this.#retriesLeft--
    this.#countRetry()
    if (redispatch) this.#pickOther(this.#tried)
    else this.#waitForSame()
  }

  /**
   * This node has no descriptor or local port for the connection, which says nothing of the server:
   * no error is counted for it. Another server may have ports left (they are counted for each
   * address), and so has the same one once its idle connections are given up; HAProxy, too, tries
   * again at once. Otherwise the session waits at its place for another try, while others end.
   */
  #lack(failure: OwnFailure): void {
    const upstream = this.#tried
    this.count(COUNTER.connectionShortages)
    if (!this.hasTries) {
      this.#owner.onNoServer('RC')
      return
    }
    this.#retriesLeft--
    this.#countRetry()
    const isPortless = failure === 'portless'
    if (isPortless && upstream.idle.freePorts() > 0) this.#connectAgain(upstream)
    else if (isPortless && this.#entered.plan.redispatch) this.#pickOther(upstream)
    else this.#waitForSame()
  }

  #waitForSame(): void {
    const waitMs = Math.min(TURNAROUND_MS, this.#entered.plan.timeouts.connectMs)
    this.#services.wheel.scheduleIn(this.#deadline, waitMs)
  }

  #onDeadline(): void {
    if (this.place.isTaken) this.#owner.onNoServer('sQ')
    else this.#connectAgain(this.#tried)
  }

  /** On the server whose place is still held. */
  #connectAgain(upstream: UpstreamServer): void {
    const { row } = upstream.plan
    // Without `option redispatch` too: waiting for a server that is known to be down helps nobody.
    const state = this.#services.table.state(row)
    const mayConnect = state === SERVER_STATE.up || this.#mayStay(row, state)
    const present = this.#presentPool().serverOf({ row, isForced: mayConnect })
    if (!mayConnect || present === null) {
      this.#pickOther(upstream)
      return
    }
    this.#upstream = present
    this.#connect(present)
  }

  /** A session stays at the server that it belongs to while that one drains. */
  #mayStay(row: number, state: ServerState): boolean {
    if (row !== this.#stickiness?.row) return false
    return this.#stickiness.isForced || state === SERVER_STATE.drain
  }

  #leaveServer(): void {
    if (!this.#holdsServer) return
    this.#holdsServer = false
    const upstream = this.#tried
    this.#services.table.release(this.#services.worker, upstream.plan.row)
    // Whoever waits may do so under another plan, which has a bound where this one has none.
    this.#wakeAt(upstream)
  }

  #countRetry(): void {
    this.retries++
    this.count(COUNTER.retries)
  }

  /** Invariant: there is a backend from the place at it to {@link release}, in which all happens. */
  get #entered(): DispatchBackend {
    assert(this.#backend !== null, 'a dispatch went on without a place at a backend')
    return this.#backend
  }

  /** Invariant: there is a server from the first that was chosen on, and what follows needs one. */
  get #tried(): UpstreamServer {
    assert(this.#upstream !== null, 'a dispatch went on with a server before there was one')
    return this.#upstream
  }
}
