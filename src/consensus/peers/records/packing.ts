import { ByteWriter } from '../../encoding/byte-writer.ts'
import type { Channel } from '../transport.ts'

/** What one record is. `data` and `end` are of streams, all others of links; `hello` and `objection` of both. */
export type RecordKind = Channel | 'hello' | 'objection' | 'data' | 'end'

/** Bytes of records in one message: what a peer can make this node keep before it is known. */
export const MESSAGE_BYTES_MAX = 65_536

/** Kind and length before a record, at most. */
const HEAD_BYTES_MAX = 9
const SEVEN_BITS = 128
/** Bytes of a length: 35 bits are more than any limit needs. */
const LENGTH_BYTES_MAX = 5

const CODES = {
  consensus: 1,
  request: 2,
  reply: 3,
  hello: 4,
  objection: 5,
  data: 6,
  end: 7,
} as const satisfies Record<RecordKind, number>
const KINDS = new Map<number, RecordKind>(
  Object.entries(CODES).map(([kind, code]) => [code, kind as RecordKind]),
)

/**
 * Puts records together into messages of MESSAGE_BYTES_MAX at most: small ones share a message,
 * large ones take several.
 */
export class RecordPacker {
  #parts: Uint8Array[] = []
  #bytes = 0

  /** Bytes that have not been taken. */
  get pendingBytes(): number {
    return this.#bytes
  }

  /** @param data not to be changed until it is taken */
  add(kind: RecordKind, data: Uint8Array): void {
    const head = new ByteWriter(HEAD_BYTES_MAX)
    head.byte(CODES[kind])
    head.count(data.length)
    const bytes = head.finish()
    this.#parts.push(bytes, data)
    this.#bytes += bytes.length + data.length
  }

  /** @returns all that was added since the last call, as messages */
  take(): Uint8Array[] {
    const messages: Uint8Array[] = []
    let left = this.#bytes
    let message = Buffer.allocUnsafe(Math.min(left, MESSAGE_BYTES_MAX))
    let filled = 0
    for (const part of this.#parts) {
      let taken = 0
      while (taken < part.length) {
        const piece = part.subarray(taken, taken + message.length - filled)
        message.set(piece, filled)
        taken += piece.length
        filled += piece.length
        if (filled < message.length) continue
        messages.push(message)
        left -= filled
        message = Buffer.allocUnsafe(Math.min(left, MESSAGE_BYTES_MAX))
        filled = 0
      }
    }
    this.#parts = []
    this.#bytes = 0
    return messages
  }
}

/**
 * Finds the records in the messages that a {@link RecordPacker} made. A record is as long as it says
 * before anything is kept for it.
 */
export class RecordReader {
  readonly #recordBytesMax: number
  readonly #onRecord: (kind: RecordKind, data: Uint8Array) => void
  #kind: RecordKind | null = null
  #length = 0
  /** Bytes of the length that have been read; the kind is there once it is 0 or more. */
  #lengthBytes = 0
  #isHeadComplete = false
  #body: Buffer | null = null
  #filled = 0

  /**
   * @param recordBytesMax longer records are garbage
   * @param onRecord its data are the receiver's to keep
   */
  constructor(recordBytesMax: number, onRecord: (kind: RecordKind, data: Uint8Array) => void) {
    this.#recordBytesMax = recordBytesMax
    this.#onRecord = onRecord
  }

  /** @returns false where the message is garbage; nothing may be fed after that */
  feed(message: Uint8Array): boolean {
    let at = 0
    while (at < message.length) {
      if (!this.#isHeadComplete) {
        if (!this.#readHead(message[at++] ?? 0)) return false
      } else {
        const piece = message.subarray(at, at + this.#length - this.#filled)
        at += piece.length
        this.#keep(piece)
      }
      if (this.#isHeadComplete && this.#filled === this.#length) this.#finish()
    }
    return true
  }

  #readHead(byte: number): boolean {
    if (this.#kind === null) {
      this.#kind = KINDS.get(byte) ?? null
      return this.#kind !== null
    }
    this.#length += (byte % SEVEN_BITS) * SEVEN_BITS ** this.#lengthBytes++
    this.#isHeadComplete = byte < SEVEN_BITS
    const isCanonical = byte !== 0 || this.#lengthBytes === 1
    const hasRoom = this.#isHeadComplete || this.#lengthBytes < LENGTH_BYTES_MAX
    return isCanonical && hasRoom && this.#length <= this.#recordBytesMax
  }

  #keep(piece: Uint8Array): void {
    this.#body ??= Buffer.allocUnsafe(this.#length)
    this.#body.set(piece, this.#filled)
    this.#filled += piece.length
  }

  #finish(): void {
    const kind = this.#kind
    const data = this.#body ?? new Uint8Array()
    this.#kind = null
    this.#length = 0
    this.#lengthBytes = 0
    this.#isHeadComplete = false
    this.#body = null
    this.#filled = 0
    if (kind !== null) this.#onRecord(kind, data)
  }
}
