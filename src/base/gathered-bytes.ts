const NO_BYTES = Buffer.alloc(0)

/** Room that the first bytes are given, as a ClientHello needs it; it doubles from there. */
const FIRST_BYTES = 2048

/** Bytes that come in pieces and are looked at in one, from the first on. Its owner bounds them. */
export class GatheredBytes {
  #buffer: Buffer = NO_BYTES
  #length = 0

  /** How many there are. */
  get length(): number {
    return this.#length
  }

  /** All of them, valid until the next {@link add}, also when they are given up. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Puts a copy of `view[start, end)` behind them. */
  add(view: Buffer, start: number, end: number): void {
    const total = this.#length + end - start
    if (total > this.#buffer.length) {
      const longer = Buffer.allocUnsafe(Math.max(total, FIRST_BYTES, 2 * this.#buffer.length))
      this.#buffer.copy(longer, 0, 0, this.#length)
      this.#buffer = longer
    }
    view.copy(this.#buffer, this.#length, start, end)
    this.#length = total
  }

  /** Gives them up, and their memory. */
  clear(): void {
    this.#buffer = NO_BYTES
    this.#length = 0
  }
}
