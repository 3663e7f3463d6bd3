/**
 * Whether a peer is close enough behind to become a voter without a gap in service (thesis section
 * 4.2.1). Time is cut into rounds: a round replicates what the log held when the round began. A
 * peer that finishes a round within an election timeout would hold up commits no longer than an
 * election does.
 */
export class CatchUp {
  readonly #roundMsMax: number
  /** Null: it had everything when it last answered. */
  #round: { readonly target: number; readonly sinceMs: number } | null = null
  #wasQuick = false

  constructor(roundMsMax: number) {
    this.#roundMsMax = roundMsMax
  }

  /** Entries are being sent. */
  sending(lastIndex: number, nowMs: number): void {
    this.#round ??= { target: lastIndex, sinceMs: nowMs }
  }

  /** The peer has everything up to an index of a log that ends at another. */
  matched(matchIndex: number, lastIndex: number, nowMs: number): void {
    if (this.#round !== null && matchIndex < this.#round.target) return
    const hasAll = matchIndex >= lastIndex
    if (this.#round !== null) {
      this.#wasQuick = nowMs - this.#round.sinceMs <= this.#roundMsMax
    }
    // A peer that lacks nothing has the next round behind it already.
    this.#wasQuick ||= hasAll
    this.#round = hasAll ? null : { target: lastIndex, sinceMs: nowMs }
  }

  /** Whether the last round was quick, and the one under way is not slow already. */
  isCaughtUp(nowMs: number): boolean {
    const isSlow = this.#round !== null && nowMs - this.#round.sinceMs > this.#roundMsMax
    return this.#wasQuick && !isSlow
  }
}
