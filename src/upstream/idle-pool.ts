import { COUNTER, COUNTER_STRIDE } from '../model/counters.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../net/conn.ts'

/**
 * Open connections to one server that wait for the next request, newest on top: the newest is the
 * least likely to be closed by the server just now, and the oldest may age out.
 *
 * While a connection rests here the pool is its handler: whatever the server sends or closes
 * meanwhile takes it out, so that nobody is given a connection that is known to be dead.
 */
export class IdlePool implements ConnHandler {
  readonly #conns: Conn[] = []
  readonly #sinceMs: number[] = []
  readonly #cells: Float64Array
  readonly #gauge: number
  #sizeMax: number

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
    return this.#conns.length
  }

  /** A reload may change how many are kept; what is over it ages out. */
  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax
  }

  /** Puts a connection to rest. It must have nothing outstanding in either direction. */
  push(conn: Conn, nowMs: number): void {
    if (this.#sizeMax === 0) {
      conn.handler = this
      conn.destroy()
      return
    }
    if (this.#conns.length >= this.#sizeMax) this.#evictOldest()
    conn.handler = this
    this.#conns.push(conn)
    this.#sinceMs.push(nowMs)
    this.#count(1)
  }

  /** Takes the newest connection; the caller must set its handler at once. */
  pop(): Conn | undefined {
    const conn = this.#conns.pop()
    if (conn === undefined) return undefined
    this.#sinceMs.pop()
    this.#count(-1)
    return conn
  }

  /** Closes the connections that have rested since before a moment. */
  expire(beforeMs: number): void {
    while ((this.#sinceMs[0] ?? beforeMs) < beforeMs) this.#evictOldest()
  }

  /** The server is removed: closes all, and what sessions that still use it put to rest later. */
  close(): void {
    this.#sizeMax = 0
    while (this.#conns.length > 0) this.#evictOldest()
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

  #evictOldest(): void {
    const conn = this.#conns.shift()
    this.#sinceMs.shift()
    if (conn === undefined) return
    this.#count(-1)
    conn.destroy()
  }

  #remove(conn: Conn): void {
    const index = this.#conns.indexOf(conn)
    if (index < 0) return
    this.#conns.splice(index, 1)
    this.#sinceMs.splice(index, 1)
    this.#count(-1)
  }

  #count(delta: 1 | -1): void {
    this.#cells[this.#gauge] = (this.#cells[this.#gauge] as number) + delta
  }
}
