import { COUNTER, COUNTER_STRIDE } from '../../../memory/counters.ts'
import type { HttpReuse } from '../../../model/config.ts'
import type { Reuse } from './reuse.ts'
import type { SharedConnection, SharedHome } from './shared-connection.ts'

/** How many are looked at for one with room. */
const LOOKED_AT_MAX = 256

/**
 * The connections to one server that carry many requests at once, those in use and those that rest.
 * What rests is bounded and closed in time as {@link IdlePool} does it with connections that carry
 * one at a time.
 */
export class SharedConnections implements SharedHome {
  /** In the order in which they were opened. */
  readonly #connections: SharedConnection[] = []
  readonly #cells: Float64Array
  readonly #gauge: number
  #restingMax: number
  #resting = 0
  /** The fewest that rested at one moment since the last purge. */
  #surplus = 0

  /**
   * @param restingMax connections without a stream that are kept
   * @param cells the worker's counters, for the gauge `idleConnections`
   * @param row the server's row
   */
  constructor(restingMax: number, cells: Float64Array, row: number) {
    this.#restingMax = restingMax
    this.#cells = cells
    this.#gauge = row * COUNTER_STRIDE + COUNTER.idleConnections
  }

  /** How many there are, in use or not. */
  get size(): number {
    return this.#connections.length
  }

  /** How many carry nothing. */
  get resting(): number {
    return this.#resting
  }

  /**
   * A connection with room for another stream: one in use first, so that they stay few. As with
   * HAProxy, one on which no response has come yet is for others with `http-reuse always` alone, and
   * one that rests is not for the first request of a client with `safe`.
   *
   * @param serverName what it must have asked for in TLS; default: any is as good
   */
  find(mode: HttpReuse, reuse: Reuse, serverName?: string | null): SharedConnection | undefined {
    if (reuse === 'new') return undefined
    let resting: SharedConnection | undefined
    const looked = Math.min(this.#connections.length, LOOKED_AT_MAX)
    for (let n = 0; n < looked; n++) {
      const connection = this.#connections[n] as SharedConnection
      if (!connection.hasRoom || !connection.isTo(serverName)) continue
      const isForAll = mode === 'always' || connection.isProven
      if (connection.streams > 0) {
        if (isForAll) return connection
      } else if (reuse === 'later' || (isForAll && mode !== 'safe')) resting = connection
    }
    return resting
  }

  /** A connection has come about, or was another's. */
  add(connection: SharedConnection): void {
    this.#connections.push(connection)
    connection.home = this
  }

  /** It takes no further streams. */
  remove(connection: SharedConnection): void {
    const index = this.#connections.indexOf(connection)
    if (index < 0) return
    this.#connections.splice(index, 1)
    connection.home = null
    this.woken(connection)
  }

  /** Its last stream is over. */
  rested(connection: SharedConnection): void {
    if (connection.isResting) return
    connection.isResting = true
    this.#count(1)
    if (this.#resting <= this.#restingMax) return
    this.#closeOldest()
  }

  /** It has a stream again, or rests here no more. */
  woken(connection: SharedConnection): void {
    if (!connection.isResting) return
    connection.isResting = false
    this.#count(-1)
  }

  /** A reload may change how many are kept. */
  resize(restingMax: number): void {
    this.#restingMax = restingMax
    while (this.#resting > restingMax && this.#closeOldest());
  }

  /** Closes half of those that nobody needed since the last time. */
  purge(): void {
    let left = Math.ceil(this.#surplus / 2)
    while (left-- > 0 && this.#closeOldest());
    this.#surplus = this.#resting
  }

  /** Closes all that rest. */
  drop(): void {
    while (this.#closeOldest());
  }

  /** Resets all that rest, so that their local ports are free at once. @returns how many */
  freePorts(): number {
    const resting = this.#connections.filter(({ isResting }) => isResting)
    for (const connection of resting) connection.reset()
    return resting.length
  }

  #closeOldest(): boolean {
    const oldest = this.#oldestResting()
    oldest?.close()
    return oldest !== undefined
  }

  #oldestResting(): SharedConnection | undefined {
    return this.#connections.find(({ isResting }) => isResting)
  }

  #count(delta: 1 | -1): void {
    this.#resting += delta
    this.#cells[this.#gauge] = (this.#cells[this.#gauge] as number) + delta
    if (this.#resting < this.#surplus) this.#surplus = this.#resting
  }
}
