import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { Deadline, type DeadlineWheel } from '../../net/deadline-wheel.ts'
import type { RelayEnd, RelayOwner } from '../streams/tunnel.ts'
import type { Session } from './session.ts'

/** Timeouts of a relay, in milliseconds without a byte in either direction. */
export interface RelayTimeouts {
  /** While both sides are open. */
  readonly tunnelMs: number
  /** Who is then told to have been late. */
  readonly tunnelLate: 'client-late' | 'server-late'
  /** Once the server has sent its FIN, and the client is waited for. */
  readonly clientFinMs: number
  /** Once the client has sent its FIN, and the server is waited for. */
  readonly serverFinMs: number
}

/**
 * Carries bytes both ways between a client and a server until both have finished: `mode tcp`, and
 * what an HTTP upgrade turns into. A side that reads slowly stops the other from being read, so
 * that at most one read and one write buffer are in memory for each direction. A FIN is passed on
 * as a FIN: each direction ends by itself.
 */
export class Relay implements ConnHandler, Session {
  readonly #client: Conn
  readonly #server: Conn
  readonly #owner: RelayOwner
  readonly #wheel: DeadlineWheel
  readonly #timeouts: RelayTimeouts
  readonly #deadline: Deadline
  #idleMs: number
  #late: RelayEnd
  #open = 2
  #end: RelayEnd = 'finished'

  /** Takes over both connections, which must be established and reading. */
  constructor(
    client: Conn,
    server: Conn,
    timeouts: RelayTimeouts,
    owner: RelayOwner,
    wheel: DeadlineWheel,
  ) {
    this.#client = client
    this.#server = server
    this.#owner = owner
    this.#wheel = wheel
    this.#timeouts = timeouts
    this.#idleMs = timeouts.tunnelMs
    this.#late = timeouts.tunnelLate
    this.#deadline = new Deadline(() => this.#cutShort(this.#late))
    client.handler = this
    server.handler = this
    this.#touch()
  }

  /** A relay of unknown length is left to finish by itself until the grace is over. */
  drain(): void {}

  /** Ends both sides at once, as when the grace of a drain is over. */
  cut(): void {
    this.#cutShort('cut')
  }

  onConnect(): void {}

  onData(conn: Conn, view: ByteView, length: number): void {
    this.#touch()
    const fromClient = conn === this.#client
    if (fromClient) this.#owner.onUpstreamBytes(length)
    else this.#owner.onDownstreamBytes(length)
    const other = fromClient ? this.#server : this.#client
    const data = length === view.length ? view : view.subarray(0, length)
    if (!other.write(data)) conn.pause()
  }

  onDrain(conn: Conn): void {
    this.#touch()
    this.#otherOf(conn).resume()
  }

  onEnd(conn: Conn): void {
    const { clientFinMs, serverFinMs } = this.#timeouts
    const isClient = conn === this.#client
    this.#idleMs = isClient ? serverFinMs : clientFinMs
    this.#late = isClient ? 'server-late' : 'client-late'
    this.#touch()
    this.#otherOf(conn).end()
  }

  onClose(conn: Conn, failure: ConnFailure | null): void {
    this.#open--
    if (this.#open === 0) {
      this.#wheel.cancel(this.#deadline)
      this.#owner.onRelayEnd(failure === null ? this.#end : this.#endedBy(conn))
      return
    }
    if (failure === null) return
    this.#end = this.#endedBy(conn)
    const { clientFinMs, serverFinMs } = this.#timeouts
    this.#idleMs = conn === this.#client ? serverFinMs : clientFinMs
    this.#touch()
    // What had come is delivered; then the other must not take a broken stream for a finished one.
    this.#otherOf(conn).breakOff()
  }

  /** How the relay ends if it has not been decided before that one side broke off. */
  #endedBy(conn: Conn): RelayEnd {
    if (this.#end !== 'finished') return this.#end
    return conn === this.#client ? 'client-aborted' : 'server-aborted'
  }

  #otherOf(conn: Conn): Conn {
    return conn === this.#client ? this.#server : this.#client
  }

  #touch(): void {
    this.#wheel.scheduleIn(this.#deadline, this.#idleMs)
  }

  #cutShort(end: RelayEnd): void {
    if (this.#end === 'finished') this.#end = end
    this.#client.destroy()
    this.#server.destroy()
  }
}
