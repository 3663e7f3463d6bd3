import type { Clock } from '../base/clock.ts'
import { RunningTime, TURN_MS_MAX } from './running-time.ts'

/** How long it is slept at most, so that all time that the thread runs is counted. */
const SLEEP_MS_MAX = TURN_MS_MAX / 2

/** A timer that runs. */
export interface RunningTimer {
  /** Ends it; nothing is told any more. Idempotent. */
  cancel(): void
}

interface Timer {
  /** In running time. */
  readonly dueMs: number
  readonly onDue: () => void
}

/**
 * Timers by the time that their thread has run ({@link RunningTime}), exact to the millisecond: for
 * who has few of them at once. A wheel is cheaper for many, and as exact as its ticks.
 *
 * Before any is told, what had arrived by then is read: see `startTicker`.
 */
export class RunningTimers {
  readonly #clock: Clock
  readonly #running: RunningTime
  readonly #timers = new Set<Timer>()
  #sleep: NodeJS.Timeout | undefined
  /** When the sleep ends, or that there is none, in running time. */
  #wakeMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.#running = new RunningTime(clock())
  }

  /** @param onDue called once, from the event loop, unless the timer is cancelled before */
  start(afterMs: number, onDue: () => void): RunningTimer {
    const nowMs = this.#running.at(this.#clock())
    const timer = { dueMs: nowMs + afterMs, onDue }
    this.#timers.add(timer)
    if (timer.dueMs < this.#wakeMs) this.#sleepUntil(timer.dueMs, nowMs)
    return { cancel: () => this.#cancel(timer) }
  }

  #cancel(timer: Timer): void {
    if (!this.#timers.delete(timer) || this.#timers.size > 0) return
    clearTimeout(this.#sleep)
    this.#wakeMs = Number.POSITIVE_INFINITY
  }

  #sleepUntil(dueMs: number, nowMs: number): void {
    this.#wakeMs = Math.min(dueMs, nowMs + SLEEP_MS_MAX)
    clearTimeout(this.#sleep)
    this.#sleep = setTimeout(() => this.#wake(), this.#wakeMs - nowMs)
  }

  #wake(): void {
    this.#wakeMs = Number.POSITIVE_INFINITY
    const nowMs = this.#running.at(this.#clock())
    // The check phase: it follows the poll phase that comes next, which does not wait then.
    setImmediate(() => this.#judge(nowMs))
  }

  #judge(nowMs: number): void {
    let nextMs = Number.POSITIVE_INFINITY
    for (const timer of this.#timers) {
      if (timer.dueMs <= nowMs) {
        this.#timers.delete(timer)
        timer.onDue()
      } else nextMs = Math.min(nextMs, timer.dueMs)
    }
    if (nextMs < this.#wakeMs) this.#sleepUntil(nextMs, nowMs)
  }
}
