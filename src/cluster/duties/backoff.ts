/** Growing delays between tries: each twice the one before, up to a bound. */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  #nextMs: number

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#nextMs = minMs
  }

  /** How long to wait before the next try. */
  takeMs(): number {
    const delayMs = this.#nextMs
    this.#nextMs = Math.min(delayMs * 2, this.#maxMs)
    return delayMs
  }

  /** A try has succeeded. */
  reset(): void {
    this.#nextMs = this.#minMs
  }
}
