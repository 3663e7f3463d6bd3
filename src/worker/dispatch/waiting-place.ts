import type { UpstreamServer } from '../servers/upstream-server.ts'
import type { DispatchBackend } from './backend.ts'
import type { SessionQueue, SessionQueues, Waiter } from './session-queue.ts'

/** The place of one session in a line, and what is told of the lines that it has waited in. */
export class WaitingPlace {
  readonly #queues: SessionQueues
  readonly #waiter: Waiter
  #queue: SessionQueue | null = null
  /** The server that it waits for; null where it waits for any, or does not wait. */
  server: UpstreamServer | null = null
  /** Sessions that had been let in when it joined the line. */
  #servedBefore = 0
  /** Places in the lines of servers that it has left; see {@link positionAtServer}. */
  #leftAtServer = 0
  #leftAtBackend = 0

  constructor(queues: SessionQueues, waiter: Waiter) {
    this.#queues = queues
    this.#waiter = waiter
  }

  /** It waits in line. */
  get isTaken(): boolean {
    return this.#queue !== null
  }

  /**
   * Its place in the line of its server, as HAProxy logs it: 1, and one more for each session that
   * was let in while it waited; 0 where it has not waited. The sum, where it has several times.
   */
  get positionAtServer(): number {
    return this.#leftAtServer + (this.server === null ? 0 : this.#position(this.#queue))
  }

  /** The same in the line of the backend. */
  get positionAtBackend(): number {
    return this.#leftAtBackend + (this.server === null ? this.#position(this.#queue) : 0)
  }

  /** Forgets the session before, which has left. */
  forget(): void {
    this.#leftAtServer = 0
    this.#leftAtBackend = 0
  }

  /** Waits in the line of a backend, or of the one server that it belongs to. */
  take({ plan }: DispatchBackend, server: UpstreamServer | null): void {
    const queue = this.#queues.of(server?.plan.row ?? plan.row)
    this.#queue = queue
    this.server = server
    this.#servedBefore = queue.served
    queue.join(this.#waiter, plan.row)
  }

  /** Leaves the line, where it is in one. */
  leave(): void {
    const queue = this.#queue
    if (queue === null) return
    if (this.server === null) this.#leftAtBackend += this.#position(queue)
    else this.#leftAtServer += this.#position(queue)
    this.#queue = null
    this.server = null
    queue.leave(this.#waiter)
  }

  #position(queue: SessionQueue | null): number {
    return queue === null ? 0 : 1 + ((queue.served - this.#servedBefore) | 0)
  }
}
