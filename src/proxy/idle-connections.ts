import type { HttpReuse } from '../model/config.ts'
import type { Conn } from '../net/conn.ts'
import { IdlePool } from '../upstream/idle-pool.ts'
import type { UpstreamServer } from '../upstream/server-pool.ts'

/**
 * Servers to which a session keeps a connection of its own. HAProxy's default of
 * `max-session-srv-conns`.
 */
const OWN_SERVERS_MAX = 5

/**
 * What a session can be carried by: `new`, a connection that nobody has used; `first`, an idle one,
 * but this is the first request of its client; `later`, an idle one.
 */
export type Reuse = 'new' | 'first' | 'later'

/**
 * The idle server connections that one client connection has access to: those that all share, as
 * `http-reuse` allows, and its own, where sharing is off or where a PROXY protocol header has told
 * the server who the client is.
 */
export class IdleConnections {
  readonly #cells: Float64Array
  /** Our own by the server's shared pool, which stays the same over reloads. */
  #own: Map<IdlePool, IdlePool> | null = null

  /** @param cells the worker's counters */
  constructor(cells: Float64Array) {
    this.#cells = cells
  }

  /** Takes a connection, where there is one to use; the caller must set its handler at once. */
  take(upstream: UpstreamServer, mode: HttpReuse, reuse: Reuse): Conn | undefined {
    if (reuse === 'new') return undefined
    const { idle } = upstream
    if (isPrivate(upstream, mode)) return this.#own?.get(idle)?.pop()
    if (reuse === 'later' || mode === 'always') return idle.pop()
    return mode === 'aggressive' ? idle.popProven() : undefined
  }

  /**
   * Puts a connection to rest. It must have nothing outstanding in either direction.
   *
   * @param isProven it has served more than one request
   */
  keep(upstream: UpstreamServer, mode: HttpReuse, conn: Conn, isProven: boolean): void {
    const pool = isPrivate(upstream, mode) ? this.#ownPool(upstream) : upstream.idle
    pool.push(conn, isProven)
  }

  /** Closes the client's own. */
  close(): void {
    for (const pool of this.#own?.values() ?? []) pool.close()
  }

  #ownPool({ idle, plan }: UpstreamServer): IdlePool {
    this.#own ??= new Map()
    const known = this.#own.get(idle)
    if (known !== undefined) return known
    const [oldest] = this.#own
    if (oldest !== undefined && this.#own.size >= OWN_SERVERS_MAX) {
      const [key, pool] = oldest
      pool.close()
      this.#own.delete(key)
    }
    const pool = new IdlePool(1, this.#cells, plan.row)
    this.#own.set(idle, pool)
    return pool
  }
}

function isPrivate({ plan }: UpstreamServer, mode: HttpReuse): boolean {
  return plan.sendProxy !== null || mode === 'never'
}
