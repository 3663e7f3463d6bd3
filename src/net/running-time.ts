import { WHEEL_TICK_MS } from './deadline-wheel.ts'

/**
 * The most that counts of the time between two looks at the clock: the tick, and as much again by
 * which a loop that is busy may be late.
 */
export const TURN_MS_MAX = 2 * WHEEL_TICK_MS

/**
 * Time that this thread has run, for deadlines: a process that was stopped, a suspended machine, a
 * long pause of the garbage collector do not make peers late, which could neither be heard nor
 * answered meanwhile. A thread that is busy goes on counting with each turn of its loop, if slower.
 */
export class RunningTime {
  #seenMs: number
  #nowMs: number

  /**
   * @param clockMs the clock's present
   * @param nowMs what this time begins with; default: the same
   */
  constructor(clockMs: number, nowMs = clockMs) {
    this.#seenMs = clockMs
    this.#nowMs = nowMs
  }

  /**
   * Looks at the clock. Call in every turn of the loop, or as often as a tick.
   *
   * @param clockMs the clock's present; an earlier one than the last is taken for the last
   */
  at(clockMs: number): number {
    const passedMs = clockMs - this.#seenMs
    if (passedMs > 0) {
      this.#seenMs = clockMs
      this.#nowMs += Math.min(passedMs, TURN_MS_MAX)
    }
    return this.#nowMs
  }
}
