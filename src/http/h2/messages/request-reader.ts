import { authoritiesMatch } from '../../authority.ts'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from '../../body.ts'
import { skipTarget, skipToken } from '../../characters.ts'
import {
  FACT_LENGTH,
  HEADER_CONNECTION,
  HEADER_HOST,
  HEADER_OTHER,
  HEADER_TE,
  HEADER_TRANSFER_ENCODING,
  HEADER_UPGRADE,
} from '../../header-table.ts'
import { REJECT } from '../../rejects.ts'
import type { RequestHead } from '../../request-head.ts'
import { parseTarget, TARGET_ASTERISK } from '../../request-target.ts'
import { HeaderField } from '../hpack/header-field.ts'
import type { FieldBlock } from './field-block.ts'
import { KIND_PSEUDO, kindOf } from './field-kind.ts'
import { FieldText } from './field-text.ts'
import { asBytes } from './text-bytes.ts'

/** The schemes of what can go on as HTTP/1.1, with the ports that may be left out. */
const DEFAULT_PORTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['http', ['80']],
  ['https', ['443']],
])
const CONNECT = 'CONNECT'
const SLASH = 0x2f
/** Of a request line beside method and target, without its CRLF. */
const LINE_REST_BYTES = '  HTTP/1.1'.length
/** What stands between the pairs of a cookie. RFC 6265 section 4.2.1. */
const COOKIE_SEPARATOR = '; '
const WEBSOCKET_KEY = 'sec-websocket-key'

const CHUNKED = new HeaderField('transfer-encoding', 'chunked')
const UPGRADE_OPTION = new HeaderField('connection', 'Upgrade')
const UPGRADE_WEBSOCKET = new HeaderField('upgrade', 'websocket')

/** What the pseudo-header fields of a block say, null where one is not there. RFC 9113 section 8.3.1. */
class PseudoFields {
  method: string | null = null
  scheme: string | null = null
  authority: string | null = null
  path: string | null = null
  protocol: string | null = null

  clear(): void {
    this.method = null
    this.scheme = null
    this.authority = null
    this.path = null
    this.protocol = null
  }

  /** @returns whether it is known, and the first of its name */
  note({ name, value }: HeaderField): boolean {
    switch (name) {
      case ':method':
        if (this.method !== null) return false
        this.method = value
        return true
      case ':scheme':
        if (this.scheme !== null) return false
        this.scheme = value
        return true
      case ':authority':
        if (this.authority !== null) return false
        this.authority = value
        return true
      case ':path':
        if (this.path !== null) return false
        this.path = value
        return true
      case ':protocol':
        if (this.protocol !== null) return false
        this.protocol = value
        return true
      default:
        return false
    }
  }
}

/**
 * Reads heads of requests in HTTP/2 (RFC 9113 sections 8.2, 8.3 and 8.5) into the table that HTTP/1
 * fills, with the text that HTTP/1.1 has for the same request and by the checks that it is read with:
 * nobody behind the reader knows the version. A content whose length is not told is one in chunks
 * there.
 */
export class RequestReader {
  /** What is being read into; one after the other it may be several. */
  #head: RequestHead
  #text: FieldText
  readonly #pseudo = new PseudoFields()
  readonly #websocketKey: HeaderField | null
  /** Of the block that is being read: what its fields say of the host, and its cookies. */
  #host: string | null = null
  #cookie: string | null = null

  /**
   * @param head what requests are read into until another one is given
   * @param websocketKey Sec-WebSocket-Key for the servers of clients that ask for a WebSocket by
   *   RFC 8441, which have none; '' where clients are not told that they may
   */
  constructor(head: RequestHead, websocketKey: string) {
    this.#head = head
    this.#text = new FieldText(head.headers)
    this.#websocketKey = websocketKey === '' ? null : new HeaderField(WEBSOCKET_KEY, websocketKey)
  }

  /**
   * Reads a head.
   *
   * @param head what it is read into
   * @param isLast no content follows
   * @returns 0, or a reject code; where its status is 400 the request is malformed (RFC 9113 section
   *   8.1.1)
   */
  read(block: FieldBlock, head: RequestHead, isLast: boolean): number {
    if (head !== this.#head) {
      this.#head = head
      this.#text = new FieldText(head.headers)
    }
    this.#pseudo.clear()
    this.#host = null
    this.#cookie = null
    const wrong = this.#survey(block)
    if (wrong < 0) return wrong
    // What is malformed in the fields at hand goes before that there are too many.
    if (block.reject < 0) return block.reject
    const { method, protocol } = this.#pseudo
    if (method === null || method === '') return REJECT.pseudoField
    if (skipToken(asBytes(method), 0, method.length) !== method.length) return REJECT.requestLine
    this.#head.minorVersion = 1
    this.#head.isH2 = true
    if (protocol !== null) return this.#fillWebSocket(block, method, protocol)
    return method === CONNECT ? this.#fillConnect(block) : this.#fill(block, method, isLast)
  }

  /** Looks at all fields before one is taken. */
  #survey(block: FieldBlock): number {
    let isRegular = false
    for (let index = 0; index < block.count; index++) {
      const field = block.at(index)
      const kind = kindOf(field)
      if (kind < 0) return kind
      if (kind !== KIND_PSEUDO) {
        isRegular = true
        const code = this.#noteRegular(field, kind)
        if (code < 0) return code
      } else if (isRegular || !this.#pseudo.note(field)) {
        // RFC 9113 section 8.3: those that are defined, once each, before all others.
        return REJECT.pseudoField
      }
    }
    return 0
  }

  #noteRegular({ name, value }: HeaderField, kind: number): number {
    if (kind === HEADER_HOST) {
      if (this.#host !== null) return REJECT.hostRepeated
      this.#host = value
    } else if (kind === HEADER_TE) {
      // RFC 9113 section 8.2.2: it may say nothing else.
      if (value.toLowerCase() !== 'trailers') return REJECT.connectionField
    } else if (isCookie(name, kind)) {
      this.#addCookie(value)
    }
    return 0
  }

  /** RFC 9113 section 8.2.3: what came in crumbs goes on as one field. */
  #addCookie(crumb: string): void {
    const before = this.#cookie ?? ''
    // A separator with nothing beside it would be read as blanks around a value.
    const isOne = before === '' || crumb === ''
    this.#cookie = isOne ? before + crumb : before + COOKIE_SEPARATOR + crumb
  }

  #fill(block: FieldBlock, method: string, isLast: boolean): number {
    const host = this.#hostOf()
    if (typeof host === 'number') return host
    const { path } = this.#pseudo
    const code =
      pathReject(path, method) ||
      this.#beginText(method, path ?? '') ||
      this.#addFields(block, host) ||
      this.#frame(isLast)
    if (code < 0) return code
    this.#setTarget(method, path ?? '')
    return this.#end()
  }

  /** RFC 9113 section 8.5: `:authority` alone says what is asked for. */
  #fillConnect(block: FieldBlock): number {
    const { authority, scheme, path } = this.#pseudo
    if (authority === null || scheme !== null || path !== null) return REJECT.pseudoField
    const { requestTarget } = this.#head
    const start = CONNECT.length + 1
    const end = start + authority.length
    const code =
      parseTarget(asBytes(`${CONNECT} ${authority}`), 0, start, end, CONNECT, requestTarget) ||
      this.#hostReject(authority, requestTarget.defaultPorts) ||
      this.#beginText(CONNECT, authority) ||
      this.#addFields(block, authority) ||
      this.#frameTunnel()
    return code < 0 ? code : this.#end()
  }

  /** RFC 8441 section 5: what HTTP/1.1 calls an upgrade (RFC 6455 section 4.1). */
  #fillWebSocket(block: FieldBlock, method: string, protocol: string): number {
    const key = this.#websocketKey
    if (key === null || method !== CONNECT) return REJECT.pseudoField
    const host = this.#hostOf()
    if (typeof host === 'number') return host
    const { path } = this.#pseudo
    const code = pathReject(path, 'GET')
    if (code < 0) return code
    if (protocol.toLowerCase() !== 'websocket') return REJECT.protocolUnknown
    const text = this.#text
    const wrong =
      this.#beginText('GET', path ?? '') ||
      this.#addFields(block, host) ||
      this.#frameTunnel() ||
      text.add(UPGRADE_OPTION, HEADER_CONNECTION) ||
      text.add(UPGRADE_WEBSOCKET, HEADER_UPGRADE) ||
      text.add(key, HEADER_OTHER)
    if (wrong < 0) return wrong
    this.#setTarget('GET', path ?? '')
    return this.#end()
  }

  /** The host that is asked, by one of the two ways to say it, or both alike; or a reject code. */
  #hostOf(): string | number {
    const { scheme, authority } = this.#pseudo
    if (scheme === null) return REJECT.pseudoField
    const ports = DEFAULT_PORTS.get(scheme.toLowerCase())
    if (ports === undefined) return REJECT.scheme
    const host = authority ?? this.#host
    if (host === null) return REJECT.hostMissing
    // RFC 9110 section 4.2.1: an http URI with an empty host is invalid.
    if (host === '' || host.startsWith(':')) return REJECT.host
    const wrong = this.#hostReject(host, ports)
    return wrong < 0 ? wrong : host
  }

  /** RFC 9113 section 8.3.1: they may not say two things. */
  #hostReject(authority: string, ports: readonly string[]): number {
    const host = this.#host
    return host === null || authoritiesMatch(authority, host, ports) ? 0 : REJECT.hostMismatch
  }

  #beginText(method: string, target: string): number {
    const { requestLineBytesMax } = this.#head.limits
    if (method.length > requestLineBytesMax) return REJECT.methodTooLong
    const lineBytes = method.length + target.length + LINE_REST_BYTES
    if (lineBytes > requestLineBytesMax) return REJECT.lineTooLong
    const line = `${method} ${target} HTTP/1.1\r\n`
    this.#head.method = method
    this.#head.headersStart = line.length
    this.#text.begin(line)
    return 0
  }

  #addFields(block: FieldBlock, host: string): number {
    const text = this.#text
    let code = text.add(new HeaderField('host', host), HEADER_HOST)
    for (let index = 0; index < block.count && code === 0; index++) {
      const field = block.at(index)
      const kind = kindOf(field)
      if (kind === KIND_PSEUDO || kind === HEADER_HOST || isCookie(field.name, kind)) continue
      // RFC 8441 section 5: it has no meaning there.
      if (this.#pseudo.protocol !== null && field.name === WEBSOCKET_KEY) continue
      code = text.add(field, kind)
    }
    if (code < 0 || this.#cookie === null) return code
    return text.add(new HeaderField('cookie', this.#cookie), HEADER_OTHER)
  }

  /** Says how the content is found, as the reader of HTTP/1 does. */
  #frame(isLast: boolean): number {
    const head = this.#head
    const { facts, contentLength } = head.headers
    if (contentLength > 0) {
      // RFC 9113 section 8.1.1.
      if (isLast) return REJECT.contentLength
      head.body = BODY_LENGTH
      return 0
    }
    const isNone = isLast || (facts & FACT_LENGTH) !== 0
    head.body = isNone ? BODY_NONE : BODY_CHUNKED
    return isNone ? 0 : this.#text.add(CHUNKED, HEADER_TRANSFER_ENCODING)
  }

  /** RFC 9110 section 9.3.6: what follows is the tunnel's. */
  #frameTunnel(): number {
    this.#head.body = BODY_NONE
    return this.#head.headers.contentLength > 0 ? REJECT.connectBody : 0
  }

  #setTarget(method: string, path: string): void {
    const { requestTarget } = this.#head
    const start = method.length + 1
    requestTarget.setOrigin(start, start + path.length)
    if (path === '*') requestTarget.form = TARGET_ASTERISK
  }

  #end(): number {
    return this.#text.end(this.#head.limits.headBytesMax)
  }
}

function isCookie(name: string, kind: number): boolean {
  return kind === HEADER_OTHER && name === 'cookie'
}

/** Whether HTTP/1.1 has this path for this method: RFC 9113 section 8.3.1. */
function pathReject(path: string | null, method: string): number {
  if (path === null || path === '') return REJECT.pseudoField
  if (skipTarget(asBytes(path), 0, path.length) !== path.length) return REJECT.target
  if (path.charCodeAt(0) === SLASH || (path === '*' && method === 'OPTIONS')) return 0
  return REJECT.targetForm
}
