import type { Slices } from '../../balance/structures/slices.ts'
import type { Clock } from '../../base/clock.ts'

/**
 * How long the tables of strategies may hold up the event loop at a time. A slice more may come to
 * it: half a millisecond.
 */
const TURN_MS = 1

/** A table that is being built. */
export interface TableBuild {
  /** Builds the rest at once. */
  finish(): void
  /** Builds no more; what it was to replace stays. */
  abandon(): void
}

interface Job extends TableBuild {
  readonly slices: Slices
  readonly onDone: () => void
}

/**
 * The tables that the strategies of one worker are building: one after the other, each in slices,
 * so that connections are served in between. It holds at most one for each backend.
 */
export class TableBuilds {
  readonly #clock: Clock
  readonly #defer: (work: () => void) => void
  readonly #jobs = new Set<Job>()
  #isDeferred = false

  /** @param defer has work done once the event loop has gone round */
  constructor(clock: Clock, defer: (work: () => void) => void = (work) => void setImmediate(work)) {
    this.#clock = clock
    this.#defer = defer
  }

  /**
   * Builds a table from now on.
   *
   * @param onDone called with the last slice
   */
  begin(slices: Slices, onDone: () => void): TableBuild {
    const job: Job = {
      slices,
      onDone,
      finish: () => {
        while (this.#jobs.has(job)) this.#step(job)
      },
      abandon: () => void this.#jobs.delete(job),
    }
    this.#jobs.add(job)
    this.#goOn()
    return job
  }

  #goOn(): void {
    if (this.#isDeferred || this.#jobs.size === 0) return
    this.#isDeferred = true
    this.#defer(() => {
      this.#isDeferred = false
      this.#turn()
      this.#goOn()
    })
  }

  #turn(): void {
    const endMs = this.#clock() + TURN_MS
    for (const job of this.#jobs) {
      while (this.#jobs.has(job)) {
        this.#step(job)
        if (this.#clock() >= endMs) return
      }
    }
  }

  #step(job: Job): void {
    if (job.slices.next().done !== true) return
    this.#jobs.delete(job)
    job.onDone()
  }
}
