import { COUNTER, COUNTER_STRIDE } from '../../../memory/counters.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../../net/conn.ts'
import type { SharedConnections } from './shared-connections.ts'

/** How many are looked at, the newest first, for one that has asked for a name. */
const LOOKED_AT_MAX = 256

/**
 * Open connections to one server that wait for the next request, newest on top: the newest is the
 * least likely to be closed by the server just now, and the oldest may be purged. Connections that
 * have served more than one request, which proves that the server keeps them, rest apart.
 *
 * While a connection rests here the pool is its handler: whatever the server sends or closes
 * meanwhile takes it out, so that nobody is given a connection that is known to be dead.
 */
export class IdlePool implements ConnHandler {
  /**
   * Connections to the same server that carry many requests at once, under the same bound; null: it
   * speaks no HTTP/2.
   */
  shared: SharedConnections | null = null
  readonly #proven: Conn[] = []
  readonly #unproven: Conn[] = []
  readonly #cells: Float64Array
  readonly #gauge: number
  #sizeMax: number
  /** The fewest that rested at one moment since the last purge: so many were not needed. */
  #surplus = 0
  #purgedMs = 0

  /**
   * @param sizeMax connections kept; more push out the oldest
   * @param cells the worker's counters, for the gauge `idleConnections`
   * @param row the server's row
   */
  constructor(sizeMax: number, cells: Float64Array, row: number) {
    this.#sizeMax = sizeMax
    this.#cells = cells
    this.#gauge = row * COUNTER_STRIDE + COUNTER.idleConnections
  }

  get size(): number {
    return this.#proven.length + this.#unproven.length
  }

  /** A reload may change how many are kept. */
  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax
    while (this.size > sizeMax) this.#evictOldest()
    this.shared?.resize(sizeMax)
  }

  /**
   * Puts a connection to rest. It must have nothing outstanding in either direction.
   *
   * @param isProven it has served more than one request
   */
  push(conn: Conn, isProven: boolean): void {
    conn.handler = this
    if (this.#sizeMax === 0) {
      conn.destroy()
      return
    }
    if (this.size >= this.#sizeMax) this.#evictOldest()
    if (isProven) this.#proven.push(conn)
    else this.#unproven.push(conn)
    this.#count(1)
  }

  /**
   * Takes a connection, a proven one first; the caller must set its handler at once.
   *
   * @param serverName what it must have asked for in TLS (`sni`); null: nothing. Default: any is as
   *   good
   */
  pop(serverName?: string | null): Conn | undefined {
    return this.popProven(serverName) ?? this.#popFrom(this.#unproven, serverName)
  }

  /** Takes a connection that has served more than one request, as {@link pop} does. */
  popProven(serverName?: string | null): Conn | undefined {
    return this.#popFrom(this.#proven, serverName)
  }

  /**
   * Each time the delay has passed, closes half of the connections that nobody needed meanwhile.
   *
   * HAProxy configuration manual, pool-purge-delay.
   */
  purge(nowMs: number, delayMs: number): void {
    if (nowMs - this.#purgedMs < delayMs) return
    this.#purgedMs = nowMs
    for (let left = Math.ceil(this.#surplus / 2); left > 0; left--) this.#evictOldest()
    this.#surplus = this.size
    this.shared?.purge()
  }

  /** Closes all; later ones are kept again. */
  drop(): void {
    while (this.size > 0) this.#evictOldest()
    this.shared?.drop()
  }

  /**
   * Resets all, so that the local port of each is free at once: one that is closed in order keeps it
   * for a minute (TIME_WAIT). Later ones are kept again.
   *
   * @returns how many there were
   */
  freePorts(): number {
    const { size } = this
    for (let conn = this.pop(); conn !== undefined; conn = this.pop()) conn.reset()
    return size + (this.shared?.freePorts() ?? 0)
  }

  /** The server is removed: closes all, and what sessions that still use it put to rest later. */
  close(): void {
    this.resize(0)
  }

  onConnect(): void {}

  /** Bytes that answer no request: the connection is out of step and cannot be used again. */
  onData(conn: Conn, _view: ByteView, _length: number): void {
    this.#remove(conn)
    conn.destroy()
  }

  onDrain(): void {}

  onEnd(conn: Conn): void {
    this.#remove(conn)
    conn.destroy()
  }

  onClose(conn: Conn, _failure: ConnFailure | null): void {
    this.#remove(conn)
  }

  #popFrom(conns: Conn[], serverName?: string | null): Conn | undefined {
    const conn = serverName === undefined ? conns.pop() : newestTo(conns, serverName)
    if (conn !== undefined) this.#count(-1)
    return conn
  }

  #evictOldest(): void {
    const conn = this.#unproven.shift() ?? this.#proven.shift()
    if (conn === undefined) return
    this.#count(-1)
    conn.destroy()
  }

  #remove(conn: Conn): void {
    for (const conns of [this.#proven, this.#unproven]) {
      const index = conns.indexOf(conn)
      if (index < 0) continue
      conns.splice(index, 1)
      this.#count(-1)
    }
  }

  #count(delta: 1 | -1): void {
    this.#cells[this.#gauge] = (this.#cells[this.#gauge] as number) + delta
    if (this.size < this.#surplus) this.#surplus = this.size
  }
}

/** Takes out the newest that has asked for a name. */
function newestTo(conns: Conn[], serverName: string | null): Conn | undefined {
  const last = Math.max(0, conns.length - LOOKED_AT_MAX)
  for (let i = conns.length - 1; i >= last; i--) {
    if (conns[i]?.tls?.serverName === serverName) return conns.splice(i, 1)[0]
  }
  return undefined
}
