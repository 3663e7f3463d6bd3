import { SluiceError } from '../../base/errors.ts'

const COUNT_BYTES_MAX = 8
const SEVEN_BITS = 128
/** Texts up to here, in ASCII, are made without a decoder: it costs more than they do. */
const SHORT_TEXT_BYTES = 64

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns the error of bytes that are not what they should be */
export function invalidEncoding(what: string): SluiceError {
  return new SluiceError('encoding-invalid', what)
}

/**
 * Reads what {@link ByteWriter} wrote, and nothing else: every value has one encoding, every length
 * is held against the bytes that are there before anything is made of it, and {@link end} refuses
 * what is left over. All methods throw SluiceError `encoding-invalid`.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  /** @param bytes not changed; what {@link bytes} and {@link raw} return are views of them */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Bytes that have not been read. */
  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** @returns 0-255 */
  byte(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) throw invalidEncoding('the bytes end too early')
    this.#at++
    return value
  }

  flag(): boolean {
    const value = this.byte()
    if (value > 1) throw invalidEncoding(`${value} is neither yes nor no`)
    return value === 1
  }

  /** @returns a whole number from 0 to 2^53 - 1 */
  count(): number {
    const first = this.byte()
    if (first < SEVEN_BITS) return first
    let value = first - SEVEN_BITS
    let scale = SEVEN_BITS
    for (let n = 1; n < COUNT_BYTES_MAX; n++) {
      const next = this.byte()
      if (next < SEVEN_BITS) {
        if (next === 0) throw invalidEncoding('a number is longer than it need be')
        return this.#safe(value + next * scale)
      }
      value += (next - SEVEN_BITS) * scale
      scale *= SEVEN_BITS
    }
    throw invalidEncoding('a number is too long')
  }

  /**
   * The length of a list.
   *
   * @param itemBytesMin of each item: what follows must have room for that many
   */
  listLength(itemBytesMin: number): number {
    const length = this.count()
    if (length > this.remaining / itemBytesMin) throw invalidEncoding('a list ends too early')
    return length
  }

  /** @param bytesMax of its UTF-8 */
  text(bytesMax: number): string {
    const bytes = this.bytes()
    if (bytes.length > bytesMax) {
      throw invalidEncoding(`a text has ${bytes.length} bytes, ${bytesMax} are allowed`)
    }
    return (bytes.length <= SHORT_TEXT_BYTES ? asciiText(bytes) : null) ?? utf8Text(bytes)
  }

  /** @returns a view of as many bytes as the length before them says */
  bytes(): Uint8Array {
    return this.raw(this.count())
  }

  /** @returns a view of the next bytes */
  raw(length: number): Uint8Array {
    if (length > this.remaining) throw invalidEncoding('the bytes end too early')
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  /** Ends: nothing may be left. */
  end(): void {
    if (this.remaining > 0) throw invalidEncoding(`${this.remaining} bytes too many`)
  }

  #safe(value: number): number {
    if (value > Number.MAX_SAFE_INTEGER) throw invalidEncoding('a number is too large')
    return value
  }
}

function asciiText(bytes: Uint8Array): string | null {
  let text = ''
  for (const code of bytes) {
    if (code >= SEVEN_BITS) return null
    text += String.fromCharCode(code)
  }
  return text
}

function utf8Text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw invalidEncoding('a text is not UTF-8')
  }
}
