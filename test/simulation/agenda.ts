/** Something that will happen. */
interface Appointment {
  readonly atMs: number
  /** Orders those of one moment as they were made. */
  readonly sequence: number
  run: (() => void) | null
}

/** Virtual time: what is to happen, in the order of time, then of when it was asked for. */
export class Agenda {
  readonly #heap: Appointment[] = []
  #sequence = 0
  #nowMs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /**
   * @param atMs moments that are past mean now
   * @returns cancels
   */
  at(atMs: number, run: () => void): () => void {
    const appointment: Appointment = {
      atMs: Math.max(atMs, this.#nowMs),
      sequence: this.#sequence,
      run,
    }
    this.#sequence += 1
    this.#push(appointment)
    return () => {
      appointment.run = null
    }
  }

  /** As {@link at}, counted from now. */
  after(delayMs: number, run: () => void): () => void {
    return this.at(this.#nowMs + delayMs, run)
  }

  /**
   * Lets the next thing happen, unless it is later than `endMs`; then time becomes `endMs`.
   *
   * @returns false where nothing was left to happen until then
   */
  step(endMs: number): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.atMs > endMs) {
        this.#nowMs = Math.max(this.#nowMs, endMs)
        return false
      }
      this.#pop()
      if (next.run === null) continue
      this.#nowMs = next.atMs
      next.run()
      return true
    }
  }

  #push(appointment: Appointment): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(appointment)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Appointment
      if (!isBefore(appointment, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = appointment
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Appointment
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= heap.length) break
      const right = left + 1
      const child =
        right < heap.length && isBefore(heap[right] as Appointment, heap[left] as Appointment)
          ? right
          : left
      const below = heap[child] as Appointment
      if (!isBefore(below, last)) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}
