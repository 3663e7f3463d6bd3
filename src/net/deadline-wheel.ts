/** Milliseconds that one slot of the wheel stands for. */
export const WHEEL_TICK_MS = 50

/**
 * Slots of the wheel. A deadline further away than `WHEEL_SLOTS * WHEEL_TICK_MS` (51 seconds) rests
 * in the farthest slot and is moved on when that slot comes round.
 */
export const WHEEL_SLOTS = 1024

/** Marks a deadline that is in no slot. */
const UNSCHEDULED = -1

/**
 * A moment at which something is to happen, for one {@link DeadlineWheel}. Made once for each
 * owner (a session) and scheduled again and again: it is itself the list node, so that scheduling
 * allocates nothing.
 */
export class Deadline {
  /** When it is due, on the clock that the wheel is advanced by. Written by the wheel only. */
  atMs = Number.POSITIVE_INFINITY
  /** The tick at which the wheel looks at it next, at or before its own. Written by the wheel only. */
  tick = UNSCHEDULED
  /** Neighbours in the slot's ring. Written by the wheel only. */
  next: Deadline = this
  previous: Deadline = this
  readonly onDeadline: () => void

  /** @param onDeadline called once for each schedule that comes due, from within `advance` */
  constructor(onDeadline: () => void) {
    this.onDeadline = onDeadline
  }
}

/**
 * Timeouts of thousands of connections that each move with every request: a hashed timing wheel
 * (Varghese and Lauck, scheme 6) with lazy moves. Putting a deadline off writes one field, since
 * the wheel finds the later moment when it reaches the earlier slot; bringing it forward relinks.
 *
 * The wheel has no clock of its own. A deadline fires in the first `advance` at or after its
 * moment, never before: an owner who advances every {@link WHEEL_TICK_MS} is at most so late.
 * Deadlines that come due in one `advance` fire in no particular order.
 */
export class DeadlineWheel {
  readonly #slots: readonly Deadline[] = Array.from({ length: WHEEL_SLOTS }, ringHead)
  readonly #due = ringHead()
  #nowMs: number
  /** Invariant: a scheduled deadline is looked at in [#tick, #tick + WHEEL_SLOTS). */
  #tick: number

  /** @param nowMs the clock's present, in milliseconds */
  constructor(nowMs: number) {
    this.#nowMs = nowMs
    this.#tick = tickOf(nowMs)
  }

  /**
   * The moment that the wheel was told last: a clock that costs nothing and lags by at most the pace
   * at which it is told. In a worker it is the time that the thread has run, not that of day.
   */
  get nowMs(): number {
    return this.#nowMs
  }

  /**
   * Sets when a deadline is due, whether or not it was scheduled before. A moment that has passed
   * fires in the next `advance`.
   *
   * @param atMs on the clock that the wheel is advanced by
   */
  schedule(deadline: Deadline, atMs: number): void {
    deadline.atMs = atMs
    const tick = tickOf(atMs)
    if (deadline.tick !== UNSCHEDULED) {
      if (deadline.tick <= tick) return
      unlink(deadline)
    }
    this.#insert(deadline, tick)
  }

  /**
   * Sets when a deadline is due, from now on. The present lags by up to a tick, which is added, so
   * that no timeout is shorter than configured.
   */
  scheduleIn(deadline: Deadline, afterMs: number): void {
    this.schedule(deadline, this.#nowMs + WHEEL_TICK_MS + afterMs)
  }

  /** Takes a deadline out; it does not fire. Harmless for one that is not scheduled. */
  cancel(deadline: Deadline): void {
    if (deadline.tick !== UNSCHEDULED) unlink(deadline)
  }

  /**
   * Moves the present on without firing anything yet.
   *
   * @param nowMs the clock's present; an earlier one than the last is taken for the last
   */
  tell(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs
  }

  /**
   * Moves the present on and fires what has come due. Handlers may schedule and cancel any
   * deadline; what they schedule fires in a later `advance`, even when its moment has passed.
   *
   * @param nowMs the clock's present; an earlier one than the last is taken for the last
   */
  advance(nowMs: number): void {
    this.tell(nowMs)
    const first = this.#tick
    this.#tick = tickOf(this.#nowMs)
    const last = Math.min(this.#tick, first + WHEEL_SLOTS - 1)
    // The present slot is looked at in every advance, for it may hold earlier and later moments.
    for (let tick = first; tick <= last; tick++) this.#collect(this.#slot(tick))
    this.#fire()
  }

  /** Moves to the due list what has come due in a slot, and on to its own slot what has not. */
  #collect(slot: Deadline): void {
    let deadline = slot.next
    while (deadline !== slot) {
      const { next } = deadline
      if (deadline.atMs <= this.#nowMs) {
        unlink(deadline)
        link(this.#due, deadline, this.#tick)
      } else if (tickOf(deadline.atMs) !== deadline.tick) {
        unlink(deadline)
        this.#insert(deadline, tickOf(deadline.atMs))
      }
      deadline = next
    }
  }

  #fire(): void {
    while (this.#due.next !== this.#due) {
      const deadline = this.#due.next
      unlink(deadline)
      // A handler that ran before may have put it off.
      if (deadline.atMs > this.#nowMs) this.#insert(deadline, tickOf(deadline.atMs))
      else deadline.onDeadline()
    }
  }

  #insert(deadline: Deadline, wanted: number): void {
    const tick = Math.min(Math.max(wanted, this.#tick), this.#tick + WHEEL_SLOTS - 1)
    link(this.#slot(tick), deadline, tick)
  }

  #slot(tick: number): Deadline {
    return this.#slots[tick % WHEEL_SLOTS] as Deadline
  }
}

/** The head of an empty ring: it is its own neighbour, so that linking needs no special case. */
function ringHead(): Deadline {
  return new Deadline(() => {})
}

function tickOf(atMs: number): number {
  return Math.floor(atMs / WHEEL_TICK_MS)
}

/** Links at the front: a walk over the ring does not meet again what it has put back. */
function link(head: Deadline, deadline: Deadline, tick: number): void {
  deadline.tick = tick
  deadline.previous = head
  deadline.next = head.next
  head.next.previous = deadline
  head.next = deadline
}

function unlink(deadline: Deadline): void {
  deadline.tick = UNSCHEDULED
  deadline.previous.next = deadline.next
  deadline.next.previous = deadline.previous
  deadline.next = deadline
  deadline.previous = deadline
}
