import { FACT_HOST, type HeaderTable } from '../../../http/header-table.ts'
import type { RequestHead } from '../../../http/request-head.ts'
import { TARGET_ABSOLUTE, TARGET_ORIGIN } from '../../../http/request-target.ts'
import type { ResponseHead } from '../../../http/response-head.ts'
import type {
  HeaderEdits,
  HeaderFacts,
  HeaderName,
  RequestFacts,
  RequestHeadEdits,
  ResponseFacts,
  SessionFacts,
} from '../../../rules/facts.ts'
import { NO_SCOPE, type RuleScope } from '../../../rules/rule-scope.ts'
import type { ClientConnection } from '../../streams/client-stream.ts'

interface AddedHeader {
  readonly name: HeaderName
  readonly value: string
  /** Bytes that it counts against the bound: of a line that stands for a received one the growth. */
  readonly bytes: number
}

/**
 * A message head as the rules see and change it: the lines that were received less those that a
 * rule removed, then those that a rule added. Received lines are numbered first. Headers that frame
 * a message are safe: no rule that names one compiles.
 */
abstract class Rewrite implements SessionFacts, HeaderFacts, HeaderEdits {
  readonly #headers: HeaderTable
  readonly #addedBytesMax: number
  readonly #added: AddedHeader[] = []
  #addedBytes = 0
  #client: ClientConnection | null = null
  frontendName = ''
  scope: RuleScope = NO_SCOPE
  /** Values that a rule could not put where it would. */
  failures = 0
  /** A line that a rule added had no room: the message may not go on without it. */
  isFull = false

  constructor(headers: HeaderTable, addedBytesMax: number) {
    this.#headers = headers
    this.#addedBytesMax = addedBytesMax
  }

  /** Starts on the head that was just parsed. */
  begin(client: ClientConnection, frontendName: string, scope: RuleScope): void {
    this.#client = client
    this.scope = scope
    this.frontendName = frontendName
    this.#added.length = 0
    this.#addedBytes = 0
    this.failures = 0
    this.isFull = false
  }

  get src(): string {
    return this.#client?.remote.address ?? ''
  }

  get srcPort(): number {
    return this.#client?.remote.port ?? 0
  }

  get dst(): string {
    return this.#client?.local.address ?? ''
  }

  get dstPort(): number {
    return this.#client?.local.port ?? 0
  }

  get tls(): SessionFacts['tls'] {
    return this.#client?.tls ?? null
  }

  findHeader(name: string, from: number): number {
    const { count } = this.#headers
    const received = from < count ? this.#headers.find(name, from) : -1
    if (received >= 0) return received
    const added = this.#added
    for (let index = Math.max(from - count, 0); index < added.length; index++) {
      if ((added[index] as AddedHeader).name.lower === name) return count + index
    }
    return -1
  }

  headerValue(index: number): string {
    const { count } = this.#headers
    return index < count
      ? this.#headers.usualValue(index)
      : (this.#added[index - count] as AddedHeader).value
  }

  setHeader(name: HeaderName, value: string): void {
    this.removeHeader(name)
    this.addHeader(name, value)
  }

  addHeader(name: HeaderName, value: string): void {
    const bytes = lineBytes(name, value)
    if (this.#addedBytes + bytes > this.#addedBytesMax) {
      this.isFull = true
      this.failRewrite()
      return
    }
    this.#addedBytes += bytes
    this.#added.push({ name, value, bytes })
  }

  /**
   * Puts what becomes of each value in the place of all lines that have this name, behind the other
   * lines; nothing is touched where all stay as they are.
   *
   * @param edit gives null for a line that is to go
   */
  editHeader(name: HeaderName, edit: (value: string) => string | null): void {
    const { count } = this.#headers
    const lines: AddedHeader[] = []
    let isEdited = false
    let at = this.findHeader(name.lower, 0)
    for (; at >= 0; at = this.findHeader(name.lower, at + 1)) {
      const before = this.headerValue(at)
      const value = edit(before)
      if (value !== before) isEdited = true
      if (value === null) continue
      const counted = at < count ? 0 : (this.#added[at - count] as AddedHeader).bytes
      lines.push({ name, value, bytes: counted + Math.max(0, value.length - before.length) })
    }
    if (!isEdited) return
    this.removeHeader(name)
    this.#added.push(...lines)
    this.#addedBytes += lines.reduce((sum, { bytes }) => sum + bytes, 0)
    if (this.#addedBytes <= this.#addedBytesMax) return
    this.isFull = true
    this.failRewrite()
  }

  removeHeader(name: HeaderName): void {
    this.#headers.remove(name.lower)
    const kept = this.#added.filter((header) => header.name.lower !== name.lower)
    if (kept.length === this.#added.length) return
    this.#added.splice(0, this.#added.length, ...kept)
    this.#addedBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Adds a line for what the message says elsewhere, so that it takes none of the rules' room. */
  protected implyHeader(name: HeaderName, value: string): void {
    this.#added.push({ name, value, bytes: 0 })
  }

  failRewrite(): void {
    this.failures++
  }

  /** The lines that rules added, as they are written into the head. */
  get addedLines(): string {
    let lines = ''
    for (const { name, value } of this.#added) lines += `${name.written}: ${value}\r\n`
    return lines
  }
}

const HOST: HeaderName = { written: 'Host', lower: 'host' }

/** Bytes of a line as it is written into the head. */
function lineBytes(name: HeaderName, value: string): number {
  return name.written.length + ': '.length + value.length + '\r\n'.length
}

/** A request as rules see and change it. */
export class RequestRewrite extends Rewrite implements RequestFacts, RequestHeadEdits {
  readonly #head: RequestHead
  #pathq: string | null = null
  /** See {@link RequestFacts.body}. */
  body = ''

  /** @param addedBytesMax bytes of all lines together that rules may add to one head */
  constructor(head: RequestHead, addedBytesMax: number) {
    super(head.headers, addedBytesMax)
    this.#head = head
  }

  override begin(client: ClientConnection, frontendName: string, scope: RuleScope): void {
    super.begin(client, frontendName, scope)
    this.#pathq = null
    this.body = ''
    const { impliedHost } = this.#head
    if (impliedHost !== '') this.implyHeader(HOST, impliedHost)
  }

  /** Whether a Host is sent. */
  get hasHost(): boolean {
    return (this.#head.headers.facts & FACT_HOST) !== 0 || this.findHeader(HOST.lower, 0) >= 0
  }

  get method(): string {
    return this.#head.method
  }

  get url(): string {
    return this.#pathq ?? this.#head.target
  }

  get pathq(): string | null {
    if (this.#pathq !== null) return this.#pathq
    const { form } = this.#head.requestTarget
    if (form !== TARGET_ORIGIN && form !== TARGET_ABSOLUTE) return null
    const { path } = this.#head
    // An absolute target may stand for the asterisk form (RFC 9112 section 3.2.4).
    return path === '*' ? null : path
  }

  get version(): string {
    return this.#head.version
  }

  setPathq(pathq: string): void {
    this.#pathq = pathq
  }

  /** The target to send in place of the received one, or ''. */
  get editedTarget(): string {
    return this.#pathq ?? ''
  }
}

/** The response of a thread's shared response head, as rules see and change it. */
export class ResponseRewrite extends Rewrite implements ResponseFacts {
  readonly #head: ResponseHead

  /** @param addedBytesMax bytes of all lines together that rules may add to one head */
  constructor(head: ResponseHead, addedBytesMax: number) {
    super(head.headers, addedBytesMax)
    this.#head = head
  }

  override begin(client: ClientConnection, frontendName: string, scope: RuleScope): void {
    super.begin(client, frontendName, scope)
    scope.variables.beginResponse()
  }

  get status(): number {
    return this.#head.status
  }

  get version(): string {
    return this.#head.version
  }
}
