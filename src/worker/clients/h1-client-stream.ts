import { BODY_CHUNKED, BODY_CLOSE } from '../../http/body.ts'
import type { FieldLines } from '../../http/fields.ts'
import { BodyReader } from '../../http/h1/body-reader.ts'
import {
  answerText,
  type ConnectionOption,
  connectionOption,
  responseHeadText,
} from '../../http/h1/head-text.ts'
import type { RequestHead } from '../../http/request-head.ts'
import type { ResponseHead } from '../../http/response-head.ts'
import type { OwnAnswer } from '../../model/own-answer.ts'
import type { ByteView, Conn } from '../../net/conn.ts'
import { JoinedWrite } from '../../net/joined-write.ts'
import type { ClientStream, RequestOwner } from '../streams/client-stream.ts'
import type { Tunnel } from '../streams/tunnel.ts'
import type { ClientPhase } from './client-phase.ts'
import type { ClientServices, Door } from './client-services.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

/** Response bodies up to this size that came with their head are written together with it. */
const JOINED_BODY_BYTES_MAX = 8192

/**
 * What becomes of a client connection after a request whose answer is written:
 *
 * - `open`: it may bring another request;
 * - `last`: it closes, and the client owes nothing;
 * - `early`: it closes, and the client has not sent all of its request.
 */
export type StreamEnd = 'open' | 'last' | 'early'

/** What a stream asks of the connection that it has to itself. */
export interface H1Connection {
  readonly client: Conn
  readonly door: Door
  /** True when no further request will be read: the answer must say so. */
  readonly isLast: boolean
  /** What was read of the request is to be given to the stream, once more of it can be used. */
  readRequest(): void
  stopReading(): void
  /** Gives the client `timeout client` from now on. */
  expectClient(): void
  /** The stream is over, and hears no more of the client from now on. */
  streamOver(): void
  /** The stream was over with its answer written. */
  streamDone(end: StreamEnd): void
  /**
   * The stream was over in the middle of its answer: the client gets what has come of it.
   *
   * @param untilClose an end of the connection like any other would end the answer well
   */
  breakOffClient(untilClose: boolean): void
  /** The stream was over without a whole answer: the connection closes now. */
  cutClient(how: 'destroy' | 'reset'): void
  /** Gives the connection to a tunnel. */
  openTunnel(server: Conn, tunnel: Tunnel): void
  tunnelEnded(): void
}

/** Takes charge of the requests of a stream. */
export type OpenExchange = (stream: ClientStream, door: Door) => RequestOwner

/**
 * The requests of an HTTP/1 client and their responses, one after the other: each has the whole
 * connection. It is the connection's phase from the head of a request to the end of its response.
 */
export class H1ClientStream implements ClientStream, ClientPhase {
  readonly connection: Conn
  readonly #owner: H1Connection
  readonly #services: ClientServices
  readonly #exchange: RequestOwner
  readonly #body: BodyReader
  readonly #out = new JoinedWrite(JOINED_BODY_BYTES_MAX)
  /** Of the client's HTTP/1. */
  #minorVersion = 1
  #isHead = false
  /** The client may send another request after this one. */
  #isPersistent = false
  /** It was told of a connection that stays. */
  #isKept = false
  /** Only the end of the connection tells the client where the response ends. */
  #untilClose = false
  /** It was told that it is too late: it is not waited for a second time. */
  #isLate = false
  isBlocked = false
  bytesIn = 0
  bytesOut = 0

  constructor(owner: H1Connection, services: ClientServices, open: OpenExchange) {
    this.connection = owner.client
    this.#owner = owner
    this.#services = services
    this.#out.begin(owner.client)
    this.#exchange = open(this, owner.door)
    this.#body = new BodyReader(services.chunkLimits, 'request', this.#exchange.dropsRequestTrailer)
  }

  /** As the exchange's own. */
  begin(startMs: number, nowMs: number, isNull: boolean): void {
    this.#minorVersion = 1
    this.#isHead = false
    this.#isPersistent = false
    this.#isLate = false
    this.#untilClose = false
    this.isBlocked = false
    this.bytesIn = 0
    this.bytesOut = 0
    this.#exchange.begin(startMs, nowMs, isNull)
  }

  /**
   * Starts the request with this head; the bytes from `at` on follow it.
   *
   * @returns where the bytes of the request that could be taken end
   */
  run(head: RequestHead, view: ByteView, at: number, end: number): number {
    this.bytesIn = head.text.length
    this.#minorVersion = head.minorVersion
    this.#isHead = head.method === 'HEAD'
    // What a client sends ahead into a tunnel that it does not get must not be read as requests.
    this.#isPersistent = head.persistent && head.method !== 'CONNECT'
    this.#body.begin(head.body, head.contentLength)
    this.#exchange.run(head)
    return this.takeBytes(view, at, end)
  }

  /** Answers what is no request. */
  refuse(status: number): void {
    this.#exchange.refuse(status)
  }

  /** Answers that the request has not come in time. */
  late(): void {
    this.#exchange.late()
  }

  /** The client left within a request head. */
  abandon(): void {
    this.#exchange.abandon()
  }

  /** There will be no further request. */
  dispose(): void {
    this.#exchange.dispose()
  }

  /**
   * Hands on what the client sent of this request.
   *
   * @returns where it stopped: `end`, the end of the request, or `at` while there is no server
   */
  takeBytes(view: ByteView, at: number, end: number): number {
    const exchange = this.#exchange
    const to = exchange.requestBody
    if (to === null) return at
    const body = this.#body
    const taken = body.take(view, at, end, to)
    this.bytesIn += taken - at
    exchange.onRequestProgress(taken > at)
    if (!body.failed) return taken
    exchange.onRequestBroken(body.refusalStatus)
    return end
  }

  /** The exchange is let finish; its answer says that the connection closes. */
  drain(): void {}

  cut(): void {
    this.#exchange.cut()
  }

  onClientDrain(): void {
    if (!this.isBlocked) return
    this.isBlocked = false
    this.#exchange.onClientDrain()
  }

  onClientEnd(): void {
    this.#exchange.onClientEnd()
  }

  onClientClose(): void {
    this.#exchange.onClientClose()
  }

  onClientTimeout(): void {
    this.#exchange.onClientTimeout()
  }

  get isRequestWhole(): boolean {
    return this.#body.done
  }

  /** RFC 9112 section 6.1: an HTTP/1.0 client is told of no transfer coding. */
  get takesChunks(): boolean {
    return this.#minorVersion > 0
  }

  readRequest(): void {
    this.#owner.readRequest()
  }

  stopRequest(): void {
    this.#owner.stopReading()
  }

  expectClient(): void {
    this.#owner.expectClient()
  }

  watch(): void {
    this.#services.hangUps.add(this.connection)
  }

  unwatch(): void {
    this.#services.hangUps.remove(this.connection)
  }

  sendContinue(): void {
    this.#write(CONTINUE)
  }

  sendInterim(head: ResponseHead): void {
    if (this.#minorVersion > 0) this.#write(this.#headText(head, '', ''))
  }

  sendHead(head: ResponseHead, added: FieldLines): boolean {
    this.#untilClose = head.body === BODY_CLOSE || (head.body === BODY_CHUNKED && !this.takesChunks)
    const isKept = !this.#untilClose && this.#mayKeep
    const text = this.#headText(head, connectionOption(isKept, this.#minorVersion), added)
    if (text.length > this.#services.tune.bufsizeBytes) return false
    this.#isKept = isKept
    this.bytesOut += text.length
    this.#out.addText(text)
    return true
  }

  sendBody(view: ByteView, start: number, end: number): void {
    this.bytesOut += end - start
    this.#out.add(view, start, end)
  }

  endBody(trailers: string): void {
    if (!this.takesChunks) return
    this.bytesOut += trailers.length
    this.#out.addText(trailers)
  }

  flush(): void {
    if (!this.#out.end()) this.isBlocked = true
  }

  answer(answer: OwnAnswer, status: number, closes: boolean): void {
    this.#isKept = this.#mayKeep && !closes && !answer.isSilent
    this.#isLate = status === 408
    const text = answerText(
      answer,
      connectionOption(this.#isKept, this.#minorVersion),
      this.#isHead,
    )
    this.bytesOut += text.length
    this.connection.write(text)
  }

  finish(): void {
    this.#owner.streamOver()
    this.#owner.streamDone(this.#end)
  }

  breakOff(): void {
    this.#owner.streamOver()
    // A FIN would end a response well that only its connection ends (RFC 9112 section 8).
    this.#owner.breakOffClient(this.#untilClose)
  }

  reset(): void {
    this.#owner.streamOver()
    // Here, too, and a FIN would leave what a client does not read in the kernel.
    this.#owner.cutClient(this.#untilClose || this.isBlocked ? 'reset' : 'destroy')
  }

  openTunnel(head: ResponseHead, rest: ByteView, server: Conn, tunnel: Tunnel): void {
    this.#write(this.#headText(head, '', ''))
    if (rest.length > 0) this.connection.write(rest)
    this.#owner.openTunnel(server, tunnel)
  }

  tunnelEnded(): void {
    this.#owner.tunnelEnded()
  }

  /**
   * Where an answer begins while its request is still coming, the client is told that its connection
   * closes: nobody waits for the rest of the request once the answer is whole.
   */
  get #mayKeep(): boolean {
    return this.#isPersistent && this.#body.done && !this.#owner.isLast
  }

  get #end(): StreamEnd {
    const { done, failed } = this.#body
    if (this.#isLate) return 'last'
    if (this.#isKept && done) return 'open'
    return done || failed ? 'last' : 'early'
  }

  #headText(head: ResponseHead, connection: ConnectionOption, added: FieldLines): string {
    const { responseEdits } = this.#services
    responseEdits.added = added
    responseEdits.connection = connection
    responseEdits.dechunked = head.status >= 200 && !head.tunnel && !this.takesChunks
    return responseHeadText(head, responseEdits)
  }

  #write(text: string): void {
    this.bytesOut += text.length
    if (!this.connection.write(text)) this.isBlocked = true
  }
}
