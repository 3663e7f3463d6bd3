/**
 * How much the other end may still send, of one stream or of the connection: RFC 9113 section 5.2.
 * What was used up is given back in large portions.
 */
export class ReceiveWindow {
  /** Bytes that may be on their way at once. */
  readonly size: number
  /** What may still come. */
  #left: number
  /** What was used up and not given back. */
  #used = 0

  /** @param size at most 2^31-1 */
  constructor(size: number) {
    this.size = size
    this.#left = size
  }

  /** Bytes have come. @returns whether they were allowed */
  take(bytes: number): boolean {
    this.#left -= bytes
    return this.#left >= 0
  }

  /**
   * Bytes that had come are used up.
   *
   * @returns what to give back by WINDOW_UPDATE, 0 while it is not worth a frame
   */
  use(bytes: number): number {
    this.#used += bytes
    if (2 * this.#used < this.size) return 0
    const increment = this.#used
    this.#used = 0
    this.#left += increment
    return increment
  }
}
