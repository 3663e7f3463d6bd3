import { GatheredBytes } from '../../../base/gathered-bytes.ts'
import type { H2Connection } from '../../../http/h2/h2-connection.ts'
import type { H2Stream } from '../../../http/h2/h2-stream.ts'
import { writeTrailers } from '../../../http/h2/messages/request-writer.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * The content of a request on its way into a stream of HTTP/2: what was handed over and has not been
 * sent. A piece that comes alone is not copied here; small ones go in one frame.
 */
export class UnsentContent {
  readonly #own = new GatheredBytes()
  /** What is to be sent: lent by who handed it over, until {@link keep}, or our own. */
  #view: Buffer = NO_BYTES
  #start = 0
  #end = 0
  #isOwn = false
  /** Nothing more is handed over, but for these trailers. */
  #trailers = ''
  #isEnded = false
  /** The end was sent, too. */
  #isDone = false

  /** Nothing is left to send at present. */
  get isEmpty(): boolean {
    return this.#start === this.#end && this.#isEnded === this.#isDone
  }

  /** The next content begins. */
  clear(): void {
    this.#forget()
    this.#trailers = ''
    this.#isEnded = false
    this.#isDone = false
  }

  /** Adds `view[start, end)`, which stays as it is until {@link keep}. */
  add(view: Buffer, start: number, end: number): void {
    if (start === end) return
    if (this.#start === this.#end) {
      this.#view = view
      this.#start = start
      this.#end = end
      return
    }
    this.keep()
    this.#own.add(view, start, end)
    this.#view = this.#own.bytes
    this.#end = this.#own.length
  }

  /** The content is whole. @param trailers lines and the empty one after them; '' for none */
  end(trailers: string): void {
    this.#isEnded = true
    this.#trailers = trailers
  }

  /** Sends what the windows have room for. */
  sendTo(h2: H2Connection, stream: H2Stream): void {
    if (this.isEmpty) return
    const isLast = this.#isEnded && this.#trailers === ''
    this.#start += h2.sendData(stream, this.#view, this.#start, this.#end, isLast)
    if (this.#start < this.#end) return
    this.#forget()
    if (!this.#isEnded || this.#isDone) return
    this.#isDone = true
    if (isLast) return
    h2.beginHead()
    writeTrailers(this.#trailers, h2)
    h2.endHead(stream, true)
  }

  /** What is left becomes our own. */
  keep(): void {
    if (this.#isOwn || this.#start === this.#end) return
    this.#own.add(this.#view, this.#start, this.#end)
    this.#view = this.#own.bytes
    this.#start = 0
    this.#end = this.#own.length
    this.#isOwn = true
  }

  #forget(): void {
    if (this.#isOwn) this.#own.clear()
    this.#view = NO_BYTES
    this.#start = 0
    this.#end = 0
    this.#isOwn = false
  }
}
