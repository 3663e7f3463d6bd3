/**
 * Whether one ticket was taken before another of the same roll. Tickets wrap around; those that
 * wait at the same time are close together.
 */
export function isBefore(ticket: number, other: number): boolean {
  return ((ticket - other) | 0) < 0
}

/** Gives a region of shared memory, so many Int32 long. */
type Reserve = (ints: number) => Int32Array

/**
 * The lines in which sessions wait for a server, over all threads: one of each backend, for any of
 * its servers, and one of each server, for those that belong to it. Who comes first is served
 * first, in whichever thread it waits: a session takes a ticket, and each worker shows the lowest
 * one that waits in it. The lines of a backend and of its servers share one roll of tickets.
 *
 * Nobody is overlooked: who waits shows its ticket first and then looks for room, who makes room
 * gives it up first and then looks for tickets; both are atomic, so that one sees the other.
 */
export class WaitingLines {
  readonly #tickets: Int32Array
  readonly #lengths: Int32Array
  /** The most that have ever waited at once. */
  readonly #longest: Int32Array
  /** Sessions that were let in from a row's line, ever. */
  readonly #served: Int32Array
  /** Per worker and row: the lowest ticket that waits there, 0 for none. */
  readonly #firsts: readonly Int32Array[]
  /** Per worker: its tickets that show. */
  readonly #shown: Int32Array
  /** Per worker and row: its share of the length, to be given back when it dies. */
  readonly #held: readonly Int32Array[]
  readonly #bells: Int32Array

  constructor(workers: number, rows: number, reserve: Reserve) {
    this.#tickets = reserve(rows)
    this.#lengths = reserve(rows)
    this.#longest = reserve(rows)
    this.#served = reserve(rows)
    this.#firsts = Array.from({ length: workers }, () => reserve(rows))
    this.#held = Array.from({ length: workers }, () => reserve(rows))
    this.#shown = reserve(workers)
    this.#bells = reserve(workers)
  }

  /** Int32s that the constructor reserves. */
  static intsFor(workers: number, rows: number): number {
    return rows * (2 * workers + 4) + 2 * workers
  }

  /** Sessions that wait in a row's line, over all threads. */
  length(row: number): number {
    return Atomics.load(this.#lengths, row)
  }

  /** The most sessions that have waited in a row's line at once. */
  longest(row: number): number {
    return Atomics.load(this.#longest, row)
  }

  /** Sessions that were let in from a row's line, over all threads; wraps around. */
  served(row: number): number {
    return Atomics.load(this.#served, row)
  }

  /** A session was let in. */
  countServed(row: number): void {
    Atomics.add(this.#served, row, 1)
  }

  /**
   * Joins the line. Show the ticket with {@link showFirst} where it is the worker's lowest.
   *
   * @param roll row whose roll of tickets it takes one from: that of the backend
   */
  join(worker: number, row: number, roll = row): number {
    const held = this.#held[worker] as Int32Array
    held[row] = (held[row] as number) + 1
    const length = Atomics.add(this.#lengths, row, 1) + 1
    for (let seen = this.longest(row); seen < length; ) {
      const found = Atomics.compareExchange(this.#longest, row, seen, length)
      seen = found === seen ? length : found
    }
    const ticket = (Atomics.add(this.#tickets, roll, 1) + 1) | 0
    return ticket === 0 ? (Atomics.add(this.#tickets, roll, 1) + 1) | 0 : ticket
  }

  /** Leaves the line, served or not. */
  leave(worker: number, row: number): void {
    const held = this.#held[worker] as Int32Array
    held[row] = (held[row] as number) - 1
    Atomics.sub(this.#lengths, row, 1)
  }

  /** Shows the lowest ticket that waits in a worker; 0 for none. */
  showFirst(worker: number, row: number, ticket: number): void {
    const shown = Atomics.exchange(this.#firsts[worker] as Int32Array, row, ticket)
    if (shown === 0 && ticket !== 0) Atomics.add(this.#shown, worker, 1)
    else if (shown !== 0 && ticket === 0) Atomics.sub(this.#shown, worker, 1)
  }

  /** The worker in which the session waits that is to be served next, or -1. */
  nextWorker(row: number): number {
    let next = -1
    let lowest = 0
    for (let worker = 0; worker < this.#firsts.length; worker++) {
      const ticket = Atomics.load(this.#firsts[worker] as Int32Array, row)
      if (ticket === 0 || (next >= 0 && isBefore(lowest, ticket))) continue
      next = worker
      lowest = ticket
    }
    return next
  }

  /** The ticket of the session that is to be served next, or 0. */
  firstTicket(row: number): number {
    const worker = this.nextWorker(row)
    return worker < 0 ? 0 : Atomics.load(this.#firsts[worker] as Int32Array, row)
  }

  /** Forgets what has been of a line that is empty. */
  clear(row: number): void {
    Atomics.store(this.#longest, row, 0)
  }

  /** Makes a worker look at its lines. */
  ring(worker: number): void {
    Atomics.add(this.#bells, worker, 1)
    Atomics.notify(this.#bells, worker)
  }

  /**
   * Makes all workers look in which somebody waits. Whatever may free places other than one session
   * that leaves one comes here: a server is up, or has another weight or limit (`ServerTable`), a
   * worker has died with its sessions, a worker runs another plan.
   */
  ringAll(): void {
    for (let worker = 0; worker < this.#bells.length; worker++) {
      if (Atomics.load(this.#shown, worker) > 0) this.ring(worker)
    }
  }

  /** Calls back, from the event loop of this thread, whenever a worker has been rung for. */
  onRing(worker: number, callback: () => void): void {
    const seen = Atomics.load(this.#bells, worker)
    const { value } = Atomics.waitAsync(this.#bells, worker, seen)
    // Looking comes after listening, so that no ring falls between.
    void Promise.resolve(value).then(() => {
      this.onRing(worker, callback)
      callback()
    })
  }

  /** Empties the places of a dead worker. */
  reclaim(worker: number): void {
    const held = this.#held[worker] as Int32Array
    this.#firsts[worker]?.fill(0)
    Atomics.store(this.#shown, worker, 0)
    for (let row = 0; row < held.length; row++) {
      const waiting = held[row] as number
      if (waiting !== 0) Atomics.sub(this.#lengths, row, waiting)
      held[row] = 0
    }
    this.ringAll()
  }
}
