import { BODY_NONE, type BodyKind } from './body.ts'
import { type FieldLines, forEachField } from './fields.ts'
import {
  DROPS_EXPECT,
  DROPS_HOP_BY_HOP,
  DROPS_UPGRADE,
  FACT_EDITED,
  FACT_TE_TRAILERS,
  keptFields,
} from './header-table.ts'
import type { RequestHead } from './request-head.ts'
import { TARGET_ABSOLUTE } from './request-target.ts'

/** What is changed in a request on its way. One object serves a thread: set each field or leave it. */
export interface RequestEdits {
  /** Fields to add. The caller vouches for their grammar. */
  added: FieldLines
  /** A request target to send in place of the received one; '' keeps it. */
  target: string
  /**
   * No Host is sent, neither a received one nor one among the added fields: the client speaks
   * HTTP/1.0 and has named none. None is made up, so that the server gets the host that rules saw.
   */
  hostless: boolean
}

/**
 * The head of a request on its way to a server, whatever version of HTTP carries it there: the
 * received one as it is forwarded, with what is changed in it. It is made of strings alone, so that
 * it stays when the table that it is made from has gone on to the next request, for as many tries as
 * there are.
 *
 * Hop-by-hop fields are left out (RFC 9110 section 7.6.1), and what they said that concerns the
 * server is told beside the fields. Content-Length is among the fields where there is one; so is
 * Transfer-Encoding, which is HTTP/1's alone, exactly where {@link body} is chunked.
 *
 * Invariant: what was received as HTTP/1.1 and goes on unchanged is one string, which nobody cuts or
 * copies: {@link text}.
 */
export class OutgoingRequest {
  method = ''
  body: BodyKind = BODY_NONE
  /** The body is in chunks by its fields, but what comes is their data: HTTP/1 is to frame it. */
  isUnframed = false
  /** The protocols that the client asks to change to (RFC 9110 section 7.8), or ''. */
  upgrade = ''
  /** The client takes trailers of the response (RFC 9110 section 10.1.4). */
  takesTrailers = false
  /** There is no Host, which only HTTP/1.0 allows (RFC 9112 section 3.2). */
  hostless = false
  /**
   * Lines of HTTP/1: the fields that came, from {@link fieldsStart} to {@link fieldsEnd}. Behind
   * these at most the blank line stands; before them, where {@link isLineKept}, the first line.
   */
  text = ''
  fieldsStart = 0
  fieldsEnd = 0
  /** Fields behind those that came. */
  added: FieldLines = ''
  /** '' where the first line is kept. */
  #target = ''
  /** Where the target ends in the first line that is kept. */
  #targetEnd = 0

  /** Takes over a head that was received. */
  begin(head: RequestHead, { added, target, hostless }: RequestEdits): void {
    const { headers, requestTarget, minorVersion } = head
    const isAbsolute = requestTarget.form === TARGET_ABSOLUTE
    this.method = head.method
    this.body = head.body
    this.isUnframed = false
    this.hostless = hostless
    this.added = added
    this.#targetEnd = requestTarget.end
    if (minorVersion === 1 && !isAbsolute) this.#target = target
    else this.#target = target || (isAbsolute ? head.path : head.target)
    if ((headers.facts & FACT_EDITED) !== 0 || minorVersion === 0) {
      this.#keepSome(head)
      return
    }
    this.upgrade = ''
    this.takesTrailers = false
    this.text = headers.text
    this.fieldsStart = head.headersStart
    this.fieldsEnd = this.text.length - 2
  }

  /** Lets go of the head. */
  clear(): void {
    this.text = ''
    this.added = ''
    this.upgrade = ''
    this.#target = ''
  }

  /** Some field is not to go on, or not as it came. */
  #keepSome(head: RequestHead): void {
    const { headers, headersStart, minorVersion } = head
    const isOld = minorVersion === 0
    this.upgrade = head.upgrade
    // An HTTP/1.0 client is sent no chunks, so that no trailer would reach it.
    this.takesTrailers = !isOld && (headers.facts & FACT_TE_TRAILERS) !== 0
    // RFC 9110 section 10.1.1: in HTTP/1.0 the expectation is ignored; our server would not.
    const dropped = DROPS_HOP_BY_HOP | DROPS_UPGRADE | (isOld ? DROPS_EXPECT : 0)
    this.fieldsStart = this.isLineKept ? headersStart : 0
    this.text = keptFields(headers, headersStart - this.fieldsStart, dropped)
    this.fieldsEnd = this.text.length
  }

  /** The text begins with the request line that HTTP/1.1 has for this request. */
  get isLineKept(): boolean {
    return this.#target === ''
  }

  /**
   * What is asked for: path and query, `*`, or the authority of CONNECT. An absolute target becomes
   * one in origin form (RFC 9112 section 3.2.1).
   */
  get target(): string {
    return this.#target || this.text.substring(this.method.length + 1, this.#targetEnd)
  }

  /** All fields, in the order in which they are sent. */
  get fields(): FieldLines {
    return this.text.substring(this.fieldsStart, this.fieldsEnd) + this.added
  }

  /** The host that is asked, with its port where it is written, or ''. RFC 9110 section 7.2. */
  get authority(): string {
    let authority = ''
    forEachField(this.fields, (name, value) => {
      if (name.toLowerCase() === 'host') authority = value
    })
    return authority
  }

  /** What it takes as HTTP/1.1, but for what that says of the connection. */
  get bytes(): number {
    const line = this.isLineKept
      ? this.fieldsStart
      : this.method.length + this.#target.length + LINE_REST_BYTES
    return line + this.fieldsEnd - this.fieldsStart + this.added.length + BLANK_LINE_BYTES
  }
}

/** Bytes of a request line beside method and target. */
const LINE_REST_BYTES = '  HTTP/1.1\r\n'.length
const BLANK_LINE_BYTES = 2
