import type { RetryBudgetConfig } from '../../model/config.ts'

/** Seconds that are looked back at: long enough that a burst of failures finds its requests. */
const WINDOW_SEC = 10

/**
 * Bounds how many requests are sent a second time, so that retries cannot multiply the load of
 * servers that fail because of it: at most a share of the requests of the last ten seconds, or a
 * fixed rate where that is more. One instance a backend and worker.
 */
export class RetryBudget {
  readonly #percent: number
  readonly #retriesMin: number
  readonly #requests = new Uint32Array(WINDOW_SEC)
  readonly #retries = new Uint32Array(WINDOW_SEC)
  #requestsSum = 0
  #retriesSum = 0
  #second = 0

  /** @param workers how many workers share the fixed rate */
  constructor({ percent, minPerSec }: RetryBudgetConfig, workers: number) {
    this.#percent = percent
    this.#retriesMin = (minPerSec * WINDOW_SEC) / workers
  }

  /** Counts a request. @param nowMs an earlier moment than the last is taken for the last */
  addRequest(nowMs: number): void {
    this.#advance(nowMs)
    this.#requestsSum++
    this.#add(this.#requests)
  }

  /** Takes a retry out of the budget. @returns false when none is left */
  takeRetry(nowMs: number): boolean {
    this.#advance(nowMs)
    const retriesMax = Math.max((this.#requestsSum * this.#percent) / 100, this.#retriesMin)
    if (this.#retriesSum + 1 > retriesMax) return false
    this.#retriesSum++
    this.#add(this.#retries)
    return true
  }

  #add(seconds: Uint32Array): void {
    const slot = this.#second % WINDOW_SEC
    seconds[slot] = (seconds[slot] as number) + 1
  }

  /** Forgets the seconds that have left the window. */
  #advance(nowMs: number): void {
    const second = Math.max(Math.floor(nowMs / 1000), this.#second)
    const passed = Math.min(second - this.#second, WINDOW_SEC)
    for (let n = 1; n <= passed; n++) {
      const slot = (this.#second + n) % WINDOW_SEC
      this.#requestsSum -= this.#requests[slot] as number
      this.#retriesSum -= this.#retries[slot] as number
      this.#requests[slot] = 0
      this.#retries[slot] = 0
    }
    this.#second = second
  }
}
