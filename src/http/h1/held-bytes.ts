import { LF } from '../characters.ts'
import type { HeadLimits } from '../limits.ts'

/** Room that the first bytes are given; it doubles from there. Most heads need no more. */
const FIRST_BYTES = 1024

const NO_BYTES = Buffer.alloc(0)

/**
 * Bytes that arrived and cannot be used yet: the beginning of a message head, or what a client has
 * sent ahead. The owner stops reading while more than the beginning of a head is held.
 *
 * Invariant: shorter than the longest head and one read of the engine together.
 */
export class HeldBytes {
  readonly #limits: HeadLimits
  #buffer: Buffer = NO_BYTES
  #start = 0
  #end = 0

  /** @param limits bounds of the heads that are waited for */
  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  /** How many bytes are held. */
  get length(): number {
    return this.#end - this.#start
  }

  /** What is held, valid until the next {@link add}. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  /**
   * Takes a copy of `view[start, end)` behind what is held.
   *
   * @returns whether a head whose beginning was held is worth another look. Without an LF no line
   *   has become whole, and only a bound can have been reached: a head that comes byte by byte is
   *   read once a line. Where empty lines come before it, too long a line is found at the second
   *   bound only.
   */
  add(view: Buffer, start: number, end: number): boolean {
    const before = this.length
    const after = before + end - start
    this.#makeRoom(after)
    view.copy(this.#buffer, this.#end, start, end)
    this.#end = this.#start + after
    const { headBytesMax, requestLineBytesMax } = this.#limits
    // A request line within its bound is told from a longer one where its CRLF is due.
    const lineBytesMax = requestLineBytesMax + 2
    return (
      (before < lineBytesMax && after >= lineBytesMax) ||
      (before < headBytesMax && after >= headBytesMax) ||
      this.#buffer.subarray(this.#end - end + start, this.#end).includes(LF)
    )
  }

  /** Gives the first bytes up; they have been used. */
  drop(count: number): void {
    this.#start = Math.min(this.#start + count, this.#end)
    if (this.#start === this.#end) this.clear()
  }

  /** Gives all of them up, and their memory. */
  clear(): void {
    this.#buffer = NO_BYTES
    this.#start = 0
    this.#end = 0
  }

  /** Makes room for `needed` bytes in all from the first held one on. */
  #makeRoom(needed: number): void {
    const buffer = this.#buffer
    if (buffer.length - this.#start >= needed) return
    const { length } = this
    if (buffer.length < needed) {
      const doubled = Math.max(FIRST_BYTES, 2 * buffer.length)
      const { headBytesMax } = this.#limits
      this.#buffer = Buffer.allocUnsafe(Math.max(needed, Math.min(doubled, headBytesMax)))
    }
    buffer.copy(this.#buffer, 0, this.#start, this.#end)
    this.#start = 0
    this.#end = length
  }
}
