import type { UpstreamServer } from '../upstream/server-pool.ts'
import type { SessionQueue, Waiter } from '../upstream/session-queue.ts'
import type { BackendRuntime } from './runtime.ts'
import type { Services } from './services.ts'

/** The place of one session in a line, and what is told of the lines that it has waited in. */
export class WaitingPlace {
  readonly #services: Services
  readonly #waiter: Waiter
  #queue: SessionQueue | null = null
  #sinceMs = 0
  /** The server that it waits for; null where it waits for any, or does not wait. */
  server: UpstreamServer | null = null
  /** Time spent waiting, in milliseconds. */
  queuedMs = 0
  /** Sessions that were ahead in the line of its server, when that was last joined. */
  behindAtServer = 0
  /** The same in the line of the backend. */
  behindAtBackend = 0

  constructor(services: Services, waiter: Waiter) {
    this.#services = services
    this.#waiter = waiter
  }

  /** It waits in line. */
  get isTaken(): boolean {
    return this.#queue !== null
  }

  /** Forgets the session before, which has left. */
  forget(): void {
    this.queuedMs = 0
    this.behindAtServer = 0
    this.behindAtBackend = 0
  }

  /** Waits in the line of a backend, or of the one server that it belongs to. */
  take({ plan }: BackendRuntime, server: UpstreamServer | null): void {
    const queue = this.#services.queues.of(server?.plan.row ?? plan.row)
    this.#queue = queue
    this.server = server
    this.#sinceMs = this.#services.clock()
    if (server === null) this.behindAtBackend = queue.length
    else this.behindAtServer = queue.length
    queue.join(this.#waiter, plan.row)
  }

  /** Leaves the line, where it is in one. */
  leave(): void {
    const queue = this.#queue
    if (queue === null) return
    this.#queue = null
    this.server = null
    this.queuedMs += this.#services.clock() - this.#sinceMs
    queue.leave(this.#waiter)
  }
}
