import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long work that can wait holds its thread at a time, in milliseconds. */
export const SLICE_MS = 8

/**
 * Long work in slices of {@link SLICE_MS}, between which its thread does what else has come: sockets
 * are polled and timers fire. Asking whether a slice is over costs a look at the clock, so loops ask
 * once for some dozens of microseconds of work.
 */
export class WorkSlices {
  #beganMs = performance.now()

  /** Whether the work is to wait for {@link next} before it goes on. */
  get isOver(): boolean {
    return performance.now() - this.#beganMs >= SLICE_MS
  }

  /** Resolves with the next turn of the event loop. */
  async next(): Promise<void> {
    await nextTurn()
    this.#beganMs = performance.now()
  }
}
