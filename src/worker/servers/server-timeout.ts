import { Deadline } from '../../net/deadline-wheel.ts'
import type { HttpRequest } from '../exchange/http-request.ts'
import type { HttpResponse } from '../exchange/http-response.ts'
import type { Services } from '../services.ts'

/** Told once `timeout server` has passed. */
export interface TimeoutOwner {
  onServerTimeout(): void
}

/**
 * `timeout server`: how long a server may take nothing and send nothing. It is not held against
 * the server that its client has not finished the request, or does not read the response: for
 * those `timeout client` is.
 */
export class ServerTimeout {
  readonly #services: Services
  readonly #request: HttpRequest
  readonly #response: HttpResponse
  readonly #deadline: Deadline
  #timeoutMs = 0

  constructor(
    services: Services,
    request: HttpRequest,
    response: HttpResponse,
    owner: TimeoutOwner,
  ) {
    this.#services = services
    this.#request = request
    this.#response = response
    this.#deadline = new Deadline(() => {
      if (this.#waitsForClient()) this.restart()
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
    this.#services.wheel.scheduleIn(this.#deadline, this.#timeoutMs)
  }

  /** No server is waited for. */
  stop(): void {
    this.#services.wheel.cancel(this.#deadline)
  }

  #waitsForClient(): boolean {
    const { started, blocked } = this.#response
    return blocked || (!started && this.#request.isAwaited)
  }
}
