import type { ServerTable } from '../model/server-table.ts'

/** A session that waits for a place at a server of its backend. */
export interface Waiter {
  /** Looks for a place, and leaves the queue once it has one; false while there is none. */
  tryEnter(): boolean
}

/**
 * The sessions of one worker that wait for a server of one backend. Together with the queues of
 * the other workers it is one line (`WaitingLines`): who comes first is served first, over all
 * threads. It holds at most the clients that the worker has.
 *
 * HAProxy configuration manual, maxconn of a server and timeout queue.
 */
export class SessionQueue {
  readonly #table: ServerTable
  readonly #worker: number
  readonly #row: number
  /** Their tickets, in the order in which they came. */
  readonly #waiting = new Map<Waiter, number>()
  #willServe = false

  /** @param row of the backend */
  constructor(table: ServerTable, worker: number, row: number) {
    this.#table = table
    this.#worker = worker
    this.#row = row
  }

  /** Sessions that are ahead of one that would join now, over all threads. */
  get length(): number {
    return this.#table.lines.length(this.#row)
  }

  /** Waits from now on; is served at once where there is room after all. */
  join(waiter: Waiter): void {
    this.#waiting.set(waiter, this.#table.lines.join(this.#worker, this.#row))
    if (this.#waiting.size === 1) this.#showFirst()
    this.#serve()
  }

  /** Waits no longer: it has a place, or gives up. */
  leave(waiter: Waiter): void {
    const [first] = this.#waiting.keys()
    if (!this.#waiting.delete(waiter)) return
    this.#table.lines.leave(this.#worker, this.#row)
    if (waiter === first) this.#showFirst()
  }

  /** There may be room: serves the line once the present callback has returned. */
  wake(): void {
    if (this.#willServe || this.length === 0) return
    this.#willServe = true
    queueMicrotask(() => {
      this.#willServe = false
      this.#serve()
    })
  }

  #serve(): void {
    const { lines } = this.#table
    for (;;) {
      const next = lines.nextWorker(this.#row)
      if (next !== this.#worker) {
        if (next >= 0) lines.ring(next)
        return
      }
      const [first] = this.#waiting.keys()
      if (first === undefined || !first.tryEnter()) return
    }
  }

  #showFirst(): void {
    const [ticket = 0] = this.#waiting.values()
    this.#table.lines.showFirst(this.#worker, this.#row, ticket)
  }
}

/** The queues of one worker, by the row of their backend: they outlive reloads. */
export class SessionQueues {
  readonly #table: ServerTable
  readonly #worker: number
  readonly #queues = new Map<number, SessionQueue>()

  constructor(table: ServerTable, worker: number) {
    this.#table = table
    this.#worker = worker
    table.lines.onRing(worker, () => {
      for (const queue of this.#queues.values()) queue.wake()
    })
  }

  /** The queue of a backend. */
  of(row: number): SessionQueue {
    let queue = this.#queues.get(row)
    if (queue === undefined) {
      queue = new SessionQueue(this.#table, this.#worker, row)
      this.#queues.set(row, queue)
    }
    return queue
  }
}
