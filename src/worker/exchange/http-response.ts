import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH } from '../../http/body.ts'
import { latin1 } from '../../http/characters.ts'
import { connectionOption, forwardResponseText, type ResponseEdits } from '../../http/h1/forward.ts'
import { parseInvalidResponseHead } from '../../http/h1/invalid-response.ts'
import { parseResponseHead } from '../../http/h1/response-head.ts'
import { FACT_BINDS_CONNECTION } from '../../http/header-table.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { ByteView, Conn } from '../../net/conn.ts'
import { HeldBytes } from '../clients/held-bytes.ts'
import type { Stickiness } from '../dispatch/persistence.ts'
import type { BackendRuntime, FrontendRuntime } from '../runtime.ts'
import type { Services } from '../services.ts'
import { BodyTransfer } from './body-transfer.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import { OwnTrailers } from './own-trailers.ts'

/** Response bodies up to this size that came with their head are written together with it. */
const JOINED_BODY_BYTES_MAX = 8192

/**
 * Interim (1xx) responses, in bytes, that one request may bring at once, and per second after that,
 * before the server is taken for broken. A long task may say `102 Processing` for hours; but each
 * restarts `timeout server`, so that without a bound a server could go on for ever. Go's net/http
 * bounds bytes in place of a number, too (`MaxResponseHeaderBytes`).
 */
const INTERIM_BYTES_MAX = 65_536
const INTERIM_BYTES_PER_SEC = 4096

/** What came of the bytes that a server sent. */
export type ResponseProgress =
  | 'more' // the response is not complete yet
  | 'done' // it is forwarded whole
  | 'tunnel' // 101, or CONNECT has succeeded: what follows is not HTTP
  | 'retry' // nothing was forwarded, and the request is to be tried again
  | 'malformed' // it breaks the grammar
  | 'overgrown' // a rule found no room for what it adds; nothing was forwarded

/** What a response asks of the exchange that it belongs to. */
export interface ResponseOwner {
  /** The client connection may serve another request. */
  readonly mayKeepClient: boolean
  /** Whether the request is to be tried again after a response of this status; if so, it is. */
  retriesStatus(status: number): boolean
}

/**
 * The response side of an exchange: reads the server's bytes as a response and writes it to the
 * client, head rewritten, body as it comes.
 */
export class HttpResponse {
  readonly #services: Services
  readonly #body: BodyTransfer
  readonly #trailers = new OwnTrailers()
  readonly #client: Conn
  readonly #record: ExchangeRecord
  readonly #owner: ResponseOwner
  /** The beginning of a head that is not complete. */
  readonly #held: HeldBytes
  #frontend: FrontendRuntime | null = null
  #backend: BackendRuntime | null = null
  #stickiness: Stickiness | null = null
  /** A client was sent an interim response, or would have been, had it known of them. */
  #hasInterims = false
  /** Bytes of interim responses that the present rate has not allowed for yet. */
  #interimBytes = 0
  #interimMs = 0
  #untilClose = false
  #upgradeAsked = false
  /** The head of the final response is on its way to the client: no other answer can be given. */
  started = false
  /** The client does not keep up; stop reading the server until it drains. */
  blocked = false
  /** The server connection may serve another request, if nothing follows the response. */
  serverPersistent = false
  /** Its server authenticates connections: this one may be given to nobody else. */
  bindsConnection = false
  /** Only the end of its connection tells the client where the response ends. */
  clientUntilClose = false
  /** The client was not told that its connection closes. */
  clientPersistent = false
  /** Bytes came after the end of the response, or after a 101. */
  leftover = 0

  /** @param record noted in what came and what was sent */
  constructor(services: Services, client: Conn, record: ExchangeRecord, owner: ResponseOwner) {
    this.#services = services
    this.#client = client
    this.#record = record
    this.#owner = owner
    this.#body = new BodyTransfer(services.chunkLimits, 'response', this.#trailers.drops)
    this.#held = new HeldBytes(services.responseHead.limits)
  }

  /** Waits for the response to a request that is about to be sent. */
  begin(
    frontend: FrontendRuntime,
    backend: BackendRuntime,
    stickiness: Stickiness | null,
    upgradeAsked: boolean,
  ): void {
    this.#upgradeAsked = upgradeAsked
    this.#stickiness = stickiness
    this.#frontend = frontend
    this.#backend = backend
    this.#trailers.passThrough(frontend, backend)
    this.#held.clear()
    this.#hasInterims = false
    this.#interimBytes = 0
    this.#untilClose = false
    this.started = false
    this.blocked = false
    this.serverPersistent = false
    this.bindsConnection = false
    this.clientUntilClose = false
    this.clientPersistent = false
    this.leftover = 0
  }

  /** Nothing of a response has come yet. */
  get isEmpty(): boolean {
    return this.isUnforwarded && this.#held.length === 0
  }

  /** The client has seen nothing of a response: the request may go to another server. */
  get isUnforwarded(): boolean {
    return !this.started && !this.#hasInterims
  }

  /** Forgets what came of a head: another server is asked. Invariant: {@link isUnforwarded}. */
  restart(): void {
    this.#held.clear()
    this.bindsConnection = false
  }

  /** The server closed: true when that is how this response ends (RFC 9112 section 6.3). */
  get endsAtClose(): boolean {
    return this.started && this.#untilClose
  }

  /** Takes what the server sent. */
  take(view: ByteView, length: number): ResponseProgress {
    if (this.started) return this.#takeBody(view, 0, length)
    if (this.#held.length === 0) return this.#takeHead(view, 0, length)
    if (!this.#held.add(view, 0, length)) return 'more'
    const { bytes } = this.#held
    this.#held.clear()
    return this.#takeHead(bytes, 0, bytes.length)
  }

  #takeHead(view: ByteView, start: number, end: number): ResponseProgress {
    const { responseHead: head } = this.#services
    const record = this.#record
    const acceptsInvalid = this.#backend?.plan.acceptInvalidResponse === true
    const parse = acceptsInvalid ? parseInvalidResponseHead : parseResponseHead
    let at = start
    while (at < end) {
      const consumed = parse(view, at, end, record.method, head)
      if (consumed < 0) return 'malformed'
      if (consumed === 0) {
        this.#held.add(view, at, end)
        return 'more'
      }
      at += consumed
      if ((head.headers.facts & FACT_BINDS_CONNECTION) !== 0) this.bindsConnection = true
      if (head.tunnel) {
        // RFC 9110 section 7.8: a server may only change to what it was asked for.
        if (head.status === 101 && !this.#upgradeAsked) return 'malformed'
        record.status = head.status
        record.responseMs = this.#services.clock()
        this.#write(this.#headText(''))
        this.leftover = end - at
        return 'tunnel'
      }
      if (head.status >= 200) {
        return this.#owner.retriesStatus(head.status) ? 'retry' : this.#forward(view, at, end)
      }
      if (!this.#allowsInterim(consumed)) return 'malformed'
      // RFC 9110 section 15.2: an HTTP/1.0 client knows no interim response.
      if (record.minorVersion > 0) this.#write(this.#headText(''))
    }
    return 'more'
  }

  #allowsInterim(bytes: number): boolean {
    const { nowMs } = this.#services.wheel
    const allowed = ((nowMs - this.#interimMs) / 1000) * INTERIM_BYTES_PER_SEC
    this.#interimBytes = Math.max(0, this.#interimBytes - allowed) + bytes
    this.#interimMs = nowMs
    this.#hasInterims = true
    return this.#interimBytes <= INTERIM_BYTES_MAX
  }

  #forward(view: ByteView, start: number, end: number): ResponseProgress {
    const { responseHead: head } = this.#services
    const { contentLength } = head
    const record = this.#record
    const text = this.#finalHeadText()
    if (text === null) return 'overgrown'
    this.started = true
    this.serverPersistent = head.persistent
    record.status = head.status
    record.responseMs = this.#services.clock()
    this.#body.begin(head.body, contentLength, record.minorVersion === 0)
    this.#trailers.begin(head.headers)
    const isWhole = head.body === BODY_LENGTH && contentLength <= end - start
    if (isWhole && contentLength <= JOINED_BODY_BYTES_MAX) {
      this.#write(text + latin1(view, start, start + contentLength))
      this.leftover = end - start - contentLength
      return 'done'
    }
    record.bytesOut += text.length
    return this.#takeBody(view, start, end, text)
  }

  /**
   * The head as rules leave it, and with what the client is told of its connection; null where it
   * has become longer than `tune.bufsize`.
   */
  #finalHeadText(): string | null {
    const { responseHead: head, tune } = this.#services
    const added = this.#runRules()
    if (added === null) return null
    const { minorVersion } = this.#record
    // RFC 9112 section 6.1: an HTTP/1.0 client is told of no transfer coding.
    const dechunked = minorVersion === 0
    this.#untilClose = head.body === BODY_CLOSE
    this.clientUntilClose = this.#untilClose || (dechunked && head.body === BODY_CHUNKED)
    this.clientPersistent = !this.clientUntilClose && this.#owner.mayKeepClient
    const connection = connectionOption(this.clientPersistent, minorVersion)
    const text = this.#headText(connection, dechunked, added)
    if (text.length <= tune.bufsizeBytes) return text
    this.#countFailedRewrites(1)
    return null
  }

  #takeBody(view: ByteView, start: number, end: number, head = ''): ResponseProgress {
    const body = this.#body
    const at = body.take(view, start, end, this.#client, head)
    this.#record.bytesOut += body.written
    if (body.blocked) this.blocked = true
    if (body.failed) return 'malformed'
    if (!body.done) return 'more'
    this.leftover = end - at
    return 'done'
  }

  /**
   * Runs `http-response` of the backend, then of the frontend; returns the lines they added, or
   * null where there was no room for one (`tune.maxrewrite`).
   */
  #runRules(): string | null {
    const ofBackend = this.#backend?.rules?.response ?? null
    const ofFrontend = this.#frontend?.rules?.response ?? null
    const stickiness = this.#stickiness
    if (ofBackend === null && ofFrontend === null && stickiness === null) return ''
    const { responseRewrite: rewrite } = this.#services
    rewrite.begin(
      this.#client,
      (this.#frontend as FrontendRuntime).plan.name,
      this.#record.variables,
    )
    ofBackend?.(rewrite, rewrite)
    ofFrontend?.(rewrite, rewrite)
    stickiness?.respond(rewrite)
    if (rewrite.failures > 0) this.#countFailedRewrites(rewrite.failures)
    return rewrite.isFull ? null : rewrite.addedLines
  }

  #countFailedRewrites(by: number): void {
    count(
      this.#services.cells,
      (this.#frontend as FrontendRuntime).plan.row,
      COUNTER.failedRewrites,
      by,
    )
  }

  #headText(connection: ResponseEdits['connection'], dechunked = false, added = ''): string {
    const { responseHead, responseEdits } = this.#services
    responseEdits.added = added
    responseEdits.connection = connection
    responseEdits.dechunked = dechunked
    return forwardResponseText(responseHead, responseEdits)
  }

  #write(text: string): void {
    this.#record.bytesOut += text.length
    if (!this.#client.write(text)) this.blocked = true
  }
}
