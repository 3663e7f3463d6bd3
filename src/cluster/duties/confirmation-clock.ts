import type { ClusterState } from '../state-machine/state.ts'
import type { NodeTimers } from './node-timers.ts'

/** A version that waits, as this node has seen it. */
interface Waiting {
  readonly version: number
  readonly confirmMs: number
  /** When it was agreed on, by the clock that never goes back; a node that came later knows it later. */
  readonly sinceMs: number
}

/**
 * How long the active config has waited to be confirmed. It counts from the moment at which it was
 * agreed on, by this node's monotonic clock: what a wall clock says may change by hours at any
 * time. Every node counts, so that the next leader goes on where the last one ended; one that was
 * started meanwhile, and so has counted from later, asks the others.
 */
export class ConfirmationClock {
  readonly #timers: Pick<NodeTimers, 'nowMs'>
  #waiting: Waiting | null = null

  constructor(timers: Pick<NodeTimers, 'nowMs'>) {
    this.#timers = timers
  }

  /** The state has changed; to be called with every change, at once. */
  follow({ confirmation, versions }: ClusterState): void {
    if (confirmation === null) {
      this.#waiting = null
      return
    }
    const { version, deadlineMs } = confirmation
    if (this.#waiting?.version === version) return
    // The state tells the deadline by the clock of who proposed it, and so the time that was given.
    const proposedMs = versions.find((kept) => kept.version === version)?.timeMs ?? deadlineMs
    const confirmMs = deadlineMs - proposedMs
    this.#waiting = { version, confirmMs, sinceMs: this.#timers.nowMs() }
  }

  /** How long a version has waited, as this node knows it; null: it does not wait. */
  elapsedMs(version: number): number | null {
    if (this.#waiting?.version !== version) return null
    return this.#timers.nowMs() - this.#waiting.sinceMs
  }

  /** Another node has counted so much for a version: whoever knows more is right. */
  inherit(version: number, elapsedMs: number): void {
    const waiting = this.#waiting
    if (waiting?.version !== version) return
    const sinceMs = Math.min(waiting.sinceMs, this.#timers.nowMs() - elapsedMs)
    this.#waiting = { ...waiting, sinceMs }
  }

  /** Whether the time of the version that waits is over. */
  get isOver(): boolean {
    const waiting = this.#waiting
    return waiting !== null && this.#timers.nowMs() - waiting.sinceMs >= waiting.confirmMs
  }
}
