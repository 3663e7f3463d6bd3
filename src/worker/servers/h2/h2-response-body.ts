import { GatheredBytes } from '../../../base/gathered-bytes.ts'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, type BodySink } from '../../../http/body.ts'
import { ContentCount } from '../../../http/h2/messages/content-count.ts'
import type { ResponseHead } from '../../../http/response-head.ts'
import type { ByteView } from '../../../net/conn.ts'

/**
 * The body of a response in HTTP/2 on its way to whoever takes it: held against its length, framed
 * where it goes on as HTTP/1, and kept while it is not taken.
 *
 * Bound: what is kept is one window of the stream.
 */
export class H2ResponseBody {
  readonly #content = new ContentCount()
  readonly #held = new GatheredBytes()
  /** Null before its head. */
  #to: BodySink | null = null
  #isThere = false
  /** It is handed over in chunks: RFC 9112 section 7.1. */
  #isChunked = false
  /** A chunk was handed over. */
  #hasChunks = false
  #trailers = ''
  /** It has ended, which nobody was told. */
  #isEndHeld = false
  /** It is not taken at present. */
  isPaused = false

  /** Nothing of the next one has come. */
  clear(): void {
    this.#held.clear()
    this.#to = null
    this.#isEndHeld = false
    this.isPaused = false
  }

  /** Its head has come. */
  get isBegun(): boolean {
    return this.#to !== null
  }

  /** What its head says of it. */
  announce({ body, contentLength }: ResponseHead): void {
    this.#isThere = body !== BODY_NONE
    this.#isChunked = body === BODY_CHUNKED
    this.#hasChunks = false
    this.#trailers = ''
    const bytes = body === BODY_LENGTH ? contentLength : 0
    this.#content.begin(this.#isChunked ? Number.POSITIVE_INFINITY : bytes)
  }

  /** It goes there. */
  begin(to: BodySink): void {
    this.#to = to
    if (!to.takesChunks) this.#isChunked = false
  }

  /** More of it has come. @returns how much of it is used up; -1: it is more than there may be */
  take(view: ByteView, start: number, end: number): number {
    const to = this.#to
    if (to === null || !this.#content.take(end - start)) return -1
    if (this.isPaused) {
      this.#held.add(view, start, end)
      return 0
    }
    this.#sendOn(to, view, start, end)
    return end - start
  }

  /** What stands behind it. @param trailers lines and the empty one after them; '' for none */
  trail(trailers: string): void {
    this.#trailers = trailers
  }

  /** It may end here. */
  get mayEnd(): boolean {
    return this.#to !== null && this.#content.mayEnd
  }

  /** It has ended. @returns false where that is to be said later: it is not taken at present */
  end(): boolean {
    const to = this.#to
    if (this.isPaused || to === null) {
      this.#isEndHeld = true
      return false
    }
    const trailers = this.#trailers
    if (this.#isChunked) {
      const last = `${this.#hasChunks ? '\r\n' : ''}0\r\n`
      sendText(to, trailers === '' ? `${last}\r\n` : last)
    }
    // HTTP/1 has trailers behind chunks alone.
    if (this.#isThere) to.endBody(this.#isChunked || !to.takesChunks ? trailers : '')
    return true
  }

  /** It is taken again. @returns how much was kept, which is used up now */
  resume(): number {
    this.isPaused = false
    const { bytes, length } = this.#held
    this.#held.clear()
    if (this.#to !== null && length > 0) this.#sendOn(this.#to, bytes, 0, length)
    return length
  }

  /** It had ended while it was not taken. */
  get isEndHeld(): boolean {
    return this.#isEndHeld
  }

  #sendOn(to: BodySink, view: ByteView, start: number, end: number): void {
    if (this.#isChunked) {
      sendText(to, `${this.#hasChunks ? '\r\n' : ''}${(end - start).toString(16)}\r\n`)
      this.#hasChunks = true
    }
    to.sendBody(view, start, end)
  }
}

function sendText(to: BodySink, text: string): void {
  const view = Buffer.from(text, 'latin1')
  to.sendBody(view, 0, view.length)
}
