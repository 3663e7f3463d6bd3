import type { Scheduler } from '../driver/scheduler.ts'

interface Waiter {
  readonly isMet: () => boolean
  readonly settle: (isMet: boolean) => void
}

/** Those who wait for something about the node to become so. */
export class Conditions {
  readonly #scheduler: Scheduler
  #waiters = new Set<Waiter>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /**
   * Waits until a condition is met.
   *
   * @returns false where it was not within the time, or {@link stop} came first
   */
  until(isMet: () => boolean, timeoutMs: number): Promise<boolean> {
    if (isMet()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const settle = (isNowMet: boolean) => {
        cancel()
        this.#waiters.delete(waiter)
        resolve(isNowMet)
      }
      const waiter = { isMet, settle }
      const untilMs = this.#scheduler.nowMs() + timeoutMs
      const cancel = this.#scheduler.callAt(untilMs, () => settle(isMet()))
      this.#waiters.add(waiter)
    })
  }

  /** Something has changed. */
  settle(): void {
    for (const { isMet, settle } of [...this.#waiters]) if (isMet()) settle(true)
  }

  /** Nothing changes any more. */
  stop(): void {
    for (const { settle } of [...this.#waiters]) settle(false)
  }
}
