import { assert } from '../../base/errors.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { BackendTerms } from '../../model/plan.ts'
import type { OwnFailure } from '../../model/shortage.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { Deadline } from '../../net/deadline-wheel.ts'
import { isOwnFailure } from '../../net/failures.ts'
import { TlsConn } from '../../net/tls/tls-conn.ts'
import { IdleConnections, type Reuse, type UsableServers } from './idle-connections.ts'
import { type ClientEnds, proxyHeaderOf } from './proxy-header.ts'
import type { ServerServices } from './server-services.ts'
import type { UpstreamServer } from './upstream-server.ts'
import type { ServerNames, UpstreamTls } from './upstream-tls.ts'

/**
 * Why a connection did not come about: the server does not take it (`failed`), has not in time
 * (`late`), or this node lacks something for it, which says nothing of the server.
 */
export type ConnectFailure = 'failed' | 'late' | OwnFailure

/** Where a connection goes once it is not needed. */
export interface Carrier {
  /**
   * Puts the connection at hand to rest. It must have nothing outstanding in either direction.
   *
   * @param isBound its server may take whoever uses it for this client
   */
  keep(conn: Conn, isBound: boolean): void
}

/** Makes of connections what sessions are given: `S`. */
export interface Lender<S> {
  /** Takes a connection over for a session; its handler must be set before it returns, or at once. */
  lend(conn: Conn, carrier: Carrier, backend: BackendTerms): S
}

/** What a connector tells: one of the two, once for each `open` that is not cancelled. */
export interface ConnectorOwner<S> {
  /** Who a server is told of by a PROXY protocol header. */
  readonly client: ClientEnds
  /** What servers are asked for in TLS by expressions; null: by none. */
  readonly serverNames: ServerNames | null
  /** The server is reached. */
  onConnected(server: S): void
  onConnectFailed(why: ConnectFailure): void
}

/** The server that a connection leads to, and the backend that it is reached for. */
interface Target {
  upstream: UpstreamServer
  backend: BackendTerms
}

/**
 * Reaches the server that was chosen for a session: by an idle connection, or by a new one within
 * `timeout connect`, which begins with a PROXY protocol header where the server wants one, and is
 * secure by then where it has TLS. Which
 * server that is, and what comes after a failure, is not its business.
 */
export class Connector<S> implements ConnHandler, Carrier {
  readonly #owner: ConnectorOwner<S>
  readonly #services: ServerServices
  readonly #idle: IdleConnections
  readonly #lender: Lender<S>
  readonly #deadline: Deadline
  #connecting: Conn | null = null
  /** Where the connection at hand leads, or the one that is being opened; null before the first. */
  #target: Target | null = null
  /** The connection at hand had served another session before. */
  reused = false

  constructor(owner: ConnectorOwner<S>, services: ServerServices, lender: Lender<S>) {
    this.#owner = owner
    this.#services = services
    this.#lender = lender
    this.#idle = new IdleConnections(services.cells)
    this.#deadline = new Deadline(() => this.#onLate())
  }

  /**
   * Reaches a server by an idle connection, where there is one to use.
   *
   * @param mayBeLost what is sent can be sent again where the connection turns out to have been
   *   closed; anything else goes only where the kernel knows of no end
   */
  takeIdle(
    upstream: UpstreamServer,
    backend: BackendTerms,
    reuse: Reuse,
    mayBeLost: boolean,
  ): S | undefined {
    for (;;) {
      const conn = this.#idle.take(upstream, backend.httpReuse, reuse, this.#owner.serverNames)
      this.reused = conn !== undefined
      if (conn === undefined) return undefined
      if (mayBeLost || conn.isQuiet()) return this.#lend(conn, this.#aim(upstream, backend))
      conn.destroy()
    }
  }

  /** Opens a connection to a server. */
  open(upstream: UpstreamServer, backend: BackendTerms): void {
    const { engine, wheel } = this.#services
    this.#aim(upstream, backend)
    const conn = engine.connect(upstream.plan.address, this)
    this.#connecting = conn
    // With TLS it is written once the connection is there, since TLS then takes it over.
    if (upstream.tls === null) this.#introduce(conn, upstream)
    wheel.scheduleIn(this.#deadline, backend.timeouts.connectMs)
  }

  /** Gives up the connection that is being opened, if one is. */
  cancel(): void {
    const conn = this.#connecting
    if (conn === null) return
    this.#settle()
    conn.destroy()
  }

  keep(conn: Conn, isBound: boolean): void {
    const target = this.#target
    assert(target !== null, 'a connection was put to rest that leads nowhere')
    const { upstream, backend } = target
    this.#idle.keep(upstream, backend.httpReuse, conn, this.reused, isBound)
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
    const target = this.#target
    assert(target !== null, 'a connection came about that leads nowhere')
    const { upstream, backend } = target
    if (upstream.tls !== null) {
      if (!(conn instanceof TlsConn)) {
        this.#introduce(conn, upstream)
        this.#secure(conn, upstream.tls)
        return
      }
      this.#countSession(conn, upstream, backend)
    }
    this.#settle()
    this.#owner.onConnected(this.#lend(conn, target))
  }

  onData(_conn: Conn, _view: ByteView, _length: number): void {}

  onDrain(): void {}

  onEnd(): void {}

  onClose(conn: Conn, failure: ConnFailure | null): void {
    if (conn !== this.#connecting) return
    const isOwn = isOwnFailure(failure)
    const server = this.#target?.upstream.plan
    if (isOwn && server !== undefined) this.#services.shortages.note(failure, server)
    else if (conn instanceof TlsConn) this.#noteHandshake(conn.problem ?? 'connection error')
    this.#fail(isOwn ? failure : 'failed')
  }

  /** Tells the server who the client is, where it wants to know. */
  #introduce(conn: Conn, { plan: { sendProxy } }: UpstreamServer): void {
    if (sendProxy !== null) conn.write(proxyHeaderOf(sendProxy, this.#owner.client))
  }

  /** The handshake has what is left of `timeout connect`. */
  #secure(conn: Conn, tls: UpstreamTls): void {
    const settings = tls.settingsFor(this.#owner.serverNames)
    this.#connecting = this.#services.connectTls(conn, settings, this)
  }

  #countSession(conn: Conn, { plan }: UpstreamServer, backend: BackendTerms): void {
    const { cells } = this.#services
    const isResumed = conn.tls?.isResumed === true
    for (const row of [plan.row, backend.row]) {
      count(cells, row, COUNTER.tlsSessions)
      if (isResumed) count(cells, row, COUNTER.tlsResumed)
    }
  }

  #noteHandshake(reason: string): void {
    const target = this.#target
    assert(target !== null, 'a handshake failed with nobody')
    const { cells, handshakeFailures, wheel } = this.#services
    const { upstream, backend } = target
    for (const row of [upstream.plan.row, backend.row]) count(cells, row, COUNTER.tlsFailures)
    handshakeFailures.note(`${backend.name}/${upstream.plan.name}`, reason, wheel.nowMs)
  }

  #onLate(): void {
    if (this.#connecting instanceof TlsConn) this.#noteHandshake('timeout')
    this.#fail('late')
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

  #aim(upstream: UpstreamServer, backend: BackendTerms): Target {
    this.#target ??= { upstream, backend }
    this.#target.upstream = upstream
    this.#target.backend = backend
    return this.#target
  }

  #lend(conn: Conn, { backend }: Target): S {
    return this.#lender.lend(conn, this, backend)
  }
}
