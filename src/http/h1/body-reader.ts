import type { BodySink } from '../body.ts'
import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, type BodyKind } from '../body.ts'
import type { ChunkLimits } from '../limits.ts'
import { rejectOf } from '../rejects.ts'
import type { TrailerTest } from '../trailers.ts'
import { ChunkedScanner } from './chunked-scanner.ts'

/**
 * Finds where the body of a message ends among the bytes of a connection, and hands on what belongs
 * to it as it comes. One object reads body after body.
 */
export class BodyReader {
  readonly #chunkLimits: ChunkLimits
  readonly #direction: 'request' | 'response'
  readonly #dropsTrailer: TrailerTest
  #kind: BodyKind = BODY_NONE
  #remaining = 0
  #scanner: ChunkedScanner | null = null
  /** The scanner is at this body: it was told what its sink takes. */
  #isScanning = false
  #reject = 0
  /** The body was handed on whole. */
  done = true

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
   */
  begin(kind: BodyKind, length: number): void {
    this.#kind = kind
    this.#remaining = length
    this.#isScanning = false
    this.#reject = 0
    this.done = kind === BODY_NONE
  }

  /** Only the end of its connection ends the body (RFC 9112 section 6.3), which is still coming. */
  get endsAtClose(): boolean {
    return this.#kind === BODY_CLOSE && !this.done
  }

  /** The body breaks the grammar of chunks (RFC 9112 section 7.1) or its bounds. */
  get failed(): boolean {
    return this.#reject < 0
  }

  /** What the client is answered whose request has a body that {@link failed}. */
  get refusalStatus(): number {
    return rejectOf(this.#reject).status
  }

  /**
   * Hands on what belongs to the body of `view[at, end)`, and tells the sink where it ends.
   *
   * @returns where the body's bytes end
   */
  take(view: Buffer, at: number, end: number, to: BodySink): number {
    if (this.done || at === end) return at
    switch (this.#kind) {
      case BODY_NONE:
        return at
      case BODY_LENGTH:
        return this.#takeLength(view, at, end, to)
      case BODY_CHUNKED:
        return this.#takeChunks(view, at, end, to)
      case BODY_CLOSE:
        to.sendBody(view, at, end)
        return end
      default:
        return this.#kind satisfies never
    }
  }

  /** The connection has ended, and with it a body that {@link endsAtClose}. */
  close(to: BodySink): void {
    this.done = true
    to.endBody('')
  }

  #takeLength(view: Buffer, at: number, end: number, to: BodySink): number {
    const stop = Math.min(at + this.#remaining, end)
    this.#remaining -= stop - at
    to.sendBody(view, at, stop)
    if (this.#remaining === 0) {
      this.done = true
      to.endBody('')
    }
    return stop
  }

  #takeChunks(view: Buffer, at: number, end: number, to: BodySink): number {
    const scanner = this.#scannerFor(to)
    let place = at
    while (place < end && !scanner.done) {
      const consumed = scanner.feed(view, place, end)
      if (consumed < 0) {
        this.#reject = consumed
        return end
      }
      for (let n = 0; n < scanner.spanCount; n++) {
        to.sendBody(view, scanner.spanStart(n), scanner.spanEnd(n))
      }
      place += consumed
    }
    if (scanner.done) {
      this.done = true
      to.endBody(scanner.trailers)
    }
    return place
  }

  /** Who is sent the body is known with its first bytes, not with its head. */
  #scannerFor({ takesChunks }: BodySink): ChunkedScanner {
    const scanner =
      this.#scanner ?? new ChunkedScanner(this.#chunkLimits, this.#direction, this.#dropsTrailer)
    this.#scanner = scanner
    if (this.#isScanning) return scanner
    this.#isScanning = true
    scanner.reset(!takesChunks)
    return scanner
  }
}
