/** Rounds whose time of sending is kept. One that is older proves only that the peer was there. */
const ROUNDS_KEPT_MAX = 1024

/**
 * Numbers the rounds of heartbeats of one term, and knows when each was sent: what a quorum that
 * has answered a round has confirmed is that at that time nobody else led (thesis section 6.4).
 */
export class Heartbeats {
  #round = 0
  /** Of the rounds up to the current one, the oldest first. */
  #sentMs: number[] = []

  /** The last round. */
  get round(): number {
    return this.#round
  }

  /** Begins a round. @returns its number */
  begin(nowMs: number): number {
    this.#sentMs.push(nowMs)
    if (this.#sentMs.length > 2 * ROUNDS_KEPT_MAX) this.#sentMs.splice(0, ROUNDS_KEPT_MAX)
    return ++this.#round
  }

  /** @returns when a round was sent; null where it is too old, or not begun */
  sentMs(round: number): number | null {
    return this.#sentMs[this.#sentMs.length - 1 - (this.#round - round)] ?? null
  }
}
