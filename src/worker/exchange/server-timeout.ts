import { Deadline, type DeadlineWheel } from '../../net/deadline-wheel.ts'

/** Told once `timeout server` has passed. */
export interface TimeoutOwner {
  /** It is the client's turn: the server waits for it. */
  readonly isClientAwaited: boolean
  onServerTimeout(): void
}

/**
 * `timeout server`: how long a server may take nothing and send nothing. It is not held against
 * the server that its client has not finished the request, or does not read the response: for
 * those `timeout client` is.
 */
export class ServerTimeout {
  readonly #wheel: DeadlineWheel
  readonly #deadline: Deadline
  #timeoutMs = 0

  constructor(wheel: DeadlineWheel, owner: TimeoutOwner) {
    this.#wheel = wheel
    this.#deadline = new Deadline(() => {
      if (owner.isClientAwaited) this.restart()
      else owner.onServerTimeout()
    })
  }

  /** Waits for a server from now on. */
  start(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs
    this.restart()
  }

  /** Something went to the server or came from it. */
  restart(): void {
    this.#wheel.scheduleIn(this.#deadline, this.#timeoutMs)
  }

  /** No server is waited for. */
  stop(): void {
    this.#wheel.cancel(this.#deadline)
  }
}
