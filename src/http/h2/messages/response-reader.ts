import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../body.ts'
import { DIGIT_BYTES } from '../../characters.ts'
import {
  FACT_EDITED,
  FACT_LENGTH,
  HEADER_CONTENT_LENGTH,
  HEADER_TE,
  HEADER_TRANSFER_ENCODING,
} from '../../header-table.ts'
import { REJECT } from '../../rejects.ts'
import type { ResponseHead } from '../../response-head.ts'
import { HeaderField } from '../hpack/header-field.ts'
import type { FieldBlock } from './field-block.ts'
import { KIND_PSEUDO, kindOf } from './field-kind.ts'
import { FieldText } from './field-text.ts'

const STATUS_DIGITS = 3
const STATUS_MIN = 100
const NO_CONTENT = new HeaderField('content-length', '0')
const CHUNKED = new HeaderField('transfer-encoding', 'chunked')

/**
 * Reads heads of responses in HTTP/2 into the table that HTTP/1 fills, with the text that HTTP/1 has
 * for them. A content whose length is not told is one in chunks there, and none at all one of length
 * 0: both are written down so, and are true for who reads the head as HTTP/1.
 */
export class ResponseReader {
  readonly #head: ResponseHead
  readonly #text: FieldText

  /** @param head scratch that every response is read into */
  constructor(head: ResponseHead) {
    this.#head = head
    this.#text = new FieldText(head.headers)
  }

  /**
   * Reads a head, interim or final: RFC 9113 sections 8.1 to 8.3.
   *
   * @param requestMethod the method of the request that this answers, which decides on the content
   * @param isLast nothing follows it
   * @returns 0, or a reject code: the response is malformed (RFC 9113 section 8.1.1)
   */
  read(block: FieldBlock, requestMethod: string, isLast: boolean): number {
    if (block.reject < 0) return block.reject
    const head = this.#head
    const text = this.#text
    const status = statusOf(block)
    if (status < 0) return status
    head.status = status
    head.minorVersion = 1
    head.isH2 = true
    head.tunnel = requestMethod === 'CONNECT' && status >= 200 && status < 300
    const line = `HTTP/1.1 ${status} \r\n`
    text.begin(line)
    head.headersStart = line.length
    // RFC 9110 section 9.3.6: what comes after success is the tunnel's.
    head.headers.framingIgnored = head.tunnel
    for (let index = 1; index < block.count; index++) {
      const field = block.at(index)
      const kind = kindOf(field)
      const code = kind < 0 ? kind : this.#add(field, kind)
      if (code < 0) return code
    }
    const code = this.#settle(requestMethod, isLast)
    return code < 0 ? code : text.end(head.limits.headBytesMax)
  }

  #add(field: HeaderField, kind: number): number {
    // RFC 9113 section 8.3: they come first, once each; and a response has one.
    if (kind === KIND_PSEUDO) return REJECT.pseudoField
    // Of what is about a connection it is the one that a request may have: section 8.2.2.
    return kind === HEADER_TE ? REJECT.connectionField : this.#text.add(field, kind)
  }

  /** Says how the content is found, as the reader of HTTP/1 does. Returns 0 or a reject code. */
  #settle(requestMethod: string, isLast: boolean): number {
    const head = this.#head
    const { headers, status, tunnel } = head
    // RFC 9113 section 8.6.
    if (status === 101) return REJECT.switching
    // Section 8.1: a final response follows an interim one.
    if (status < 200 && isLast) return REJECT.streamEnd
    head.persistent = true
    head.body = BODY_NONE
    if (tunnel || status < 200 || status === 204) {
      if (tunnel || (headers.facts & FACT_LENGTH) !== 0) headers.facts |= FACT_EDITED
      return 0
    }
    if (requestMethod === 'HEAD' || status === 304) return 0
    return isLast ? this.#settleEmpty() : this.#settleBody()
  }

  #settleEmpty(): number {
    const { facts, contentLength } = this.#head.headers
    if (contentLength > 0) return REJECT.contentLength
    return (facts & FACT_LENGTH) !== 0 ? 0 : this.#text.add(NO_CONTENT, HEADER_CONTENT_LENGTH)
  }

  #settleBody(): number {
    const head = this.#head
    const { facts, contentLength } = head.headers
    if ((facts & FACT_LENGTH) !== 0) {
      head.body = contentLength > 0 ? BODY_LENGTH : BODY_NONE
      return 0
    }
    head.body = BODY_CHUNKED
    return this.#text.add(CHUNKED, HEADER_TRANSFER_ENCODING)
  }
}

/** RFC 9113 section 8.3.2. Returns the status, or a reject code. */
function statusOf(block: FieldBlock): number {
  const first = block.count > 0 ? block.at(0) : null
  if (first === null || first.name !== ':status') return REJECT.pseudoField
  const { value } = first
  if (value.length !== STATUS_DIGITS) return REJECT.pseudoField
  for (let at = 0; at < STATUS_DIGITS; at++) {
    if (DIGIT_BYTES[value.charCodeAt(at)] !== 1) return REJECT.pseudoField
  }
  const status = Number(value)
  return status < STATUS_MIN ? REJECT.pseudoField : status
}
