import type { BodySink } from '../../http/body.ts'
import { BODY_LENGTH, BODY_NONE } from '../../http/body.ts'
import { FACT_BINDS_CONNECTION } from '../../http/header-table.ts'
import { isIdempotent } from '../../http/methods.ts'
import type { RequestHead } from '../../http/request-head.ts'
import type { TuneConfig } from '../../model/config.ts'
import type { OutgoingHead, ServerStream } from '../streams/server-stream.ts'
import { OwnTrailers } from './rewriting/own-trailers.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * Bodies of a known length up to this size are kept whatever `http.retry-bufsize`, where they come in
 * one piece.
 */
const SMALL_BODY_BYTES_MAX = 4096

/**
 * The request side of an exchange: the rewritten head, then the body as it comes. The body of a
 * request that may be done twice is kept for another try, up to `http.retry-bufsize`.
 *
 * Invariant: it is a sink only while a server stream is {@link start}ed.
 */
export class HttpRequest implements BodySink, OutgoingHead {
  readonly trailers = new OwnTrailers()
  readonly #keptBytesMax: number
  #server: ServerStream | null = null
  #isIdempotent = false
  /** What was sent of the body: the first `#keptBytes` of it. */
  #kept = NO_BYTES
  #keptBytes = 0
  /** Body bytes were sent that are kept nowhere. */
  #isLost = false
  /** The length of a body that is small enough to be kept in any case, else 0. */
  #smallBytes = 0
  /** What stands behind the body; null while that has not ended. */
  #keptEnd: string | null = null
  text = ''
  method = ''
  asksUpgrade = false
  /** The server does not keep up. */
  isBlocked = false
  /** It can be expected to stay {@link canResend}, however far it gets. */
  mayResend = false
  /** It may authenticate the connection that it is sent on: nobody else may be given that. */
  bindsConnection = false

  constructor({ httpRetryBodyBytesMax }: TuneConfig) {
    this.#keptBytesMax = httpRetryBodyBytesMax
  }

  /** Starts on the request with this head. */
  begin(head: RequestHead): void {
    const { body, contentLength, method, headers } = head
    this.bindsConnection = (headers.facts & FACT_BINDS_CONNECTION) !== 0
    this.trailers.begin(headers)
    this.forget()
    this.#isLost = false
    this.#isIdempotent = isIdempotent(method)
    this.method = method
    this.asksUpgrade = head.upgrade !== ''
    this.isBlocked = false
    const isSmall = body === BODY_LENGTH && contentLength <= SMALL_BODY_BYTES_MAX
    this.#smallBytes = isSmall ? contentLength : 0
    const fits = body === BODY_NONE || (body === BODY_LENGTH && contentLength <= this.#keptBytesMax)
    this.mayResend = this.#isIdempotent && fits
  }

  /** Gives up what is kept for another try: there will be none. */
  forget(): void {
    this.#server = null
    this.text = ''
    this.#keptEnd = null
    this.#forgetKept()
  }

  /** @param text the head as it is to be sent on from a frontend to a backend */
  setHead(text: string, frontend: FrontendRuntime, backend: BackendRuntime): void {
    this.text = text
    this.trailers.passThrough(frontend, backend)
  }

  /**
   * Sending it a second time is harmless (RFC 9110 section 9.2.2), and all that was sent is still
   * here.
   */
  get canResend(): boolean {
    return this.#isIdempotent && !this.#isLost
  }

  get takesChunks(): boolean {
    return this.#server?.takesChunks === true
  }

  /** Begins on a server's stream, with everything that an earlier server was sent. */
  start(server: ServerStream): void {
    this.#server = server
    server.sendHead(this)
    if (this.#keptBytes > 0) server.sendBody(this.#kept, 0, this.#keptBytes)
    if (this.#keptEnd !== null) server.endBody(this.#keptEnd)
  }

  sendBody(view: Buffer, start: number, end: number): void {
    this.#server?.sendBody(view, start, end)
    this.#keep(view, start, end)
  }

  endBody(trailers: string): void {
    this.#server?.endBody(trailers)
    this.#keptEnd = trailers
  }

  /** Sends what was handed over. */
  flush(): void {
    this.isBlocked = this.#server?.flush() === false
  }

  #keep(view: Buffer, start: number, end: number): void {
    if (this.#isLost) return
    const before = this.#keptBytes
    const after = before + end - start
    const fits = after <= this.#keptBytesMax || (before === 0 && after === this.#smallBytes)
    if (!this.#isIdempotent || !fits) {
      this.#isLost = true
      this.#forgetKept()
      return
    }
    if (after > this.#kept.length) {
      // Doubled, so that a body that comes byte by byte is not copied with every one of them.
      const room = Math.max(after, Math.min(2 * this.#kept.length, this.#keptBytesMax))
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
