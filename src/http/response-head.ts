import { BODY_NONE, type BodyKind } from './body.ts'
import { HeaderTable } from './header-table.ts'
import type { HeadLimits } from './limits.ts'

/** Length of `HTTP/1.1 200`, after which a reason may follow. */
const STATUS_END = 12

/**
 * The head of a response. One object serves response after response: a reader
 * of its version of HTTP fills it, and its fields are valid until the next one. Its text is that of
 * HTTP/1.1, which stands for the message in any version.
 */
export class ResponseHead {
  readonly limits: HeadLimits
  readonly headers: HeaderTable
  /** 100-999. Above 599 there is no class, but servers use them (RFC 9110 section 15). */
  status = 0
  /** 0 or 1: the server speaks HTTP/1.0 or HTTP/1.1; 1 where it speaks HTTP/2. */
  minorVersion = 1
  /** The server speaks HTTP/2. */
  isH2 = false
  /** Where the first header line begins in `text`. */
  headersStart = 0
  body: BodyKind = BODY_NONE
  /** The connection is a tunnel after this head: 101, or a CONNECT that succeeded. */
  tunnel = false
  /** Whether the server's connection may serve another request after the body. */
  persistent = false

  /** @param limits bounds that every head read into this object must keep */
  constructor(limits: HeadLimits) {
    this.limits = limits
    this.headers = new HeaderTable(limits.headersMax)
  }

  /** The whole head as latin1, up to and with the blank line. */
  get text(): string {
    return this.headers.text
  }

  /** The version that the server speaks, as rules tell it. */
  get version(): string {
    if (this.isH2) return '2.0'
    return this.minorVersion === 0 ? '1.0' : '1.1'
  }

  /** The reason phrase, often ''. */
  get reason(): string {
    const lineEnd = this.headersStart - 2
    // Where its space is missing, too, the line ends with the status.
    return lineEnd > STATUS_END ? this.text.substring(STATUS_END + 1, lineEnd) : ''
  }

  /** The number of bytes that follow as body where `body` is {@link BODY_LENGTH}, 0 to 2^53-1. */
  get contentLength(): number {
    return this.headers.contentLength
  }

  /** The protocol that the server changes to with 101, otherwise what it offers; or ''. */
  get upgrade(): string {
    return this.headers.get('upgrade') ?? ''
  }
}
