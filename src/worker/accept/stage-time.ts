import type { PlannedFrontend } from '../../model/plan.ts'
import { Deadline, type DeadlineWheel } from '../../net/deadline-wheel.ts'

/** How long a stage may still take once the daemon drains. */
const DRAIN_MS = 1000

/**
 * The time that a stage has for one connection: `timeout http-request`, in `mode tcp` `timeout
 * client`, and a second at most once the daemon drains.
 */
export class StageTime {
  readonly #wheel: DeadlineWheel
  readonly #deadline: Deadline

  /** @param onLate called when it is over, unless it is stopped before */
  constructor(wheel: DeadlineWheel, { mode, timeouts }: PlannedFrontend, onLate: () => void) {
    this.#wheel = wheel
    this.#deadline = new Deadline(onLate)
    wheel.scheduleIn(this.#deadline, mode === 'http' ? timeouts.httpRequestMs : timeouts.clientMs)
  }

  /** The daemon drains. */
  hasten(): void {
    this.#wheel.scheduleIn(this.#deadline, DRAIN_MS)
  }

  /** The stage is over. */
  stop(): void {
    this.#wheel.cancel(this.#deadline)
  }
}
