import type { H2Connection } from '../../../http/h2/h2-connection.ts'
import type { H2Stream } from '../../../http/h2/h2-stream.ts'
import { writeTrailers } from '../../../http/h2/messages/request-writer.ts'
import type { ByteView } from '../../../net/conn.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * What one stream sends behind its head. The last piece waits for what comes behind it, so that the
 * stream ends with it and not with a frame of its own; and what the windows have no room for is kept.
 *
 * Bound: whoever is told by {@link isBlocked} to stop has handed over one read of its source by then.
 */
export class H2Outlet {
  readonly #h2: H2Connection
  #stream: H2Stream | null = null
  /** The piece that came last, a view that is valid until the present event is worked off. */
  #view: ByteView = NO_BYTES
  #start = 0
  #end = 0
  /** A copy of what there was no room for, from {@link #keptStart} on. */
  #kept = NO_BYTES
  #keptStart = 0
  /** What stands behind all; null while that is not known. */
  #trailers: string | null = null

  constructor(h2: H2Connection) {
    this.#h2 = h2
  }

  /** Sends on this stream from now on. */
  begin(stream: H2Stream): void {
    this.#stream = stream
    this.#view = NO_BYTES
    this.#start = 0
    this.#end = 0
    this.#kept = NO_BYTES
    this.#keptStart = 0
    this.#trailers = null
  }

  /** Drops what is left. */
  forget(): void {
    this.#stream = null
    this.#view = NO_BYTES
    this.#kept = NO_BYTES
  }

  /** Bytes that wait for room. */
  get keptBytes(): number {
    return this.#kept.length - this.#keptStart
  }

  /** Some wait for room. */
  get isBlocked(): boolean {
    return this.keptBytes > 0
  }

  /** Adds `view[start, end)`. */
  add(view: ByteView, start: number, end: number): void {
    if (start === end) return
    this.push()
    this.#view = view
    this.#start = start
    this.#end = end
  }

  /** Nothing follows but these. @param trailers lines and the empty one after them, or '' */
  end(trailers: string): void {
    this.#trailers ??= trailers
  }

  /** Sends what was added, or keeps it until there is room. */
  push(): void {
    const stream = this.#stream
    if (stream === null) return
    const view = this.#view
    const start = this.#start
    const end = this.#end
    this.#view = NO_BYTES
    this.#start = 0
    this.#end = 0
    if (this.isBlocked) {
      if (start < end) {
        this.#kept = Buffer.concat([
          this.#kept.subarray(this.#keptStart),
          view.subarray(start, end),
        ])
        this.#keptStart = 0
      }
      return
    }
    const sent = this.#send(stream, view, start, end)
    if (sent === end - start) return
    this.#kept = Buffer.from(view.subarray(start + sent, end))
    this.#keptStart = 0
  }

  /** There is room again. @returns whether any of what was kept could be sent */
  pushKept(): boolean {
    const stream = this.#stream
    if (stream === null || !this.isBlocked) return false
    const sent = this.#send(stream, this.#kept, this.#keptStart, this.#kept.length)
    this.#keptStart += sent
    if (!this.isBlocked) {
      this.#kept = NO_BYTES
      this.#keptStart = 0
    }
    return sent > 0
  }

  #send(stream: H2Stream, view: ByteView, start: number, end: number): number {
    if (stream.isLocalEnded) return end - start
    const trailers = this.#trailers
    const sent = this.#h2.sendData(stream, view, start, end, trailers === '')
    if (sent === end - start && trailers !== null && trailers !== '' && !stream.isClosed) {
      this.#h2.beginHead()
      writeTrailers(trailers, this.#h2)
      this.#h2.endHead(stream, true)
    }
    return sent
  }
}
