const NO_BYTES = Buffer.alloc(0)

/** Bytes that are gathered until they can go on. Who adds bounds them. */
export class GrowingBytes {
  #bytes: Buffer = NO_BYTES
  /** How many there are. */
  length = 0

  /** They are `view[0, length)`, valid until the next change. */
  get view(): Buffer {
    return this.#bytes
  }

  /** Adds `view[start, end)`. */
  add(view: Buffer, start: number, end: number): void {
    const after = this.length + end - start
    if (after > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(after, 2 * this.#bytes.length))
      this.#bytes.copy(grown, 0, 0, this.length)
      this.#bytes = grown
    }
    view.copy(this.#bytes, this.length, start, end)
    this.length = after
  }

  /** Gives them up, and their memory. */
  clear(): void {
    this.#bytes = NO_BYTES
    this.length = 0
  }
}
