import { assert } from '../../base/errors.ts'

/** Bytes of the longest count: 53 bits, 7 to a byte. */
const COUNT_BYTES_MAX = 8
/** Above it counts are cut by division: bit operations work on 32 bits. */
const BITWISE_MAX = 0x7fff_ffff
const SEVEN_BITS = 128

const utf8 = new TextEncoder()

/** Writes values one after the other, as {@link ByteReader} reads them. Grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array
  #length = 0

  /** @param capacityBytes expected; more is taken where it does not suffice */
  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes)
  }

  /** @param value 0-255 */
  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  flag(value: boolean): void {
    this.byte(value ? 1 : 0)
  }

  /**
   * Seven bits to a byte, the lowest first; the eighth says that more follow.
   *
   * @param value a whole number from 0 to 2^53 - 1
   */
  count(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} can be encoded as a count`)
    this.#reserve(COUNT_BYTES_MAX)
    const bytes = this.#bytes
    let at = this.#length
    let rest = value
    while (rest > BITWISE_MAX) {
      bytes[at++] = (rest % SEVEN_BITS) | SEVEN_BITS
      rest = Math.floor(rest / SEVEN_BITS)
    }
    while (rest >= SEVEN_BITS) {
      bytes[at++] = (rest & 0x7f) | SEVEN_BITS
      rest >>>= 7
    }
    bytes[at++] = rest
    this.#length = at
  }

  /** Its length, then its bytes in UTF-8. */
  text(value: string): void {
    const start = this.#length
    this.count(value.length)
    this.#reserve(value.length)
    for (let n = 0; n < value.length; n++) {
      const code = value.charCodeAt(n)
      if (code >= SEVEN_BITS) {
        this.#length = start
        this.bytes(utf8.encode(value))
        return
      }
      this.#bytes[this.#length++] = code
    }
  }

  /** The length, then the bytes. */
  bytes(data: Uint8Array): void {
    this.count(data.length)
    this.raw(data)
  }

  /** Bytes whose number the reader knows. */
  raw(data: Uint8Array): void {
    this.#reserve(data.length)
    this.#bytes.set(data, this.#length)
    this.#length += data.length
  }

  /** @returns what was written; the writer is not to be used any more */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
