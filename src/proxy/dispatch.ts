import type { CounterName } from '../model/counters.ts'
import { SERVER_STATE } from '../model/server-table.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../net/conn.ts'
import { Deadline } from '../net/deadline-wheel.ts'
import type { UpstreamServer } from '../upstream/server-pool.ts'
import type { BackendRuntime } from './runtime.ts'
import { count, type Services, scheduleIn } from './services.ts'

/** HAProxy waits up to a second before it tries the same server again. */
const TURNAROUND_MS = 1000

/** Told how a dispatch ends: by one of the two, once for each `begin` or `again`. */
export interface DispatchOwner {
  /** A connection to a server is established. It must be given its handler at once. */
  onServer(conn: Conn): void
  /** No server is up, or the tries are spent. */
  onNoServer(): void
}

/**
 * Finds a server for a session and connects to it: picks one, reuses an idle connection or opens
 * one, and on failure tries again, elsewhere where `option redispatch` allows it. It holds the
 * session's place at the backend and at the server until {@link release}.
 */
export class Dispatch implements ConnHandler {
  readonly #owner: DispatchOwner
  readonly #services: Services
  readonly #deadline: Deadline
  #backend: BackendRuntime | null = null
  #upstream: UpstreamServer | null = null
  #connecting: Conn | null = null
  #holdsServer = false
  #mayReuse = false
  #retriesLeft = 0
  /** The connection that was handed over had served another session before. */
  reused = false
  /** Tries after the first. */
  retries = 0
  /** A retry went to another server than the try before. */
  redispatched = false

  constructor(owner: DispatchOwner, services: Services) {
    this.#owner = owner
    this.#services = services
    this.#deadline = new Deadline(() => this.#onDeadline())
  }

  /** The server that has the session, or had the last try at it. */
  get upstream(): UpstreamServer | null {
    return this.#upstream
  }

  /** Forgets the session before: nothing has been tried for the next. */
  forget(): void {
    this.#upstream = null
    this.reused = false
    this.retries = 0
    this.redispatched = false
  }

  /** Takes a place at the backend and looks for a server. */
  begin(backend: BackendRuntime, mayReuse: boolean): void {
    this.#backend = backend
    this.#mayReuse = mayReuse
    this.#retriesLeft = backend.plan.retries
    this.#services.table.acquire(this.#services.worker, backend.plan.row)
    this.#pick(-1)
  }

  /** Tries again on a new connection: the reused one had been closed by its server. */
  again(): void {
    this.#leaveServer()
    this.#countRetry()
    this.#mayReuse = false
    this.#pick(-1)
  }

  /** True while another try is allowed. */
  get mayRetry(): boolean {
    return this.#retriesLeft > 0
  }

  /** Counts for the backend and for the server at hand. */
  count(name: CounterName, by = 1): void {
    if (this.#backend !== null) count(this.#services, this.#backend.plan.row, name, by)
    if (this.#upstream !== null) count(this.#services, this.#upstream.plan.row, name, by)
  }

  /** Gives up what is held: an unfinished try, the place at the server and at the backend. */
  release(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.#dropConnecting()
    this.#leaveServer()
    if (this.#backend === null) return
    this.#services.table.release(this.#services.worker, this.#backend.plan.row)
    this.#backend = null
  }

  onConnect(conn: Conn): void {
    this.#connecting = null
    this.#services.wheel.cancel(this.#deadline)
    this.#owner.onServer(conn)
  }

  onData(_conn: Conn, _view: ByteView, _length: number): void {}

  onDrain(): void {}

  onEnd(): void {}

  onClose(conn: Conn, _failure: ConnFailure | null): void {
    if (conn === this.#connecting) this.#failed()
  }

  #pick(avoidRow: number): void {
    const upstream = (this.#backend as BackendRuntime).pool.pick(0, avoidRow)
    if (upstream === null) {
      this.#owner.onNoServer()
      return
    }
    const isSame = upstream.plan.row === avoidRow
    this.#upstream = upstream
    if (isSame) {
      this.#waitForSame()
      return
    }
    if (avoidRow >= 0) {
      this.redispatched = true
      this.count('redispatches')
    }
    this.#connect(upstream)
  }

  #connect(upstream: UpstreamServer): void {
    const services = this.#services
    services.table.acquire(services.worker, upstream.plan.row)
    this.#holdsServer = true
    this.count('sessionsTotal')
    const idle = this.#mayReuse ? upstream.idle.pop() : undefined
    if (idle !== undefined) {
      this.reused = true
      this.count('connectionReuses')
      this.#owner.onServer(idle)
      return
    }
    this.reused = false
    this.count('connectionAttempts')
    this.#connecting = services.engine.connect(upstream.plan.address, this)
    scheduleIn(services, this.#deadline, this.#timeoutConnectMs)
  }

  #failed(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.count('connectionErrors')
    this.#dropConnecting()
    this.#leaveServer()
    const { retryOn, redispatch } = (this.#backend as BackendRuntime).plan
    if (!this.mayRetry || !retryOn.includes('conn-failure')) {
      this.#owner.onNoServer()
      return
    }
    this.#countRetry()
    if (redispatch) this.#pick((this.#upstream as UpstreamServer).plan.row)
    else this.#waitForSame()
  }

  #waitForSame(): void {
    const waitMs = Math.min(TURNAROUND_MS, this.#timeoutConnectMs)
    scheduleIn(this.#services, this.#deadline, waitMs)
  }

  #onDeadline(): void {
    if (this.#connecting !== null) {
      this.#failed()
      return
    }
    const upstream = this.#upstream as UpstreamServer
    const { row } = upstream.plan
    // Without `option redispatch` too: waiting for a server that is known to be down helps nobody.
    if (this.#services.table.state(row) === SERVER_STATE.up) this.#connect(upstream)
    else this.#pick(row)
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
  }

  #countRetry(): void {
    this.#retriesLeft--
    this.retries++
    this.count('retries')
  }

  get #timeoutConnectMs(): number {
    return (this.#backend as BackendRuntime).plan.timeouts.connectMs
  }
}
