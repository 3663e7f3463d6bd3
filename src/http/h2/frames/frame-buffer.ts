import { writeLatin1 } from '../../../base/latin1.ts'

const FIRST_BYTES = 1024

/**
 * Bytes that are put together to be sent, in a buffer that grows with them and is used again.
 * Whoever writes makes sure of the room first.
 */
export class FrameBuffer {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  /** How many bytes there are; may be set to a place that was written before. */
  length = 0

  /** The buffer, valid until {@link makeRoom}; from {@link length} on its content is undefined. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** What was written, valid until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  /** Makes sure that `count` more bytes can be written. */
  makeRoom(count: number): void {
    const needed = this.length + count
    if (needed <= this.#bytes.length) return
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(bytes, 0, 0, this.length)
    this.#bytes = bytes
  }

  /** Writes a byte, of which the lowest eight bits count. */
  byte(value: number): void {
    this.#bytes[this.length++] = value
  }

  /** Writes a text of a character a byte. */
  latin1(text: string): void {
    this.length += writeLatin1(this.#bytes, text, this.length)
  }
}
