import type { FrontendTimeouts } from '../model/config.ts'
import type { Conn, ConnHandler } from '../net/conn.ts'
import { Deadline } from '../net/deadline-wheel.ts'
import { type Services, scheduleIn } from './services.ts'
import type { Session } from './session-registry.ts'

/**
 * How long a client may take to close once it was sent an answer that closes; what it sends
 * meanwhile is dropped. Closing at once could reset the answer away before it is read (RFC 9112
 * section 9.6); nginx waits up to 5 seconds.
 */
const LINGER_MS = 2000

/** A client connection that has been given its last answer, or was given up, until it is gone. */
export class Lingering implements ConnHandler, Session {
  readonly #client: Conn
  readonly #services: Services
  readonly #deadline: Deadline
  readonly #onGone: () => void
  #timeouts: FrontendTimeouts | null = null
  /** What was queued when it was last looked at; -1 before. */
  #queuedBytes = -1

  /** @param onGone called once, when the connection is closed */
  constructor(client: Conn, services: Services, onGone: () => void) {
    this.#client = client
    this.#services = services
    this.#deadline = new Deadline(() => this.#look())
    this.#onGone = onGone
    client.handler = this
  }

  /** Ends our side; the client may still be sending, and must be read to get the answer. */
  begin(timeouts: FrontendTimeouts): void {
    this.#timeouts = timeouts
    this.#client.end()
    this.#look()
  }

  drain(): void {}

  cut(): void {
    this.#client.destroy()
  }

  onConnect(): void {}

  onData(): void {}

  onDrain(): void {}

  onEnd(): void {}

  onClose(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.#onGone()
  }

  /** The rest of the answer must leave before the wait for the client to close begins. */
  #look(): void {
    const { queuedBytes } = this.#client
    const isStuck = queuedBytes > 0 && queuedBytes === this.#queuedBytes
    if (isStuck || (queuedBytes === 0 && this.#queuedBytes === 0)) {
      this.#client.destroy()
      return
    }
    this.#queuedBytes = queuedBytes
    const { clientMs, clientFinMs } = this.#timeouts as FrontendTimeouts
    scheduleIn(
      this.#services,
      this.#deadline,
      queuedBytes > 0 ? clientMs : Math.min(LINGER_MS, clientFinMs),
    )
  }
}
