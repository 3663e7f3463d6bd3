/**
 * Holds what comes of a content against what its head has said of it: RFC 9113 section 8.1.1. A
 * message that is shorter or longer is malformed, since who reads it as HTTP/1 would find the next
 * message elsewhere.
 */
export class ContentCount {
  /** Bytes that are still to come; infinite where the end of the stream is the content's. */
  #left = 0

  /** A content begins. @param bytes infinite where its length is not known */
  begin(bytes: number): void {
    this.#left = bytes
  }

  /** Some of it has come. @returns whether it may have */
  take(bytes: number): boolean {
    this.#left -= bytes
    return this.#left >= 0
  }

  /** The stream may end here. */
  get mayEnd(): boolean {
    return this.#left === 0 || this.#left === Number.POSITIVE_INFINITY
  }
}
