import type { NodeTimers } from '../../../../src/cluster/duties/node-timers.ts'

interface Timer {
  readonly atMs: number
  readonly work: () => void
}

/** Lets everything run that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Time that passes when a test says so. */
export class ManualTimers implements NodeTimers {
  #nowMs = 0
  readonly #timers = new Set<Timer>()

  nowMs(): number {
    return this.#nowMs
  }

  /** By how much the wall clock was set on, or back. */
  wallShiftMs = 0

  wallMs(): number {
    return 1_700_000_000_000 + this.wallShiftMs + this.#nowMs
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, work }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** How many things are yet to be done. */
  get pending(): number {
    return this.#timers.size
  }

  /** Does what is due within some time, one after the other, each at its moment. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    await settle()
    for (;;) {
      const due = [...this.#timers]
        .filter(({ atMs }) => atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.work()
      await settle()
    }
    this.#nowMs = endMs
  }
}
