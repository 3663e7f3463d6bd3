import { latin1 } from '../http/characters.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { ByteView, Conn } from '../net/conn.ts'
import { BodyTransfer } from './body-transfer.ts'

/** Bodies up to this size that came whole with their head are sent together with it. */
const JOINED_BODY_BYTES_MAX = 4096

/** The request side of an exchange: the rewritten head, then the body as it comes. */
export class HttpRequest {
  readonly #body = new BodyTransfer()
  #text = ''
  #headSent = false

  /** Starts on the request whose head was just parsed. */
  begin(head: RequestHead): void {
    this.#body.begin(head.body, head.contentLength, false)
    this.#text = ''
    this.#headSent = false
  }

  /** @param text the head as it is to be sent */
  setHead(text: string): void {
    this.#text = text
  }

  /** Everything that the client has to send of this request has been taken from it. */
  get isComplete(): boolean {
    return this.#body.done
  }

  /** More of the body is to come from the client, and could be passed on. */
  get isAwaited(): boolean {
    return !this.#body.done && !this.#body.blocked
  }

  /** The body breaks its framing. */
  get isBroken(): boolean {
    return this.#body.failed
  }

  /** The server does not keep up. */
  get isBlocked(): boolean {
    return this.#body.blocked
  }

  /** All that was sent is still here. */
  get canResend(): boolean {
    return !this.#body.streamed
  }

  /** The next server is to be sent everything again. Invariant: {@link canResend}. */
  rewind(): void {
    this.#headSent = false
  }

  /**
   * Sends what is at hand: the head first, then of `view[at, end)` what belongs to the body.
   *
   * @returns where the taken bytes end
   */
  send(view: ByteView, at: number, end: number, server: Conn): number {
    const body = this.#body
    if (this.#headSent) return body.done ? at : body.take(view, at, end, server)
    this.#headSent = true
    const joined = body.wholeLength(end - at, JOINED_BODY_BYTES_MAX)
    if (joined === 0) return body.take(view, at, end, server, this.#text)
    // Kept with the head, a short body is sent again by another try.
    this.#text += latin1(view, at, at + joined)
    body.finish()
    server.write(this.#text)
    return at + joined
  }
}
