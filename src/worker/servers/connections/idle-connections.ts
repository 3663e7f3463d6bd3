import type { HttpReuse } from '../../../model/config.ts'
import type { Conn } from '../../../net/conn.ts'
import type { UpstreamServer } from '../upstream-server.ts'
import type { ServerNames } from '../upstream-tls.ts'
import { IdlePool } from './idle-pool.ts'
import type { Reuse } from './reuse.ts'
import type { SharedConnection } from './shared-connection.ts'
import { SharedConnections } from './shared-connections.ts'

/**
 * Servers to which a session keeps a connection of its own. HAProxy's default of
 * `max-session-srv-conns`.
 */
const OWN_SERVERS_MAX = 5

/** Servers of which some may take new sessions. */
export interface UsableServers {
  /** The server of a row where new sessions may go to it, or null. */
  usableAt(row: number): UpstreamServer | null
}

/** A connection that rests for one client alone. */
interface OwnConnection {
  /** Where it rests, if it does. */
  readonly pool: IdlePool
  /** Where it is, resting or not, if it carries many requests at once. */
  readonly shared: SharedConnections
  /** The row of its server. */
  readonly row: number
}

/**
 * The idle server connections that one client connection has access to: those that all share, as
 * `http-reuse` allows, and its own, where sharing is off, where a PROXY protocol header has told
 * the server who the client is, or where the server may take whoever uses the connection for the
 * client (NTLM, Negotiate). What was a client's own once is given to nobody else.
 */
export class IdleConnections {
  readonly #cells: Float64Array
  /** Our own by the server's shared pool, which stays the same over reloads. */
  #own: Map<IdlePool, OwnConnection> | null = null
  /** The connection in use is our own. */
  #usesOwn = false
  /** A server knows the client by its connection, so that requests should go where it is. */
  #isBound = false

  /** @param cells the worker's counters */
  constructor(cells: Float64Array) {
    this.#cells = cells
  }

  /**
   * Takes a connection, where there is one to use; the caller must set its handler at once.
   *
   * @param names what servers are asked for in TLS: a connection that has asked for another name is
   *   none to use
   */
  take(
    upstream: UpstreamServer,
    mode: HttpReuse,
    reuse: Reuse,
    names: ServerNames | null,
  ): Conn | undefined {
    this.#usesOwn = false
    if (reuse === 'new') return undefined
    const { idle, tls } = upstream
    const serverName = tls?.asksByExpression === true ? tls.nameFor(names) : undefined
    const own = this.#own?.get(idle)?.pool.pop(serverName)
    if (own !== undefined) {
      this.#usesOwn = true
      return own
    }
    if (isPrivate(upstream, mode)) return undefined
    if (reuse === 'later' || mode === 'always') return idle.pop(serverName)
    return mode === 'aggressive' ? idle.popProven(serverName) : undefined
  }

  /** As {@link take}, of connections that carry many requests at once, resting or not. */
  takeShared(
    upstream: UpstreamServer,
    mode: HttpReuse,
    reuse: Reuse,
    names: ServerNames | null,
  ): SharedConnection | undefined {
    const { idle, tls } = upstream
    const serverName = tls?.asksByExpression === true ? tls.nameFor(names) : undefined
    const own = this.#own?.get(idle)?.shared.find('always', reuse, serverName)
    if (own !== undefined || isPrivate(upstream, mode)) return own
    return idle.shared?.find(mode, reuse, serverName)
  }

  /** Says who may be given streams of a new connection. */
  place(upstream: UpstreamServer, mode: HttpReuse, connection: SharedConnection): void {
    const isOwn = isPrivate(upstream, mode)
    const shared = isOwn ? this.#ownOf(upstream).shared : upstream.idle.shared
    shared?.add(connection)
  }

  /** Nobody else is given streams of this connection from now on; those that others have go on. */
  bind(upstream: UpstreamServer, connection: SharedConnection): void {
    this.#isBound = true
    const { shared } = this.#ownOf(upstream)
    if (connection.home === shared) return
    connection.home?.remove(connection)
    shared.add(connection)
  }

  /**
   * Puts a connection to rest. It must have nothing outstanding in either direction.
   *
   * @param isProven it has served more than one request
   * @param isBound its server may take whoever uses it for this client
   */
  keep(
    upstream: UpstreamServer,
    mode: HttpReuse,
    conn: Conn,
    isProven: boolean,
    isBound: boolean,
  ): void {
    if (isBound) this.#isBound = true
    const isOwn = isBound || this.#usesOwn || isPrivate(upstream, mode)
    const pool = isOwn ? this.#ownOf(upstream).pool : upstream.idle
    pool.push(conn, isProven)
  }

  /**
   * The server among these that knows the client by its connection, or null. HAProxy prefers it in
   * the same way (`SESS_FL_PREFER_LAST`).
   */
  preferred(servers: UsableServers): UpstreamServer | null {
    if (!this.#isBound || this.#own === null) return null
    for (const [idle, { pool, shared, row }] of this.#own) {
      const server = pool.size + shared.size > 0 ? servers.usableAt(row) : null
      if (server !== null && server.idle === idle) return server
    }
    return null
  }

  /** Closes the client's own. */
  close(): void {
    for (const own of this.#own?.values() ?? []) closeOwn(own)
  }

  #ownOf({ idle, plan }: UpstreamServer): OwnConnection {
    this.#own ??= new Map()
    const known = this.#own.get(idle)
    if (known !== undefined) return known
    const [oldest] = this.#own
    if (oldest !== undefined && this.#own.size >= OWN_SERVERS_MAX) {
      const [key, own] = oldest
      closeOwn(own)
      this.#own.delete(key)
    }
    const { row } = plan
    const pool = new IdlePool(1, this.#cells, row)
    const own = { pool, shared: new SharedConnections(1, this.#cells, row), row }
    this.#own.set(idle, own)
    return own
  }
}

function closeOwn({ pool, shared }: OwnConnection): void {
  pool.close()
  shared.resize(0)
}

function isPrivate({ plan }: UpstreamServer, mode: HttpReuse): boolean {
  return plan.sendProxy !== null || mode === 'never'
}
