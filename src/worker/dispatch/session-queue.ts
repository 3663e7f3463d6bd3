import type { ServerTable } from '../../memory/server-table.ts'
import { isBefore } from '../../memory/waiting-lines.ts'

/** A session that waits for a place at a server. */
export interface Waiter {
  /**
   * Looks for a place, and leaves the queue once it has one, or no longer waits for it; false while
   * there is none.
   *
   * @param ticket which says how long it has waited
   */
  tryEnter(ticket: number): boolean
}

/**
 * The sessions of one worker that wait in one line: for any server of a backend, or for the one
 * that they belong to. Together with the queues of
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
  /** Who is next in line in another thread is to be told. */
  #willTell = false
  #isServing = false

  /** @param row of the backend, or of the server */
  constructor(table: ServerTable, worker: number, row: number) {
    this.#table = table
    this.#worker = worker
    this.#row = row
  }

  /** Sessions that are ahead of one that would join now, over all threads. */
  get length(): number {
    return this.#table.lines.length(this.#row)
  }

  /** Sessions that were let in so far, over all threads; wraps around. */
  get served(): number {
    return this.#table.lines.served(this.#row)
  }

  /**
   * Waits from now on; is served at once where there is room after all.
   *
   * @param backendRow the row itself in the line of a backend
   */
  join(waiter: Waiter, backendRow = this.#row): void {
    this.#waiting.set(waiter, this.#table.lines.join(this.#worker, this.#row, backendRow))
    if (this.#waiting.size === 1) this.#showFirst()
    this.#serve(true)
  }

  /** Waits no longer: it has a place, or gives up. */
  leave(waiter: Waiter): void {
    const [first] = this.#waiting.keys()
    if (!this.#waiting.delete(waiter)) return
    this.#table.lines.leave(this.#worker, this.#row)
    if (waiter !== first) return
    this.#showFirst()
    // It may have been told of room that is now for the next.
    if (!this.#isServing) this.wake()
  }

  /**
   * There may be room: serves the line once the present callback has returned.
   *
   * @param isRung another thread has told. It knew who was next, so that nobody is told in turn:
   *   threads whose lines have their first in each other would never come to an end
   */
  wake(isRung = false): void {
    if (this.length === 0) return
    if (!isRung) this.#willTell = true
    if (this.#willServe) return
    this.#willServe = true
    queueMicrotask(() => {
      this.#willServe = false
      const tells = this.#willTell
      this.#willTell = false
      this.#serve(tells)
    })
  }

  /** @param tells whether who is next in line in another thread is told, where nobody is served */
  #serve(tells: boolean): void {
    const { lines } = this.#table
    for (let isMoving = tells; ; isMoving = true) {
      const next = lines.nextWorker(this.#row)
      if (next !== this.#worker) {
        if (next >= 0 && isMoving) lines.ring(next)
        return
      }
      const [first] = this.#waiting
      if (first === undefined || !this.#letIn(...first)) return
    }
  }

  #letIn(waiter: Waiter, ticket: number): boolean {
    this.#isServing = true
    const isServed = waiter.tryEnter(ticket)
    this.#isServing = false
    if (isServed) this.#table.lines.countServed(this.#row)
    return isServed
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
    table.lines.onRing(worker, () => this.hear())
  }

  /** Another thread has rung: there may be room for who waits here. */
  hear(): void {
    for (const queue of this.#queues.values()) queue.wake(true)
  }

  /** The queue of a backend, or of a server. */
  of(row: number): SessionQueue {
    let queue = this.#queues.get(row)
    if (queue === undefined) {
      queue = new SessionQueue(this.#table, this.#worker, row)
      this.#queues.set(row, queue)
    }
    return queue
  }

  /**
   * There may be room at a server: serves who waits for it alone and who waits for any server of
   * its backend, the older of the two first in line before the other.
   */
  wake(serverRow: number, backendRow: number): void {
    const { lines } = this.#table
    const own = lines.length(serverRow) === 0 ? 0 : lines.firstTicket(serverRow)
    if (own === 0) {
      // Most often nobody waits, and every session that ends asks.
      if (lines.length(backendRow) > 0) this.of(backendRow).wake()
      return
    }
    const any = lines.firstTicket(backendRow)
    const isOwnFirst = any === 0 || isBefore(own, any)
    this.of(isOwnFirst ? serverRow : backendRow).wake()
    this.of(isOwnFirst ? backendRow : serverRow).wake()
  }
}
