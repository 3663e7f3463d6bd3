import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, type BodyKind } from '../http/body.ts'
import { ChunkedScanner } from '../http/chunked-scanner.ts'
import type { ChunkLimits } from '../http/limits.ts'
import { rejectOf } from '../http/rejects.ts'
import type { ByteView, Conn } from '../net/conn.ts'

/** Room for a head and the largest read after it. */
const JOIN_BYTES = 98_304

/** Where a head and the first bytes of its body are joined; one for all, since a write copies. */
const join = Buffer.allocUnsafeSlow(JOIN_BYTES)

/**
 * Carries one message body from where it arrives to a connection, and knows where it ends. Bytes
 * go on as they come; what the other side cannot take yet is in its write buffer, and the caller
 * is told to stop reading.
 */
export class BodyTransfer {
  readonly #chunkLimits: ChunkLimits
  #kind: BodyKind = BODY_NONE
  #length = 0
  #dechunk = false
  #remaining = 0
  #scanner: ChunkedScanner | null = null
  /** Text that has to leave before the next body byte. */
  #head = ''
  #reject = 0
  /** The body was carried whole. */
  done = true
  /** After {@link take}: the destination asks to wait for its drain. */
  blocked = false
  /** Bytes that the last {@link take} wrote. */
  written = 0

  /** @param chunkLimits bounds that every chunked body must keep */
  constructor(chunkLimits: ChunkLimits) {
    this.#chunkLimits = chunkLimits
  }

  /**
   * Starts on the next body.
   *
   * @param length its bytes where the kind is {@link BODY_LENGTH}
   * @param dechunk sends the data of chunks alone, to a peer that knows no chunks
   */
  begin(kind: BodyKind, length: number, dechunk: boolean): void {
    this.#kind = kind
    this.#length = length
    this.#dechunk = dechunk
    this.restart()
  }

  /** Starts on the same body again. */
  restart(): void {
    this.#remaining = this.#length
    this.done = this.#kind === BODY_NONE
    this.#reject = 0
    this.blocked = false
    this.written = 0
    if (this.#kind !== BODY_CHUNKED) return
    this.#scanner ??= new ChunkedScanner(this.#chunkLimits)
    this.#scanner.reset(this.#dechunk)
  }

  /** The body breaks the grammar of chunks (RFC 9112 section 7.1) or its bounds. */
  get failed(): boolean {
    return this.#reject < 0
  }

  /** What the client is answered whose request has a body that {@link failed}. */
  get refusalStatus(): number {
    return rejectOf(this.#reject).status
  }

  /** The body's length if all of it is among the bytes at hand and no longer than asked, else 0. */
  wholeLength(bytesAtHand: number, bytesMax: number): number {
    const isWhole = this.#kind === BODY_LENGTH && !this.done && this.#remaining <= bytesAtHand
    return isWhole && this.#remaining <= bytesMax ? this.#remaining : 0
  }

  /** More of the body is to come, and could be passed on. */
  get isAwaited(): boolean {
    return !this.done && !this.blocked
  }

  /** The caller has sent the whole body in another way, and can again. */
  finish(): void {
    this.done = true
  }

  /**
   * Writes what belongs to the body of `view[at, end)`.
   *
   * @param head text to be sent first, in one write with the body bytes at hand: one system call
   *   and one packet less
   * @returns where the body's bytes end
   */
  take(view: ByteView, at: number, end: number, to: Conn, head = ''): number {
    this.written = 0
    this.blocked = false
    this.#head = head
    const next = this.done || at === end ? at : this.#takeBytes(view, at, end, to)
    if (this.#head !== '') this.#write(view, at, at, to)
    return next
  }

  #takeBytes(view: ByteView, at: number, end: number, to: Conn): number {
    switch (this.#kind) {
      case BODY_NONE:
        return at
      case BODY_LENGTH: {
        const stop = Math.min(at + this.#remaining, end)
        this.#remaining -= stop - at
        this.done = this.#remaining === 0
        this.#write(view, at, stop, to)
        return stop
      }
      case BODY_CHUNKED:
        return this.#takeChunks(view, at, end, to)
      case BODY_CLOSE:
        this.#write(view, at, end, to)
        return end
      default:
        return this.#kind satisfies never
    }
  }

  #takeChunks(view: ByteView, at: number, end: number, to: Conn): number {
    const scanner = this.#scanner as ChunkedScanner
    let place = at
    while (place < end && !scanner.done) {
      const consumed = scanner.feed(view, place, end)
      if (consumed < 0) {
        this.#reject = consumed
        return end
      }
      for (let n = 0; n < scanner.spanCount; n++) {
        this.#write(view, scanner.spanStart(n), scanner.spanEnd(n), to)
      }
      place += consumed
    }
    this.done = scanner.done
    return place
  }

  #write(view: ByteView, start: number, end: number, to: Conn): void {
    const head = this.#head
    const bytes = end - start
    this.written += bytes
    this.#head = ''
    if (head !== '' && bytes > 0 && head.length + bytes <= JOIN_BYTES) {
      join.write(head, 'latin1')
      view.copy(join, head.length, start, end)
      this.#send(join.subarray(0, head.length + bytes), to)
      return
    }
    if (head !== '') this.#send(head, to)
    if (bytes === 0) return
    const isAll = start === 0 && end === view.length
    this.#send(isAll ? view : view.subarray(start, end), to)
  }

  #send(data: ByteView | string, to: Conn): void {
    if (!to.write(data)) this.blocked = true
  }
}
