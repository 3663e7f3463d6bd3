import type { FrontendTimeouts } from '../../model/config.ts'
import type { Conn, ConnHandler } from '../../net/conn.ts'
import { Deadline, type DeadlineWheel } from '../../net/deadline-wheel.ts'
import type { Session } from './session.ts'

/**
 * How long a client that has nothing more to send may be silent before it closes. Closing at once
 * could reset the answer away before it is read (RFC 9112 section 9.6); nginx waits 5 seconds
 * (`lingering_timeout`).
 */
const SILENCE_MS = 2000

/**
 * A client connection that has been given its last answer, or was given up, until it is gone. What
 * still comes is read and dropped: a client that sends all of its request before it reads would
 * else never see an answer that was given early.
 *
 * How long that may take: the answer may stay unread for `timeout client`; once it has left, the
 * client may be silent for so long while it owes the rest of its request, and has `timeout
 * client-fin` in all. nginx bounds both as well (`lingering_timeout`, `lingering_time`).
 */
export class Lingering implements ConnHandler, Session {
  readonly #client: Conn
  readonly #wheel: DeadlineWheel
  readonly #timeouts: FrontendTimeouts
  readonly #deadline: Deadline
  readonly #onGone: () => void
  #silenceMs = SILENCE_MS
  /** What was queued when it was last looked at; -1 before. */
  #queuedBytes = -1
  /** When the client's time is up; -1 while the answer has not left. */
  #endMs = -1

  /** @param onGone called once, when the connection is closed */
  constructor(client: Conn, wheel: DeadlineWheel, timeouts: FrontendTimeouts, onGone: () => void) {
    this.#client = client
    this.#wheel = wheel
    this.#timeouts = timeouts
    this.#deadline = new Deadline(() => this.#look())
    this.#onGone = onGone
    client.handler = this
  }

  /**
   * Ends our side behind what is written.
   *
   * @param isEarly the client has not sent all of its request
   */
  begin(isEarly: boolean): void {
    if (isEarly) this.#silenceMs = this.#timeouts.clientMs
    this.#client.end()
    this.#look()
  }

  /** What is written of an answer that was cut is delivered; the client is told that it was cut. */
  breakOff(): void {
    this.#silenceMs = this.#timeouts.clientMs
    this.#client.breakOff()
    this.#look()
  }

  /** It ends by itself. */
  drain(): void {}

  cut(): void {
    this.#client.destroy()
  }

  onConnect(): void {}

  onData(): void {
    if (this.#endMs >= 0) this.#expectMore()
  }

  onDrain(): void {}

  onEnd(): void {}

  onClose(): void {
    this.#wheel.cancel(this.#deadline)
    this.#onGone()
  }

  #look(): void {
    const { queuedBytes } = this.#client
    if (queuedBytes > 0 && queuedBytes !== this.#queuedBytes) {
      this.#queuedBytes = queuedBytes
      this.#wheel.scheduleIn(this.#deadline, this.#timeouts.clientMs)
    } else if (queuedBytes > 0) {
      // With a FIN alone the kernel would keep what the client does not read.
      this.#client.reset()
    } else if (this.#endMs >= 0) {
      this.#client.destroy()
    } else {
      this.#endMs = this.#wheel.nowMs + this.#timeouts.clientFinMs
      this.#expectMore()
    }
  }

  #expectMore(): void {
    const leftMs = Math.max(0, this.#endMs - this.#wheel.nowMs)
    this.#wheel.scheduleIn(this.#deadline, Math.min(this.#silenceMs, leftMs))
  }
}
