import type { HttpReuse } from '../../model/config.ts'
import type { PlannedServer } from '../../model/plan.ts'
import type { OwnFailure } from '../../model/shortage.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler, NetEngine } from '../../net/conn.ts'
import { Deadline, type DeadlineWheel } from '../../net/deadline-wheel.ts'
import { isOwnFailure } from '../../net/failures.ts'
import { IdleConnections, type Reuse, type UsableServers } from './idle-connections.ts'
import { type ClientEnds, proxyHeaderOf } from './proxy-header.ts'
import type { Shortages } from './shortages.ts'
import type { UpstreamServer } from './upstream-server.ts'

/** What reaching a server takes of the worker. */
export interface ServerServices {
  readonly engine: NetEngine
  /** All timeouts of the worker. */
  readonly wheel: DeadlineWheel
  /** This worker's counter cells. */
  readonly cells: Float64Array
  /** What was lacking for connections. */
  readonly shortages: Shortages
}

/**
 * Why a connection did not come about: the server does not take it (`failed`), has not in time
 * (`late`), or this node lacks something for it, which says nothing of the server.
 */
export type ConnectFailure = 'failed' | 'late' | OwnFailure

/** What a connector tells: one of the two, once for each `open` that is not cancelled. */
export interface ConnectorOwner {
  /** Who a server is told of by a PROXY protocol header. */
  readonly client: ClientEnds
  /** The connection is established. It must be given its handler at once. */
  onConnected(conn: Conn): void
  onConnectFailed(why: ConnectFailure): void
}

/**
 * Reaches the server that was chosen for a session: by an idle connection, or by a new one within
 * `timeout connect`, which begins with a PROXY protocol header where the server wants one. Which
 * server that is, and what comes after a failure, is not its business.
 */
export class Connector implements ConnHandler {
  readonly #owner: ConnectorOwner
  readonly #services: ServerServices
  readonly #idle: IdleConnections
  readonly #deadline: Deadline
  #connecting: Conn | null = null
  /** The server that was connected to last. */
  #server: PlannedServer | null = null
  /** The connection at hand had served another session before. */
  reused = false

  constructor(owner: ConnectorOwner, services: ServerServices) {
    this.#owner = owner
    this.#services = services
    this.#idle = new IdleConnections(services.cells)
    this.#deadline = new Deadline(() => this.#fail('late'))
  }

  /**
   * Takes an idle connection, where there is one to use; the caller must set its handler at once.
   *
   * @param mayBeLost what is sent can be sent again where the connection turns out to have been
   *   closed; anything else goes only where the kernel knows of no end
   */
  takeIdle(
    upstream: UpstreamServer,
    httpReuse: HttpReuse,
    reuse: Reuse,
    mayBeLost: boolean,
  ): Conn | undefined {
    for (;;) {
      const conn = this.#idle.take(upstream, httpReuse, reuse)
      this.reused = conn !== undefined
      if (conn === undefined || mayBeLost || conn.isQuiet()) return conn
      conn.destroy()
    }
  }

  /** Opens a connection. */
  open({ plan }: UpstreamServer, connectMs: number): void {
    const { engine, wheel } = this.#services
    const { address, sendProxy } = plan
    const conn = engine.connect(address, this)
    this.#connecting = conn
    this.#server = plan
    if (sendProxy !== null) conn.write(proxyHeaderOf(sendProxy, this.#owner.client))
    wheel.scheduleIn(this.#deadline, connectMs)
  }

  /** Gives up the connection that is being opened, if one is. */
  cancel(): void {
    const conn = this.#connecting
    if (conn === null) return
    this.#settle()
    conn.destroy()
  }

  /**
   * Puts the connection at hand to rest. It must have nothing outstanding in either direction.
   *
   * @param isBound its server may take whoever uses it for this client
   */
  keep(upstream: UpstreamServer, httpReuse: HttpReuse, conn: Conn, isBound: boolean): void {
    this.#idle.keep(upstream, httpReuse, conn, this.reused, isBound)
  }

  /** The server among these that knows the client by its connection, or null. */
  preferred(servers: UsableServers): UpstreamServer | null {
    return this.#idle.preferred(servers)
  }

  /** The session is over: closes the connections that it kept for itself. */
  dispose(): void {
    this.#idle.close()
  }

  onConnect(conn: Conn): void {
    this.#settle()
    this.#owner.onConnected(conn)
  }

  onData(_conn: Conn, _view: ByteView, _length: number): void {}

  onDrain(): void {}

  onEnd(): void {}

  onClose(conn: Conn, failure: ConnFailure | null): void {
    if (conn !== this.#connecting) return
    const isOwn = isOwnFailure(failure)
    if (isOwn && this.#server !== null) this.#services.shortages.note(failure, this.#server)
    this.#fail(isOwn ? failure : 'failed')
  }

  #fail(why: ConnectFailure): void {
    this.cancel()
    this.#owner.onConnectFailed(why)
  }

  /** Nothing is being opened any more. */
  #settle(): void {
    this.#connecting = null
    this.#services.wheel.cancel(this.#deadline)
  }
}
