import { SluiceError } from '../../base/errors.ts'
import { Backoff } from './backoff.ts'
import type { NodeTimers } from './node-timers.ts'

const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 10_000

/** Something that a leader has to get agreed on: once at a time, and after a failure not at once. */
export class Duty {
  readonly #timers: NodeTimers
  readonly #work: () => Promise<void>
  readonly #onFailure: (error: SluiceError) => void
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS)
  #isUnderWay = false
  #notBeforeMs = Number.NEGATIVE_INFINITY

  /**
   * @param work rejects with a `SluiceError` where it failed
   * @param onFailure told before the next try
   */
  constructor(
    timers: NodeTimers,
    work: () => Promise<void>,
    onFailure: (error: SluiceError) => void,
  ) {
    this.#timers = timers
    this.#work = work
    this.#onFailure = onFailure
  }

  /** It is due: does it, unless it is under way or has just failed. */
  due(): void {
    if (this.#isUnderWay || this.#timers.nowMs() < this.#notBeforeMs) return
    this.#isUnderWay = true
    void this.#try()
  }

  async #try(): Promise<void> {
    try {
      await this.#work()
      this.#backoff.reset()
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      this.#notBeforeMs = this.#timers.nowMs() + this.#backoff.takeMs()
      this.#onFailure(error)
    } finally {
      this.#isUnderWay = false
    }
  }
}
