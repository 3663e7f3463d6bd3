import type { ByteView } from '../conn.ts'

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

  /** All of them, valid until the next {@link add}. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Puts a copy of `view[0, length)` behind them. */
  add(view: ByteView, length: number): void {
    const total = this.#length + length
    if (total > this.#buffer.length) {
      const longer = Buffer.allocUnsafe(Math.max(total, FIRST_BYTES, 2 * this.#buffer.length))
      this.#buffer.copy(longer, 0, 0, this.#length)
      this.#buffer = longer
    }
    view.copy(this.#buffer, this.#length, 0, length)
    this.#length = total
  }
}
