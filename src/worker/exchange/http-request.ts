import type { BodySink } from '../../http/body.ts'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../http/body.ts'
import { FACT_BINDS_CONNECTION } from '../../http/header-table.ts'
import { isIdempotent } from '../../http/methods.ts'
import { OutgoingRequest } from '../../http/outgoing-request.ts'
import type { RequestHead } from '../../http/request-head.ts'
import type { TuneConfig } from '../../model/config.ts'
import type { ServerStream } from '../streams/server-stream.ts'
import { KeptBody } from './kept-body.ts'
import { OwnTrailers } from './rewriting/own-trailers.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'

/**
 * The request side of an exchange: the rewritten head, then the body as it comes. The body of a
 * request that may be done twice is kept for another try, up to `http.retry-bufsize`.
 *
 * Invariant: it is a sink only while a server stream is {@link start}ed, or its body is collected.
 */
export class HttpRequest implements BodySink {
  /** As it is sent on, for as many tries as there are. */
  readonly head = new OutgoingRequest()
  readonly trailers = new OwnTrailers()
  readonly #kept: KeptBody
  #server: ServerStream | null = null
  #isIdempotent = false
  /** What was sent is kept: for a request that may be done twice, or where a server may refuse it. */
  #isKept = false
  /** The body is in chunks by its head, and comes as their data alone. */
  #isUnframed = false
  /** The server does not keep up. */
  isBlocked = false
  /** It can be expected to stay {@link canResend}, however far it gets. */
  mayResend = false
  /** It may authenticate the connection that it is sent on: nobody else may be given that. */
  bindsConnection = false

  constructor({ httpRetryBodyBytesMax }: TuneConfig) {
    this.#kept = new KeptBody(httpRetryBodyBytesMax)
  }

  /** Starts on the request with this head. */
  begin(head: RequestHead): void {
    const { body, contentLength, method, headers } = head
    this.bindsConnection = (headers.facts & FACT_BINDS_CONNECTION) !== 0
    this.trailers.begin(headers)
    this.forget()
    this.#isIdempotent = isIdempotent(method)
    this.#isKept = this.#isIdempotent
    this.#isUnframed = head.isH2 && body === BODY_CHUNKED
    this.isBlocked = false
    const length = body === BODY_LENGTH ? contentLength : 0
    this.#kept.begin(length)
    const isKnown = body === BODY_NONE || body === BODY_LENGTH
    this.mayResend = this.#isIdempotent && isKnown && this.#kept.hasRoom(length)
  }

  /** Gives up what is kept for another try: there will be none. */
  forget(): void {
    this.#server = null
    this.head.clear()
    this.#kept.forget()
  }

  /** Its {@link head} is as it goes on from a frontend to a backend. */
  passThrough(frontend: FrontendRuntime, backend: BackendRuntime): void {
    if (backend.pool.speaksH2) {
      // What is sent to one server may go to another one that speaks another version.
      if (this.head.body === BODY_CHUNKED) this.#isUnframed = true
      this.#isKept = true
    }
    this.head.isUnframed = this.#isUnframed
    this.trailers.passThrough(frontend, backend)
  }

  /**
   * The body is to be collected before there is a server, for rules that wait for it.
   *
   * @param isChunked the head says that it comes in chunks; what is collected is their data
   */
  collect(isChunked: boolean): void {
    this.#isUnframed = isChunked
  }

  /** Bytes of the body that were collected. */
  get collectedBytes(): number {
    return this.#kept.length
  }

  /** What was collected of the body, one character a byte. */
  get collectedText(): string {
    return this.#kept.text
  }

  /**
   * Sending it a second time is harmless (RFC 9110 section 9.2.2), and all that was sent is still
   * here.
   */
  get canResend(): boolean {
    return this.#isIdempotent && this.canRepeat
  }

  /** All that was sent is still here. */
  get canRepeat(): boolean {
    return !this.#kept.isLost
  }

  get takesChunks(): boolean {
    return !this.#isUnframed && this.#server?.takesChunks === true
  }

  /** Begins on a server's stream, with everything that an earlier server was sent. */
  start(server: ServerStream): void {
    this.#server = server
    server.sendHead(this.head)
    this.#kept.replay(server)
    // What was collected may be more than is kept for another try.
    if (this.#isKept) this.#kept.trim()
    else this.#kept.lose()
  }

  sendBody(view: Buffer, start: number, end: number): void {
    const server = this.#server
    if (server === null) {
      this.#kept.addUnsent(view, start, end)
      return
    }
    server.sendBody(view, start, end)
    if (this.#isKept) this.#kept.add(view, start, end)
  }

  endBody(trailers: string): void {
    this.#server?.endBody(trailers)
    this.#kept.close(trailers)
  }

  /** Sends what was handed over. */
  flush(): void {
    this.isBlocked = this.#server?.flush() === false
  }
}
