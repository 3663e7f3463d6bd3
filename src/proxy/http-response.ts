import { BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH } from '../http/body.ts'
import { latin1 } from '../http/characters.ts'
import { connectionOption, forwardResponseText, type ResponseEdits } from '../http/forward.ts'
import { parseResponseHead } from '../http/response-head.ts'
import type { ByteView, Conn } from '../net/conn.ts'
import { BodyTransfer } from './body-transfer.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'
import { count, type Services } from './services.ts'

/** Response bodies up to this size that came with their head are written together with it. */
const JOINED_BODY_BYTES_MAX = 8192

/** Interim (1xx) responses that one request may bring before the server is taken for broken. */
const INTERIM_RESPONSES_MAX = 16

/** What came of the bytes that a server sent. */
export type ResponseProgress =
  | 'more' // the response is not complete yet
  | 'done' // it is forwarded whole
  | 'tunnel' // 101: what follows is not HTTP
  | 'malformed' // it breaks the grammar

/**
 * The response side of an exchange: reads the server's bytes as a response and writes it to the
 * client, head rewritten, body as it comes.
 */
export class HttpResponse {
  readonly #services: Services
  readonly #body = new BodyTransfer()
  readonly #client: Conn
  readonly #record: ExchangeRecord
  readonly #mayKeepClient: () => boolean
  #frontend: FrontendRuntime | null = null
  #backend: BackendRuntime | null = null
  /** The beginning of a head that is not complete. */
  #held: Buffer | null = null
  #interims = 0
  #untilClose = false
  #upgradeAsked = false
  /** The head of the final response is on its way to the client: no other answer can be given. */
  started = false
  /** The client does not keep up; stop reading the server until it drains. */
  blocked = false
  /** The server connection may serve another request, if nothing follows the response. */
  serverPersistent = false
  /** Only the end of its connection tells the client where the response ends. */
  clientUntilClose = false
  /** The client was not told that its connection closes. */
  clientPersistent = false
  /** Bytes came after the end of the response, or after a 101. */
  leftover = 0

  /**
   * @param record noted in what came and what was sent
   * @param mayKeepClient asked when a head is forwarded: may the client connection be kept
   */
  constructor(
    services: Services,
    client: Conn,
    record: ExchangeRecord,
    mayKeepClient: () => boolean,
  ) {
    this.#services = services
    this.#client = client
    this.#record = record
    this.#mayKeepClient = mayKeepClient
  }

  /** Waits for the response to a request that is about to be sent. */
  begin(frontend: FrontendRuntime, backend: BackendRuntime, upgradeAsked: boolean): void {
    this.#upgradeAsked = upgradeAsked
    this.#frontend = frontend
    this.#backend = backend
    this.#held = null
    this.#interims = 0
    this.#untilClose = false
    this.started = false
    this.blocked = false
    this.serverPersistent = false
    this.clientUntilClose = false
    this.clientPersistent = false
    this.leftover = 0
  }

  /** True when nothing of a response has come yet: the request may go to another server. */
  get untouched(): boolean {
    return !this.started && this.#held === null && this.#interims === 0
  }

  /** The server closed: true when that is how this response ends (RFC 9112 section 6.3). */
  get endsAtClose(): boolean {
    return this.started && this.#untilClose
  }

  /** Takes what the server sent. */
  take(view: ByteView, length: number): ResponseProgress {
    if (this.started) return this.#takeBody(view, 0, length)
    if (this.#held === null) return this.#takeHead(view, 0, length)
    const joined = Buffer.concat([this.#held, view.subarray(0, length)])
    this.#held = null
    return this.#takeHead(joined, 0, joined.length)
  }

  #takeHead(view: ByteView, start: number, end: number): ResponseProgress {
    const { responseHead: head } = this.#services
    const record = this.#record
    let at = start
    while (at < end) {
      const consumed = parseResponseHead(view, at, end, record.method, head)
      if (consumed < 0) return 'malformed'
      if (consumed === 0) {
        this.#held = Buffer.from(view.subarray(at, end))
        return 'more'
      }
      at += consumed
      if (head.tunnel) {
        // RFC 9110 section 7.8: a server may only change to what it was asked for.
        if (!this.#upgradeAsked) return 'malformed'
        record.status = head.status
        record.responseMs = this.#services.clock()
        this.#write(this.#headText(''))
        this.leftover = end - at
        return 'tunnel'
      }
      if (head.status >= 200) return this.#forward(view, at, end)
      if (++this.#interims > INTERIM_RESPONSES_MAX) return 'malformed'
      // RFC 9110 section 15.2: an HTTP/1.0 client knows no interim response.
      if (record.minorVersion > 0) this.#write(this.#headText(''))
    }
    return 'more'
  }

  #forward(view: ByteView, start: number, end: number): ResponseProgress {
    const { responseHead: head } = this.#services
    const record = this.#record
    const dechunk = record.minorVersion === 0 && head.body === BODY_CHUNKED
    this.#untilClose = head.body === BODY_CLOSE
    this.started = true
    this.serverPersistent = head.persistent
    this.clientUntilClose = this.#untilClose || dechunk
    this.clientPersistent = !this.clientUntilClose && this.#mayKeepClient()
    record.status = head.status
    record.responseMs = this.#services.clock()
    const connection = connectionOption(this.clientPersistent, record.minorVersion)
    const text = this.#headText(connection, dechunk, this.#runRules())
    this.#body.begin(head.body, head.contentLength, dechunk)
    const { contentLength } = head
    const isWhole = head.body === BODY_LENGTH && contentLength <= end - start
    if (isWhole && contentLength <= JOINED_BODY_BYTES_MAX) {
      this.#write(text + latin1(view, start, start + contentLength))
      this.leftover = end - start - contentLength
      return 'done'
    }
    record.bytesOut += text.length
    return this.#takeBody(view, start, end, text)
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

  /** Runs `http-response` of the backend, then of the frontend; returns the lines they added. */
  #runRules(): string {
    const ofBackend = this.#backend?.rules?.response ?? null
    const ofFrontend = this.#frontend?.rules?.response ?? null
    if (ofBackend === null && ofFrontend === null) return ''
    const { responseRewrite: rewrite } = this.#services
    const { plan } = this.#frontend as FrontendRuntime
    rewrite.begin(this.#client, plan.name)
    ofBackend?.(rewrite, rewrite)
    ofFrontend?.(rewrite, rewrite)
    if (rewrite.failures > 0) count(this.#services, plan.row, 'failedRewrites', rewrite.failures)
    return rewrite.addedLines
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
