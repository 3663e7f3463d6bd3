import { GatheredBytes } from '../../../base/gathered-bytes.ts'
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, type BodyKind } from '../../../http/body.ts'
import type { FieldLines } from '../../../http/fields.ts'
import { H2_ERROR } from '../../../http/h2/frames/frame-types.ts'
import type { H2Stream, StreamHandler } from '../../../http/h2/h2-stream.ts'
import type { HeaderField } from '../../../http/h2/hpack/header-field.ts'
import { ContentCount } from '../../../http/h2/messages/content-count.ts'
import { writeAnswer, writeResponse } from '../../../http/h2/messages/response-writer.ts'
import { readTrailers } from '../../../http/h2/messages/trailer-reader.ts'
import { REJECT, rejectOf } from '../../../http/rejects.ts'
import type { RequestHead } from '../../../http/request-head.ts'
import type { ResponseHead } from '../../../http/response-head.ts'
import type { OwnAnswer } from '../../../model/own-answer.ts'
import type { ByteView, Conn } from '../../../net/conn.ts'
import { Deadline } from '../../../net/deadline-wheel.ts'
import type { ClientConnection, ClientStream, RequestOwner } from '../../streams/client-stream.ts'
import type { Tunnel } from '../../streams/tunnel.ts'
import type { ClientServices } from '../client-services.ts'
import type { OpenExchange } from '../h1-client-stream.ts'
import { Relay } from '../relay.ts'
import type { H2Carrier } from './h2-carrier.ts'
import { H2Outlet } from './h2-outlet.ts'
import { H2StreamConn } from './h2-stream-conn.ts'

/** Status of an answer after which the client is not waited for a second time. */
const TOO_LATE = 408

/**
 * How far a stream is:
 *
 * - `rest`: it has no stream of its connection;
 * - `head`: the header block of its request is being read;
 * - `exchange`: its exchange has the request;
 * - `tail`: that is over, and what is left of the answer waits for the client to take it;
 * - `tunnel`: bytes go both ways.
 */
type H2Phase = 'rest' | 'head' | 'exchange' | 'tail' | 'tunnel'

/**
 * Requests of an HTTP/2 client and their responses: each is one stream of a connection that others
 * share. An object serves one after the other, with its exchange; when a stream is over, nothing that
 * is still told of it comes here.
 *
 * Flow control is end to end: what the server does not take yet of a request is held, at most the
 * stream's window, which is given back as the server takes it; what the client does not take of a
 * response is kept by the outlet, while the server is not read.
 */
export class H2ClientStream implements ClientStream, StreamHandler {
  readonly takesChunks = false
  readonly connection: ClientConnection
  readonly #carrier: H2Carrier
  readonly #services: ClientServices
  readonly #exchange: RequestOwner
  readonly #outlet: H2Outlet
  readonly #content = new ContentCount()
  readonly #deadline = new Deadline(() => this.#onLate())
  readonly #request = new RequestState()
  readonly #ending = new Ending()
  #phase: H2Phase = 'rest'
  #stream: H2Stream | null = null
  #tunnel: H2StreamConn | null = null
  #relay: Relay | null = null
  isBlocked = false
  bytesIn = 0
  bytesOut = 0

  constructor(carrier: H2Carrier, services: ClientServices, open: OpenExchange) {
    this.connection = carrier.client
    this.#carrier = carrier
    this.#services = services
    this.#outlet = new H2Outlet(carrier.h2)
    this.#exchange = open(this, carrier.door)
  }

  /** Serves a stream of its client from now on. */
  begin(stream: H2Stream): this {
    this.#stream = stream
    this.#outlet.begin(stream)
    this.#request.begin()
    this.#phase = 'head'
    this.#ending.begin()
    this.isBlocked = false
    this.bytesIn = 0
    this.bytesOut = 0
    return this
  }

  /** Bytes of the request are held back, or would be. */
  get isStopped(): boolean {
    return this.#request.isStopped || this.#request.held !== null
  }

  /** There will be no further stream. */
  dispose(): void {
    this.#exchange.dispose()
  }

  /** The worker ends. */
  cut(): void {
    if (this.#phase === 'exchange') this.#exchange.cut()
    else if (this.#phase === 'tunnel') this.#relay?.cut()
    else this.#abort(H2_ERROR.cancel)
  }

  /** The connection is gone, or broken. */
  lost(): void {
    this.onReset()
  }

  /** The client sends no more frames, but may still read. */
  clientEnded(): void {
    if (this.#phase === 'head') this.#abort(H2_ERROR.cancel)
    else if (this.#phase === 'tunnel') this.#tunnel?.onEnd()
    else if (this.#phase === 'exchange' && !this.#request.hasEnded) this.#exchange.onClientEnd()
  }

  // What the client does.

  onField(field: HeaderField): void {
    if (this.#stream !== null) this.#carrier.takeField(this.#stream, field)
  }

  onHead(isLast: boolean): number {
    if (this.#phase === 'head') this.#readHead(isLast)
    else if (this.#phase === 'exchange') this.#readTrailers(isLast)
    // RFC 9113 section 8.5: a tunnel has content alone.
    else if (this.#phase === 'tunnel') return H2_ERROR.protocol
    return 0
  }

  onBody(view: ByteView, start: number, end: number): void {
    if (this.#phase === 'tunnel') this.#tunnel?.onBody(view, start, end)
    if (this.#phase !== 'exchange') return
    if (!this.#content.take(end - start)) {
      this.#break(REJECT.contentLength)
      return
    }
    const request = this.#request
    const to = request.isStopped || request.held !== null ? null : this.#exchange.requestBody
    if (to === null || request.isTunnel) {
      request.held ??= new GatheredBytes()
      request.held.add(view, start, end)
      return
    }
    this.bytesIn += end - start
    to.sendBody(view, start, end)
    this.#use(end - start)
    this.#exchange.onRequestProgress(true)
  }

  onEnd(): number {
    const request = this.#request
    request.hasEnded = true
    if (this.#phase === 'tunnel') this.#tunnel?.onEnd()
    if (this.#phase !== 'exchange' || request.isWhole) return 0
    if (!this.#content.mayEnd) this.#break(REJECT.contentLength)
    else if (request.held === null && !request.isStopped) this.readRequest()
    return 0
  }

  onReset(): void {
    if (this.#phase === 'tunnel') {
      // Its other side may take a moment to close.
      this.#tunnel?.onLost()
      return
    }
    if (this.#phase === 'exchange') this.#exchange.onClientClose()
    this.#leave()
  }

  onWritable(): void {
    if (this.#phase === 'tunnel') {
      this.#tunnel?.onWritable()
      return
    }
    if (!this.#outlet.pushKept()) return
    if (this.#outlet.isBlocked) {
      this.expectClient()
    } else if (this.#phase === 'tail') this.#finishStream()
    else if (this.isBlocked) {
      this.isBlocked = false
      this.#exchange.onClientDrain()
    }
  }

  #readHead(isLast: boolean): void {
    const { clock, requestHeads } = this.#services
    const { head } = requestHeads.atHand
    const block = this.#carrier.takeBlock()
    const code = this.#carrier.reader.read(block, head, isLast)
    block.clear()
    const nowMs = clock()
    this.#request.hasEnded = isLast
    this.#phase = 'exchange'
    this.#exchange.begin(nowMs, nowMs, false)
    if (code < 0) this.#refuse(rejectOf(code).status)
    else this.#run(head, isLast)
  }

  #refuse(status: number): void {
    this.#ending.isMalformed = status === 400
    this.#request.isWhole = this.#request.hasEnded
    this.#exchange.refuse(status)
  }

  #run(head: RequestHead, isLast: boolean): void {
    const request = this.#request
    const { body, contentLength, method } = head
    request.isTunnel = method === 'CONNECT' || head.upgrade !== ''
    request.isHead = method === 'HEAD'
    request.body = body
    // What comes behind the head of a tunnel is not the request's.
    request.isWhole = isLast || request.isTunnel
    const isEndless = body === BODY_CHUNKED || request.isTunnel
    this.#content.begin(isEndless ? Number.POSITIVE_INFINITY : contentLengthOf(body, contentLength))
    this.bytesIn = head.text.length
    this.#exchange.run(head)
  }

  #readTrailers(isLast: boolean): void {
    const block = this.#carrier.takeBlock()
    const trailers = readTrailers(
      block,
      this.#services.chunkLimits,
      this.#exchange.dropsRequestTrailer,
    )
    block.clear()
    // RFC 9113 section 8.1: they are the end.
    if (!isLast) this.#break(REJECT.streamEnd)
    else if (typeof trailers === 'number') this.#break(trailers)
    // Behind a body with a length HTTP/1 has no place for them.
    else if (this.#request.body === BODY_CHUNKED) this.#request.trailers = trailers
  }

  /** The request turns out to be none. */
  #break(code: number): void {
    const { status } = rejectOf(code)
    this.#ending.isMalformed = status === 400
    this.#exchange.onRequestBroken(status)
  }

  #onLate(): void {
    if (this.#phase === 'exchange') this.#exchange.onClientTimeout()
    else this.#abort(H2_ERROR.cancel)
  }

  // What the exchange does.

  get isRequestWhole(): boolean {
    return this.#request.isWhole
  }

  readRequest(): void {
    const request = this.#request
    const exchange = this.#exchange
    request.isStopped = false
    const to = request.isTunnel ? null : exchange.requestBody
    const held = to === null ? null : request.held
    if (to !== null && held !== null) {
      request.held = null
      this.bytesIn += held.length
      to.sendBody(held.bytes, 0, held.length)
      this.#use(held.length)
    }
    const isEnd = to !== null && request.hasEnded && !request.isWhole
    if (isEnd) {
      request.isWhole = true
      if (request.body !== BODY_NONE) to.endBody(request.trailers)
    }
    exchange.onRequestProgress(held !== null || isEnd)
    this.#carrier.flush()
  }

  stopRequest(): void {
    this.#request.isStopped = true
  }

  expectClient(): void {
    const { clientMs } = this.#carrier.door.frontend.plan.timeouts
    this.#services.wheel.scheduleIn(this.#deadline, clientMs)
  }

  /** A client in HTTP/2 is always read: it is heard of. */
  watch(): void {}

  unwatch(): void {}

  sendContinue(): void {
    const stream = this.#stream
    if (stream === null) return
    this.#beginHead()
    this.#carrier.h2.field(':status', '100', 'indexed')
    this.#endHead(stream, false)
    this.#carrier.flush()
  }

  sendInterim(head: ResponseHead): void {
    const stream = this.#stream
    if (stream === null) return
    this.#beginHead()
    writeResponse(head, '', this.#carrier.h2)
    this.#endHead(stream, false)
    this.#carrier.flush()
  }

  sendHead(head: ResponseHead, added: FieldLines): boolean {
    const stream = this.#stream
    if (head.text.length + added.length > this.#services.tune.bufsizeBytes) return false
    if (stream === null) return true
    this.#beginHead()
    writeResponse(head, added, this.#carrier.h2)
    this.#endHead(stream, head.body === BODY_NONE)
    return true
  }

  sendBody(view: ByteView, start: number, end: number): void {
    this.bytesOut += end - start
    this.#outlet.add(view, start, end)
  }

  endBody(trailers: string): void {
    this.bytesOut += trailers.length
    this.#outlet.end(trailers)
  }

  flush(): void {
    this.#outlet.push()
    if (this.#outlet.isBlocked) this.isBlocked = true
    this.#carrier.flush()
  }

  answer(answer: OwnAnswer, status: number, closes: boolean): void {
    const stream = this.#stream
    if (stream === null) return
    const request = this.#request
    this.#ending.isLastOne = closes || answer.isSilent || status === TOO_LATE
    if (answer.isSilent) this.#ending.code = H2_ERROR.cancel
    if (answer.isSilent || this.#ending.isMalformed) return
    const hasBody =
      !request.isHead && answer.body !== '' && answer.status !== 204 && answer.status !== 304
    this.#beginHead()
    writeAnswer(answer, this.#carrier.h2)
    this.#endHead(stream, !hasBody)
    if (!hasBody) return
    const body = Buffer.from(answer.body, 'latin1')
    this.sendBody(body, 0, body.length)
    this.endBody('')
  }

  finish(): void {
    const { isLastOne } = this.#ending
    if (this.#ending.isMalformed) this.#failStream()
    else if (this.#ending.code !== null) this.#abort(this.#ending.code)
    else {
      this.#outlet.end('')
      this.#sendTail()
    }
    if (isLastOne) this.#carrier.leave()
    this.#carrier.flush()
  }

  breakOff(): void {
    if (this.#ending.isMalformed) this.#failStream()
    else {
      this.#ending.code = H2_ERROR.internal
      this.#sendTail()
    }
    this.#carrier.flush()
  }

  reset(): void {
    this.#abort(H2_ERROR.cancel)
  }

  openTunnel(head: ResponseHead, rest: ByteView, server: Conn, tunnel: Tunnel): void {
    const stream = this.#stream
    const { wheel } = this.#services
    if (stream === null) return
    this.#beginHead()
    writeResponse(head, '', this.#carrier.h2)
    this.#endHead(stream, false)
    wheel.cancel(this.#deadline)
    const { held, hasEnded } = this.#request
    const conn = new H2StreamConn(this.#carrier, stream)
    this.#tunnel = conn
    this.#phase = 'tunnel'
    const { tunnelMs, serverFinMs } = tunnel.timeouts
    const { clientFinMs } = this.#carrier.door.frontend.plan.timeouts
    const timeouts = { tunnelMs, tunnelLate: 'client-late', clientFinMs, serverFinMs } as const
    this.#relay = new Relay(conn, server, timeouts, tunnel, wheel)
    this.#request.held = null
    if (held !== null) conn.onBody(held.bytes, 0, held.length)
    if (hasEnded) conn.onEnd()
    if (rest.length > 0) conn.write(rest)
    this.#carrier.flush()
  }

  tunnelEnded(): void {
    this.#leave()
  }

  /** The exchange is over: what is left goes as the client takes it. */
  #sendTail(): void {
    this.#phase = 'tail'
    this.#outlet.push()
    if (!this.#outlet.isBlocked) this.#finishStream()
    else this.expectClient()
  }

  /** All was sent that there is. */
  #finishStream(): void {
    const stream = this.#stream
    const { hasEnded } = this.#request
    this.#leave()
    if (stream === null) return
    if (this.#ending.code !== null) this.#carrier.h2.reset(stream, this.#ending.code)
    // RFC 9113 section 8.1: the rest of a request whose answer is whole is not wanted.
    else if (!hasEnded) this.#carrier.h2.reset(stream, H2_ERROR.noError)
  }

  #failStream(): void {
    const stream = this.#stream
    this.#leave()
    if (stream !== null) this.#carrier.h2.fail(stream, H2_ERROR.protocol)
  }

  #abort(code: number): void {
    const stream = this.#stream
    this.#leave()
    if (stream !== null) this.#carrier.h2.reset(stream, code)
    this.#carrier.flush()
  }

  /** The stream is over; nothing that is told of it comes here from now on. */
  #leave(): void {
    if (this.#phase === 'rest') return
    this.#services.wheel.cancel(this.#deadline)
    this.#phase = 'rest'
    this.#stream = null
    this.#tunnel = null
    this.#relay = null
    this.#outlet.forget()
    this.#request.held = null
    this.#carrier.streamOver(this)
  }

  /** Bytes of the request were taken. */
  #use(bytes: number): void {
    if (this.#stream !== null) this.#carrier.h2.use(this.#stream, bytes)
  }

  #beginHead(): void {
    this.bytesOut -= this.#carrier.h2.output.length
    this.#carrier.h2.beginHead()
  }

  #endHead(stream: H2Stream, isLast: boolean): void {
    this.#carrier.h2.endHead(stream, isLast)
    this.bytesOut += this.#carrier.h2.output.length
  }
}

/** What is known of the request that a stream brings. */
class RequestState {
  isHead = false
  /** It asks for a tunnel, or for one by an upgrade. */
  isTunnel = false
  body: BodyKind = BODY_NONE
  trailers = ''
  /** The client has ended it. */
  hasEnded = false
  /** All of it was handed on. */
  isWhole = false
  /** The server takes nothing at present. */
  isStopped = false
  /** What nobody has taken yet. */
  held: GatheredBytes | null = null

  begin(): void {
    this.isHead = false
    this.isTunnel = false
    this.body = BODY_NONE
    this.trailers = ''
    this.hasEnded = false
    this.isWhole = false
    this.isStopped = false
    this.held = null
  }
}

/** How a stream comes to its end. */
class Ending {
  /** What it is reset with once all is sent; null: it ends well. */
  code: number | null = null
  /** What came is malformed: RFC 9113 section 8.1.1. The stream is reset in place of an answer. */
  isMalformed = false
  /** The client gets no other answer on its connection. */
  isLastOne = false

  begin(): void {
    this.code = null
    this.isMalformed = false
    this.isLastOne = false
  }
}

function contentLengthOf(body: number, contentLength: number): number {
  return body === BODY_LENGTH ? contentLength : 0
}
