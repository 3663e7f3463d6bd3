import { LOWER_BYTES } from './characters.ts'

/** Id of a header that the codec gives no meaning to. */
export const HEADER_OTHER = 0
/** Id of Host. RFC 9110 section 7.2. */
export const HEADER_HOST = 1
/** Id of Content-Length. RFC 9110 section 8.6. */
export const HEADER_CONTENT_LENGTH = 2
/** Id of Transfer-Encoding. RFC 9112 section 6.1. */
export const HEADER_TRANSFER_ENCODING = 3
/** Id of Connection. RFC 9110 section 7.6.1. */
export const HEADER_CONNECTION = 4
/** Id of Keep-Alive. RFC 9112 appendix C.2.2. */
export const HEADER_KEEP_ALIVE = 5
/** Id of Proxy-Connection. RFC 9112 appendix C.2.2. */
export const HEADER_PROXY_CONNECTION = 6
/** Id of TE. RFC 9110 section 10.1.4. */
export const HEADER_TE = 7
/** Id of Upgrade. RFC 9110 section 7.8. */
export const HEADER_UPGRADE = 8
/** Id of Expect. RFC 9110 section 10.1.1. */
export const HEADER_EXPECT = 9
/** Id of a header that Connection names as meant for this connection alone. */
export const HEADER_NAMED = 10
/** Id of a header that was taken out: it is neither found nor forwarded. */
export const HEADER_REMOVED = 11
/** Id, while it is read, of a header with challenges or credentials. RFC 9110 section 11.6. */
export const HEADER_AUTHENTICATION = 12
/** Id, while it is read, of Persistent-Auth, in which Microsoft's servers speak of the connection. */
export const HEADER_PERSISTENT_AUTH = 13

/** Numbers that `offsets` holds for one header. */
const STRIDE = 4

/**
 * The headers of one message as places in its text: nothing is cut out before somebody asks.
 * Reused from message to message; what it gave out as strings stays valid.
 */
export class HeaderTable {
  /** The whole head as latin1: first line, headers, blank line. */
  text = ''
  /** How many headers there are. */
  count = 0
  /** By header: which one it is, one of the `HEADER_` ids. Length: the most that a head may have. */
  readonly ids: Uint8Array
  /** By header: start and end of its name, start and end of its value without outer blanks. */
  private readonly offsets: Int32Array
  /** `FACT_` bits: what the headers say about framing and connection. */
  facts = 0
  /** The number in Content-Length, 0 without one. */
  contentLength = 0
  /** Elements that all Connection headers have together, empty ones included. */
  connectionOptions = 0
  /** Content-Length and Transfer-Encoding mean nothing here, and are taken out as they are read. */
  framingIgnored = false

  /** @param headersMax the most headers that one head may have */
  constructor(headersMax: number) {
    this.ids = new Uint8Array(headersMax)
    this.offsets = new Int32Array(headersMax * STRIDE)
  }

  /** Empties the table for the next message. */
  clear(): void {
    this.count = 0
    this.facts = 0
    this.contentLength = 0
    this.connectionOptions = 0
    this.framingIgnored = false
  }

  /** Appends a header; the caller has made sure that there is room. */
  append(
    id: number,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const { count, offsets } = this
    const base = count * STRIDE
    this.ids[count] = id
    offsets[base] = nameStart
    offsets[base + 1] = nameEnd
    offsets[base + 2] = valueStart
    offsets[base + 3] = valueEnd
    this.count = count + 1
  }

  /** Where the line of header `index` begins in `text`. */
  nameStart(index: number): number {
    return this.offsets[index * STRIDE] as number
  }

  /** Where the name of header `index` ends: the place of its colon. */
  nameEnd(index: number): number {
    return this.offsets[index * STRIDE + 1] as number
  }

  /** Where the value of header `index` begins in `text`. */
  valueStart(index: number): number {
    return this.offsets[index * STRIDE + 2] as number
  }

  /** Where the value of header `index` ends in `text`. */
  valueEnd(index: number): number {
    return this.offsets[index * STRIDE + 3] as number
  }

  /** Where the line of header `index` ends: the start of the next line. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? this.nameStart(index + 1) : this.text.length - 2
  }

  /** The name of header `index` as it was sent. */
  name(index: number): string {
    return this.text.substring(this.nameStart(index), this.nameEnd(index))
  }

  /** The value of header `index` without the blanks around it. */
  value(index: number): string {
    return this.text.substring(this.valueStart(index), this.valueEnd(index))
  }

  /** The value of a header as it is forwarded: of those that frame and route, the usual way. */
  usualValue(index: number): string {
    if ((this.facts & FACT_UNUSUAL) === 0) return this.value(index)
    const id = this.ids[index]
    if (id === HEADER_CONTENT_LENGTH) return String(this.contentLength)
    return id === HEADER_TRANSFER_ENCODING ? 'chunked' : this.value(index)
  }

  /** The options of all Connection headers, in lower case. Invariant: as few as their bound allows. */
  connectionNames(): ReadonlySet<string> {
    const names = new Set<string>()
    for (let index = 0; index < this.count; index++) {
      if (this.ids[index] !== HEADER_CONNECTION) continue
      for (const option of this.value(index).toLowerCase().split(',')) names.add(option.trim())
    }
    return names
  }

  /**
   * The first header called `lowerCaseName` at or after `from`, or -1. Headers that were removed
   * are passed over.
   */
  find(lowerCaseName: string, from = 0): number {
    for (let index = from; index < this.count; index++) {
      if (this.isNamed(index, lowerCaseName) && this.ids[index] !== HEADER_REMOVED) return index
    }
    return -1
  }

  /** Whether there is a header called `lowerCaseName`. */
  has(lowerCaseName: string): boolean {
    return this.find(lowerCaseName) >= 0
  }

  /**
   * The value of all headers called `lowerCaseName`, joined by `, ` where there are several (RFC
   * 9110 section 5.3), or undefined. Set-Cookie cannot be joined: walk it with {@link find}.
   */
  get(lowerCaseName: string): string | undefined {
    let index = this.find(lowerCaseName)
    if (index < 0) return undefined
    let joined = this.value(index)
    for (;;) {
      index = this.find(lowerCaseName, index + 1)
      if (index < 0) return joined
      joined += `, ${this.value(index)}`
    }
  }

  /**
   * Takes every header called `lowerCaseName` out of what is forwarded. Content-Length and
   * Transfer-Encoding stay: the body that follows them does.
   *
   * @returns how many were taken out
   */
  remove(lowerCaseName: string): number {
    let removed = 0
    for (let index = this.find(lowerCaseName); index >= 0; ) {
      const id = this.ids[index]
      if (id !== HEADER_CONTENT_LENGTH && id !== HEADER_TRANSFER_ENCODING) {
        this.ids[index] = HEADER_REMOVED
        removed++
      }
      index = this.find(lowerCaseName, index + 1)
    }
    if (removed > 0) this.facts |= FACT_EDITED
    return removed
  }

  /** Gives a header another id. */
  mark(index: number, id: number): void {
    this.ids[index] = id
  }

  /** Whether header `index` is called `lowerCaseName`. */
  isNamed(index: number, lowerCaseName: string): boolean {
    const start = this.nameStart(index)
    if (this.nameEnd(index) - start !== lowerCaseName.length) return false
    for (let n = 0; n < lowerCaseName.length; n++) {
      if (LOWER_BYTES[this.text.charCodeAt(start + n)] !== lowerCaseName.charCodeAt(n)) return false
    }
    return true
  }
}

/** There is a Host. */
export const FACT_HOST = 1
/** There is a Content-Length. */
export const FACT_LENGTH = 2
/** There is `Transfer-Encoding: chunked`. */
export const FACT_CHUNKED = 4
/** Connection has `close`. */
export const FACT_CLOSE = 8
/** Connection has `keep-alive`. */
export const FACT_KEEP_ALIVE = 16
/** Connection has `upgrade`. */
export const FACT_UPGRADE_OPTION = 32
/** There is an Upgrade. */
export const FACT_UPGRADE = 64
/** Expect has `100-continue`. */
export const FACT_EXPECT_CONTINUE = 128
/** TE has `trailers`. */
export const FACT_TE_TRAILERS = 256
/** Connection names headers that the codec gives no meaning to. */
export const FACT_NAMES = 512
/** A header that frames or routes is written in an unusual way, and is forwarded in the usual one. */
export const FACT_UNUSUAL = 1024
/** Some header may not be forwarded, or not as it stands: the text cannot be sent as it is. */
export const FACT_EDITED = 2048
/** A header has to do with a scheme that authenticates the connection rather than the request. */
export const FACT_BINDS_CONNECTION = 4096

/** Fields that are never forwarded, as bits by id. RFC 9110 section 7.6.1. */
export const DROPS_HOP_BY_HOP =
  (1 << HEADER_CONNECTION) |
  (1 << HEADER_KEEP_ALIVE) |
  (1 << HEADER_PROXY_CONNECTION) |
  (1 << HEADER_TE) |
  (1 << HEADER_NAMED) |
  (1 << HEADER_REMOVED)
/** Upgrade, as a bit by id. */
export const DROPS_UPGRADE = 1 << HEADER_UPGRADE
/** Expect, as a bit by id. */
export const DROPS_EXPECT = 1 << HEADER_EXPECT
/** What says that a body comes in chunks, as a bit by id. */
export const DROPS_CODING = 1 << HEADER_TRANSFER_ENCODING
/** What frames a body, as bits by id. */
export const DROPS_FRAMING = (1 << HEADER_CONTENT_LENGTH) | DROPS_CODING

/**
 * The text of a head from `from` to its last field, without the fields in `dropped`, and without the
 * blank line. What frames and routes goes the usual way.
 *
 * @param from 0, where the first line is to stay, or where the first field begins
 * @param dropped bits of the `DROPS_` masks
 */
export function keptFields(headers: HeaderTable, from: number, dropped: number): string {
  const { text, ids, count } = headers
  if ((headers.facts & FACT_UNUSUAL) !== 0) return usualFields(headers, from, dropped)
  let kept = ''
  let start = from
  for (let index = 0; index < count; index++) {
    if (((dropped >>> (ids[index] as number)) & 1) === 0) continue
    kept += text.substring(start, headers.nameStart(index))
    start = headers.lineEnd(index)
  }
  return kept + text.substring(start, text.length - 2)
}

/** As {@link keptFields}, with the headers that frame and route written as everybody writes them. */
function usualFields(headers: HeaderTable, from: number, dropped: number): string {
  let kept = headers.text.substring(from, headers.count > 0 ? headers.nameStart(0) : from)
  for (let index = 0; index < headers.count; index++) {
    const id = headers.ids[index] as number
    if (((dropped >>> id) & 1) !== 0) continue
    const start = headers.nameStart(index)
    if (id === HEADER_HOST || id === HEADER_CONTENT_LENGTH || id === HEADER_TRANSFER_ENCODING) {
      kept += `${headers.name(index)}: ${headers.usualValue(index)}\r\n`
    } else {
      kept += headers.text.substring(start, headers.lineEnd(index))
    }
  }
  return kept
}
