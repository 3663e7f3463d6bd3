import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, type BodyKind } from '../../http/body.ts'
import { ChunkedScanner, type TrailerTest } from '../../http/h1/chunked-scanner.ts'
import type { ChunkLimits } from '../../http/limits.ts'
import { rejectOf } from '../../http/rejects.ts'
import type { ByteView, Conn } from '../../net/conn.ts'
import { JoinedWrite } from './joined-write.ts'

/**
 * Carries one message body from where it arrives to a connection, and knows where it ends. Bytes
 * go on as they come; what the other side cannot take yet is in its write buffer, and the caller
 * is told to stop reading.
 */
export class BodyTransfer {
  readonly #chunkLimits: ChunkLimits
  readonly #direction: 'request' | 'response'
  readonly #dropsTrailer: TrailerTest
  #kind: BodyKind = BODY_NONE
  #length = 0
  #dechunk = false
  #remaining = 0
  #scanner: ChunkedScanner | null = null
  readonly #joined = new JoinedWrite()
  #reject = 0
  /** The body was carried whole. */
  done = true
  /** After {@link take}: the destination asks to wait for its drain. */
  blocked = false
  /** Bytes that the last {@link take} wrote. */
  written = 0

  /**
   * @param chunkLimits bounds that every chunked body must keep
   * @param dropsTrailer asked of trailers beside those that never go on
   */
  constructor(
    chunkLimits: ChunkLimits,
    direction: 'request' | 'response',
    dropsTrailer: TrailerTest,
  ) {
    this.#chunkLimits = chunkLimits
    this.#direction = direction
    this.#dropsTrailer = dropsTrailer
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
    this.#scanner ??= new ChunkedScanner(this.#chunkLimits, this.#direction, this.#dropsTrailer)
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
   * Writes what belongs to the body of `view[at, end)`, in one write, however many pieces it is in.
   *
   * @param head text to be sent first
   * @returns where the body's bytes end
   */
  take(view: ByteView, at: number, end: number, to: Conn, head = ''): number {
    this.written = 0
    this.#joined.begin(to)
    this.#joined.addText(head)
    const next = this.done || at === end ? at : this.#takeBytes(view, at, end)
    this.blocked = !this.#joined.end()
    return next
  }

  #takeBytes(view: ByteView, at: number, end: number): number {
    switch (this.#kind) {
      case BODY_NONE:
        return at
      case BODY_LENGTH: {
        const stop = Math.min(at + this.#remaining, end)
        this.#remaining -= stop - at
        this.done = this.#remaining === 0
        this.#write(view, at, stop)
        return stop
      }
      case BODY_CHUNKED:
        return this.#takeChunks(view, at, end)
      case BODY_CLOSE:
        this.#write(view, at, end)
        return end
      default:
        return this.#kind satisfies never
    }
  }

  #takeChunks(view: ByteView, at: number, end: number): number {
    const scanner = this.#scanner as ChunkedScanner
    let place = at
    while (place < end && !scanner.done) {
      const consumed = scanner.feed(view, place, end)
      if (consumed < 0) {
        this.#reject = consumed
        return end
      }
      for (let n = 0; n < scanner.spanCount; n++) {
        this.#write(view, scanner.spanStart(n), scanner.spanEnd(n))
      }
      place += consumed
    }
    this.done = scanner.done
    if (scanner.done) {
      this.written += scanner.trailers.length
      this.#joined.addText(scanner.trailers)
    }
    return place
  }

  #write(view: ByteView, start: number, end: number): void {
    this.written += end - start
    this.#joined.add(view, start, end)
  }
}
