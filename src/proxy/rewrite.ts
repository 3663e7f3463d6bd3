import type { HeaderTable } from '../http/header-table.ts'
import type { RequestHead } from '../http/request-head.ts'
import { TARGET_ABSOLUTE, TARGET_ORIGIN } from '../http/request-target.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { Conn } from '../net/conn.ts'
import type {
  HeaderEdits,
  HeaderFacts,
  HeaderName,
  RequestFacts,
  RequestHeadEdits,
  ResponseFacts,
  SessionFacts,
} from '../rules/facts.ts'

interface AddedHeader {
  readonly name: HeaderName
  readonly value: string
}

/**
 * A message head as the rules see and change it: the lines that were received less those that a
 * rule removed, then those that a rule added. Received lines are numbered first. Headers that frame
 * a message are safe: no rule that names one compiles.
 */
abstract class Rewrite implements SessionFacts, HeaderFacts, HeaderEdits {
  readonly #headers: HeaderTable
  readonly #added: AddedHeader[] = []
  #client: Conn | null = null
  frontendName = ''
  readonly isTls = false
  /** Values that a rule could not put where it would. */
  failures = 0

  constructor(headers: HeaderTable) {
    this.#headers = headers
  }

  /** Starts on the head that was just parsed. */
  begin(client: Conn, frontendName: string): void {
    this.#client = client
    this.frontendName = frontendName
    this.#added.length = 0
    this.failures = 0
  }

  get src(): string {
    return this.#client?.remoteAddress ?? ''
  }

  get srcPort(): number {
    return this.#client?.remotePort ?? 0
  }

  get dst(): string {
    return this.#client?.localAddress ?? ''
  }

  get dstPort(): number {
    return this.#client?.localPort ?? 0
  }

  findHeader(name: string, from: number): number {
    const { count } = this.#headers
    const received = from < count ? this.#headers.find(name, from) : -1
    if (received >= 0) return received
    const start = Math.max(from - count, 0)
    const added = this.#added.findIndex((header, i) => i >= start && header.name.lower === name)
    return added < 0 ? -1 : count + added
  }

  headerValue(index: number): string {
    const { count } = this.#headers
    return index < count
      ? this.#headers.value(index)
      : (this.#added[index - count] as AddedHeader).value
  }

  setHeader(name: HeaderName, value: string): void {
    this.removeHeader(name)
    this.#added.push({ name, value })
  }

  addHeader(name: HeaderName, value: string): void {
    this.#added.push({ name, value })
  }

  removeHeader(name: HeaderName): void {
    this.#headers.remove(name.lower)
    const kept = this.#added.filter((header) => header.name.lower !== name.lower)
    if (kept.length < this.#added.length) this.#added.splice(0, this.#added.length, ...kept)
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

/** The request of a thread's shared request head, as rules see and change it. */
export class RequestRewrite extends Rewrite implements RequestFacts, RequestHeadEdits {
  readonly #head: RequestHead
  #pathq: string | null = null

  constructor(head: RequestHead) {
    super(head.headers)
    this.#head = head
  }

  override begin(client: Conn, frontendName: string): void {
    super.begin(client, frontendName)
    this.#pathq = null
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
    return form === TARGET_ORIGIN || form === TARGET_ABSOLUTE ? this.#head.path : null
  }

  get version(): string {
    return `1.${this.#head.minorVersion}`
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

  constructor(head: ResponseHead) {
    super(head.headers)
    this.#head = head
  }

  get status(): number {
    return this.#head.status
  }

  get version(): string {
    return `1.${this.#head.minorVersion}`
  }
}
