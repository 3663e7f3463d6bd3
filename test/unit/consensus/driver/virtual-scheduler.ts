import type { Scheduler } from '../../../../src/consensus/driver/scheduler.ts'

interface Call {
  readonly atMs: number
  readonly call: () => void
}

/** Time that passes when it is told to. Calls are made in the order of their times. */
export class VirtualScheduler implements Scheduler {
  #nowMs = 0
  #calls: Call[] = []

  nowMs(): number {
    return this.#nowMs
  }

  callAt(atMs: number, call: () => void): () => void {
    const made = { atMs: Math.max(atMs, this.#nowMs), call }
    this.#calls.push(made)
    return () => {
      this.#calls = this.#calls.filter((other) => other !== made)
    }
  }

  /** How many calls wait. */
  get waiting(): number {
    return this.#calls.length
  }

  /** Makes all calls that are due, and those that they lead to. */
  settle(): void {
    this.pass(0)
  }

  /** Lets time pass. */
  pass(durationMs: number): void {
    const endMs = this.#nowMs + durationMs
    for (;;) {
      const [next] = this.#calls.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#calls = this.#calls.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.call()
    }
    this.#nowMs = endMs
  }
}
