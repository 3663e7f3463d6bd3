import { BODY_LENGTH, BODY_NONE } from '../../http/body.ts'
import { latin1 } from '../../http/characters.ts'
import type { RequestHead } from '../../http/h1/request-head.ts'
import { FACT_BINDS_CONNECTION } from '../../http/header-table.ts'
import { isIdempotent } from '../../http/methods.ts'
import type { ByteView, Conn } from '../../net/conn.ts'
import type { BackendRuntime, FrontendRuntime } from '../runtime.ts'
import type { Services } from '../services.ts'
import { BodyTransfer } from './body-transfer.ts'
import { OwnTrailers } from './own-trailers.ts'

const NO_BYTES = Buffer.alloc(0)

/** Bodies up to this size that came whole with their head are sent together with it. */
const JOINED_BODY_BYTES_MAX = 4096

/**
 * The request side of an exchange: the rewritten head, then the body as it comes. The body of a
 * request that may be done twice is kept for another try, up to `http.retry-bufsize`.
 */
export class HttpRequest {
  readonly #body: BodyTransfer
  readonly #trailers = new OwnTrailers()
  readonly #keptBytesMax: number
  #text = ''
  #headSent = false
  #isIdempotent = false
  /** What was sent of the body, as it was received: the first `#keptBytes` of it. */
  #kept = NO_BYTES
  #keptBytes = 0
  /** Body bytes were sent that are kept nowhere. */
  #isLost = false
  /** Everything that the client has to send of this request has been taken from it. */
  isComplete = true
  /** It can be expected to stay {@link canResend}, however far it gets. */
  mayResend = false
  /** It may authenticate the connection that it is sent on: nobody else may be given that. */
  bindsConnection = false

  constructor({ chunkLimits, tune }: Services) {
    this.#body = new BodyTransfer(chunkLimits, 'request', this.#trailers.drops)
    this.#keptBytesMax = tune.httpRetryBodyBytesMax
  }

  /** Starts on the request whose head was just parsed. */
  begin({ body, contentLength, method, headers }: RequestHead): void {
    this.bindsConnection = (headers.facts & FACT_BINDS_CONNECTION) !== 0
    this.#body.begin(body, contentLength, false)
    this.#trailers.begin(headers)
    this.forget()
    this.#headSent = false
    this.#isLost = false
    this.#isIdempotent = isIdempotent(method)
    this.isComplete = this.#body.done
    const fits = body === BODY_NONE || (body === BODY_LENGTH && contentLength <= this.#keptBytesMax)
    this.mayResend = this.#isIdempotent && fits
  }

  /** Gives up what is kept for another try: there will be none. */
  forget(): void {
    this.#text = ''
    this.#forgetKept()
  }

  /** @param text the head as it is to be sent on from a frontend to a backend */
  setHead(text: string, frontend: FrontendRuntime, backend: BackendRuntime): void {
    this.#text = text
    this.#trailers.passThrough(frontend, backend)
  }

  /** More of the body is to come from the client, and could be passed on. */
  get isAwaited(): boolean {
    return !this.isComplete && !this.#body.blocked
  }

  /** The body breaks its framing. */
  get isBroken(): boolean {
    return this.#body.failed
  }

  /** What the client is answered where {@link isBroken}. */
  get refusalStatus(): number {
    return this.#body.refusalStatus
  }

  /** The server does not keep up. */
  get isBlocked(): boolean {
    return this.#body.blocked
  }

  /**
   * Sending it a second time is harmless (RFC 9110 section 9.2.2), and all that was sent is still
   * here.
   */
  get canResend(): boolean {
    return this.#isIdempotent && !this.#isLost
  }

  /** The next server is to be sent everything again. Invariant: {@link canResend}. */
  rewind(): void {
    this.#headSent = false
    if (this.#keptBytes > 0) this.#body.restart()
  }

  /**
   * Sends what is at hand: the head first, then of `view[at, end)` what belongs to the body.
   *
   * @returns where the taken bytes end
   */
  send(view: ByteView, at: number, end: number, server: Conn): number {
    if (this.#headSent) return this.#sendBody(view, at, end, server, '')
    this.#headSent = true
    const joined = this.#body.wholeLength(end - at, JOINED_BODY_BYTES_MAX)
    if (joined === 0 || this.#keptBytes > 0) return this.#sendFromStart(view, at, end, server)
    // Kept with the head, a short body is sent again by another try.
    this.#text += latin1(view, at, at + joined)
    this.#body.finish()
    this.isComplete = true
    server.write(this.#text)
    return at + joined
  }

  /** Sends the head, what was sent of the body before, and what is at hand. */
  #sendFromStart(view: ByteView, at: number, end: number, server: Conn): number {
    const kept = this.#keptBytes
    if (kept === 0) return this.#sendBody(view, at, end, server, this.#text)
    this.#body.take(this.#kept, 0, kept, server, this.#text)
    return at === end ? at : this.#sendBody(view, at, end, server, '')
  }

  #sendBody(view: ByteView, at: number, end: number, server: Conn, head: string): number {
    const next = this.#body.take(view, at, end, server, head)
    if (next > at) this.#keep(view, at, next)
    if (this.#body.done) this.isComplete = true
    return next
  }

  #keep(view: ByteView, start: number, end: number): void {
    if (this.#isLost) return
    const before = this.#keptBytes
    const after = before + end - start
    if (!this.#isIdempotent || after > this.#keptBytesMax) {
      this.#isLost = true
      this.#forgetKept()
      return
    }
    if (after > this.#kept.length) {
      // Doubled, so that a body that comes byte by byte is not copied with every one of them.
      const room = Math.min(Math.max(after, 2 * this.#kept.length), this.#keptBytesMax)
      const grown = Buffer.allocUnsafe(room)
      this.#kept.copy(grown, 0, 0, before)
      this.#kept = grown
    }
    view.copy(this.#kept, before, start, end)
    this.#keptBytes = after
  }

  #forgetKept(): void {
    this.#kept = NO_BYTES
    this.#keptBytes = 0
  }
}
