import { assert } from '../../base/errors.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { BackendTerms } from '../../model/plan.ts'
import type { OwnFailure } from '../../model/shortage.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { Deadline } from '../../net/deadline-wheel.ts'
import { isOwnFailure } from '../../net/failures.ts'
import { TlsConn } from '../../net/tls/tls-conn.ts'
import { IdleConnections, type UsableServers } from './connections/idle-connections.ts'
import type { Reuse } from './connections/reuse.ts'
import type { SharedConnection } from './connections/shared-connection.ts'
import type { Carrier, Lender, StreamLender } from './lender.ts'
import { type ClientEnds, proxyHeaderOf } from './proxy-header.ts'
import type { ServerServices } from './server-services.ts'
import type { UpstreamServer } from './upstream-server.ts'
import type { ServerNames, UpstreamTls } from './upstream-tls.ts'

/**
 * Why a connection did not come about: the server does not take it (`failed`), has not in time
 * (`late`), or this node lacks something for it, which says nothing of the server.
 */
export type ConnectFailure = 'failed' | 'late' | OwnFailure

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
    const { shared } = upstream.idle
    if (shared !== null) {
      const stream = this.#takeStream(upstream, backend, reuse, mayBeLost)
      if (stream !== undefined) return stream
    }
    for (;;) {
      const conn = this.#idle.take(upstream, backend.httpReuse, reuse, this.#owner.serverNames)
      this.reused = conn !== undefined
      if (conn === undefined) return undefined
      if (mayBeLost || conn.isQuiet()) return this.#lend(conn, this.#aim(upstream, backend))
      conn.destroy()
    }
  }

  /** As {@link takeIdle}, of a connection that carries others, too. */
  #takeStream(
    upstream: UpstreamServer,
    backend: BackendTerms,
    reuse: Reuse,
    mayBeLost: boolean,
  ): S | undefined {
    const { httpReuse } = backend
    const { serverNames } = this.#owner
    for (;;) {
      const connection = this.#idle.takeShared(upstream, httpReuse, reuse, serverNames)
      this.reused = connection !== undefined
      if (connection === undefined) return undefined
      this.#aim(upstream, backend)
      if (mayBeLost || connection.isAlive) return this.#streams.lendStream(connection, this)
      connection.close()
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

  bind(connection: SharedConnection): void {
    const target = this.#target
    assert(target !== null, 'a connection was bound to a client that leads nowhere')
    this.#idle.bind(target.upstream, connection)
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
    const isShared = upstream.idle.shared !== null && speaksH2(upstream, conn)
    this.#owner.onConnected(isShared ? this.#share(conn, target) : this.#lend(conn, target))
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

  #share(conn: Conn, { upstream, backend }: Target): S {
    const connection = this.#streams.share(conn)
    this.#idle.place(upstream, backend.httpReuse, connection)
    return this.#streams.lendStream(connection, this)
  }

  /** Invariant: only servers of those who can use streams are asked for them. */
  get #streams(): StreamLender<S> {
    const { streams } = this.#lender
    assert(streams !== null, 'a server of mode tcp was asked for a stream')
    return streams
  }
}

/** HTTP/2 is spoken by prior knowledge, or where ALPN has chosen it (RFC 9113 sections 3.2, 3.3). */
function speaksH2({ plan }: UpstreamServer, { tls }: Conn): boolean {
  return plan.proto === 'h2' || tls?.alpn === 'h2'
}
