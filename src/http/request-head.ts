import { BODY_NONE, type BodyKind } from './body.ts'
import {
  FACT_CLOSE,
  FACT_EXPECT_CONTINUE,
  FACT_HOST,
  FACT_KEEP_ALIVE,
  FACT_UPGRADE,
  FACT_UPGRADE_OPTION,
  HeaderTable,
} from './header-table.ts'
import type { HeadLimits } from './limits.ts'
import { RequestTarget } from './request-target.ts'

/**
 * The head of a request. One object serves request after request: a reader of
 * its version of HTTP fills it, and its fields are valid until the next one. Its text is that of HTTP/1.1,
 * which stands for the message in any version.
 */
export class RequestHead {
  readonly limits: HeadLimits
  readonly headers: HeaderTable
  /** As sent: methods are case-sensitive. RFC 9110 section 9.1. */
  method = ''
  /** 0 or 1: the client speaks HTTP/1.0 or HTTP/1.1; 1 where it speaks HTTP/2. */
  minorVersion = 1
  /** The client speaks HTTP/2: a body in chunks by its fields comes as their data alone. */
  isH2 = false
  /** Where the request target lies in `text`, and its form. */
  readonly requestTarget = new RequestTarget()
  /** Where the first header line begins in `text`. */
  headersStart = 0
  /** Never {@link BODY_CLOSE}: a request without framing has no body. RFC 9112 section 6.3. */
  body: BodyKind = BODY_NONE

  /** @param limits bounds that every head read into this object must keep */
  constructor(limits: HeadLimits) {
    this.limits = limits
    this.headers = new HeaderTable(limits.headersMax)
  }

  /** The whole head as latin1, from the method up to and with the blank line. */
  get text(): string {
    return this.headers.text
  }

  /** The version that the client speaks, as rules and logs tell it. */
  get version(): string {
    if (this.isH2) return '2.0'
    return this.minorVersion === 0 ? '1.0' : '1.1'
  }

  /** The request target as sent. */
  get target(): string {
    return this.text.substring(this.requestTarget.start, this.requestTarget.end)
  }

  /** Path and query, what to route by; see {@link RequestTarget.path}. */
  get path(): string {
    return this.requestTarget.path(this.text, this.method)
  }

  /**
   * Host and port as the target names them in a request without Host, which stand for one (RFC 9112
   * section 3.3): what rules see, and what is sent. '' where there is a Host, or neither.
   */
  get impliedHost(): string {
    if ((this.headers.facts & FACT_HOST) !== 0) return ''
    return this.requestTarget.authority(this.text)
  }

  /** The number of bytes that follow as body where `body` is {@link BODY_LENGTH}, 0 to 2^53-1. */
  get contentLength(): number {
    return this.headers.contentLength
  }

  /**
   * Whether the client may send another request after this one (RFC 9112 section 9.3). Also for
   * HTTP/1.0 clients that ask for it: what is refused to proxies there does not hold for a gateway,
   * which the client takes for the origin server.
   */
  get persistent(): boolean {
    const { facts } = this.headers
    if ((facts & FACT_CLOSE) !== 0) return false
    return this.minorVersion === 1 || (facts & FACT_KEEP_ALIVE) !== 0
  }

  /**
   * Whether the client waits for `100 Continue` before it sends the body. An HTTP/1.0 client never
   * does. RFC 9110 section 10.1.1.
   */
  get expectContinue(): boolean {
    return this.minorVersion === 1 && (this.headers.facts & FACT_EXPECT_CONTINUE) !== 0
  }

  /**
   * The protocols that the client asks to change to, or ''. Both the header and its Connection
   * option must be there, in HTTP/1.1. RFC 9110 section 7.8.
   */
  get upgrade(): string {
    const asked = FACT_UPGRADE | FACT_UPGRADE_OPTION
    if (this.minorVersion === 0 || (this.headers.facts & asked) !== asked) return ''
    return this.headers.get('upgrade') ?? ''
  }
}
