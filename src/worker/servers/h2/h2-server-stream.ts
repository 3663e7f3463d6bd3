import { assert } from '../../../base/errors.ts'
import { BODY_NONE } from '../../../http/body.ts'
import { H2_ERROR } from '../../../http/h2/frames/frame-types.ts'
import type { H2Stream } from '../../../http/h2/h2-stream.ts'
import type { HeaderField } from '../../../http/h2/hpack/header-field.ts'
import { writeRequest } from '../../../http/h2/messages/request-writer.ts'
import { readTrailers } from '../../../http/h2/messages/trailer-reader.ts'
import { FACT_BINDS_CONNECTION } from '../../../http/header-table.ts'
import type { OutgoingRequest } from '../../../http/outgoing-request.ts'
import { REJECT } from '../../../http/rejects.ts'
import type { ByteView, Conn } from '../../../net/conn.ts'
import type { ResponseOwner, ServerStream } from '../../streams/server-stream.ts'
import { InterimAllowance } from '../interim-allowance.ts'
import type { Carrier } from '../lender.ts'
import type { ResponseServices } from '../server-services.ts'
import { H2ResponseBody } from './h2-response-body.ts'
import type { CarriedStream, H2ServerConnection } from './h2-server-connection.ts'
import { UnsentContent } from './unsent-content.ts'

/**
 * Requests to servers in HTTP/2, one after the other, each on a stream of a connection that carries
 * others, too. One object serves all requests of an exchange, on whatever connections.
 *
 * Bounds: what the server has not let us send yet is what the client's last read has brought, which
 * is then not read; what is not taken of a response is one window of the stream.
 */
export class H2ServerStream implements ServerStream, CarriedStream {
  readonly takesChunks = false
  readonly #services: ResponseServices
  readonly #owner: ResponseOwner
  readonly #interim = new InterimAllowance()
  readonly #unsent = new UnsentContent()
  readonly #body = new H2ResponseBody()
  /** Null while no connection lends it one. */
  #connection: H2ServerConnection | null = null
  #carrier: Carrier | null = null
  /** Null before the request's head is sent. */
  #stream: H2Stream | null = null
  #method = ''
  /** Its server authenticates connections: this one may be given to nobody else. */
  #isBound = false
  /** The owner waits until more of the request is taken. */
  #isAwaited = false
  /** What came is no response: the reset that follows is ours. */
  #isMalformed = false
  /** Something was told that `onResponseProgress` has not followed yet. */
  #isToldPartly = false
  isSilent = true
  mayBeStale = true

  constructor(services: ResponseServices, owner: ResponseOwner) {
    this.#services = services
    this.#owner = owner
  }

  /** Sends the next request on a connection that has room. */
  lend(connection: H2ServerConnection, carrier: Carrier): ServerStream {
    this.#connection = connection
    this.#carrier = carrier
    this.#interim.begin()
    this.#isBound = false
    this.#isAwaited = false
    this.#isMalformed = false
    this.#isToldPartly = false
    this.isSilent = true
    this.mayBeStale = true
    return this
  }

  sendHead(head: OutgoingRequest): void {
    const connection = this.#lent
    const { h2, scheme } = connection
    this.#method = head.method
    const stream = connection.open(this)
    this.#stream = stream
    h2.beginHead()
    writeRequest(head, { scheme, takesProtocol: false }, h2)
    h2.endHead(stream, head.body === BODY_NONE)
  }

  sendBody(view: ByteView, start: number, end: number): void {
    this.#unsent.add(view, start, end)
  }

  endBody(trailers: string): void {
    this.#unsent.end(trailers)
  }

  flush(): boolean {
    const connection = this.#lent
    // What the owner is told meanwhile could be its end.
    this.#isAwaited = false
    this.#send()
    const isTaken = connection.flush()
    this.#unsent.keep()
    this.#isAwaited = !isTaken || !this.#unsent.isEmpty
    if (!isTaken) connection.waitForDrain(this)
    return !this.#isAwaited
  }

  pause(): void {
    this.#body.isPaused = true
  }

  resume(): void {
    const connection = this.#lent
    if (!this.#body.isPaused) return
    connection.tell(this)
    this.#use(this.#body.resume())
    this.#isToldPartly = true
    if (this.#body.isEndHeld) this.#finish()
    else connection.tell(null)
    connection.flush()
  }

  release(_isRequestWhole: boolean, isBound: boolean): void {
    const connection = this.#lent
    connection.isProven = true
    // RFC 9113 section 8.1: what is left of the request is of no use to anybody.
    if (this.#stream?.isLocalEnded === false) this.#giveUp(H2_ERROR.cancel)
    if (isBound || this.#isBound) this.#carrier?.bind(connection)
    this.#leave()
    connection.flush()
  }

  reset(): void {
    const connection = this.#connection
    if (connection === null) return
    this.#giveUp(H2_ERROR.cancel)
    this.#leave()
    connection.flush()
  }

  detach(): Conn {
    assert(false, 'a stream of HTTP/2 was to become a tunnel')
  }

  onField(field: HeaderField): void {
    this.isSilent = false
    this.#lent.blockOf(this).onField(field)
  }

  onHead(isLast: boolean): number {
    const connection = this.#lent
    this.isSilent = false
    connection.tell(this)
    if (this.#body.isBegun) return this.#takeTrailers(isLast)
    const code = connection.reader.read(connection.blockOf(this), this.#method, isLast)
    connection.blockRead()
    const { responseHead: head, wheel } = this.#services
    // A tunnel was not asked for.
    if (code < 0 || head.tunnel) return this.#malformed()
    if ((head.headers.facts & FACT_BINDS_CONNECTION) !== 0) this.#isBound = true
    this.#isToldPartly = true
    if (head.status >= 200) {
      this.#body.announce(head)
      const to = this.#owner.onResponse(head)
      if (to !== null) this.#body.begin(to)
      return 0
    }
    if (!this.#interim.take(head.text.length, wheel.nowMs)) return this.#malformed()
    this.#owner.onInterim(head)
    return 0
  }

  onBody(view: ByteView, start: number, end: number): void {
    this.#lent.tell(this)
    this.#isToldPartly = true
    const used = this.#body.take(view, start, end)
    if (used >= 0) {
      this.#use(used)
      return
    }
    this.#giveUp(H2_ERROR.protocol)
    this.onConnectionBroken()
  }

  onEnd(): number {
    this.#lent.tell(this)
    if (!this.#body.mayEnd) return this.#malformed()
    this.#finish()
    return 0
  }

  onReset(_code: number, isUnprocessed: boolean): void {
    this.#lent.tell(this)
    if (this.#isMalformed) {
      this.onConnectionBroken()
      return
    }
    this.mayBeStale = false
    this.#end(isUnprocessed)
  }

  onWritable(): void {
    this.#send()
    this.drained()
  }

  drained(): void {
    const connection = this.#lent
    if (!this.#isAwaited || !this.#unsent.isEmpty) return
    if (connection.isBlocked) {
      connection.waitForDrain(this)
      return
    }
    this.#isAwaited = false
    this.#owner.onServerDrain()
  }

  onAllTold(): void {
    if (!this.#isToldPartly) return
    this.#isToldPartly = false
    this.#owner.onResponseProgress()
  }

  onConnectionEnd(): void {
    this.#end(false)
  }

  onConnectionBroken(): void {
    this.#leave()
    this.#owner.onResponseBroken()
  }

  #takeTrailers(isLast: boolean): number {
    const connection = this.#lent
    const { dropsResponseTrailer } = this.#owner
    const block = connection.blockOf(this)
    // RFC 9113 section 8.1: nothing follows them.
    const read = isLast
      ? readTrailers(block, this.#services.chunkLimits, dropsResponseTrailer)
      : REJECT.streamEnd
    connection.blockRead()
    if (typeof read === 'number') return this.#malformed()
    this.#body.trail(read)
    return 0
  }

  #finish(): void {
    if (!this.#body.end()) return
    this.#isToldPartly = false
    this.#owner.onResponseEnd()
  }

  /** So much of the response was handed on: as much more may come. */
  #use(bytes: number): void {
    if (this.#stream !== null) this.#lent.h2.use(this.#stream, bytes)
  }

  #malformed(): number {
    this.#isMalformed = true
    return H2_ERROR.protocol
  }

  /** @param isUnprocessed the server has done nothing about the request */
  #end(isUnprocessed: boolean): void {
    this.onAllTold()
    // What the owner was told may have been the end of it.
    if (this.#connection === null) return
    this.#leave()
    if (isUnprocessed && this.isSilent) this.#owner.onServerRefused()
    else this.#owner.onServerEnd()
  }

  #send(): void {
    const stream = this.#stream
    if (stream !== null && !stream.isClosed) this.#unsent.sendTo(this.#lent.h2, stream)
  }

  #giveUp(code: number): void {
    if (this.#stream !== null) this.#lent.h2.reset(this.#stream, code)
  }

  #leave(): void {
    const connection = this.#lent
    this.#connection = null
    this.#carrier = null
    this.#stream = null
    this.#unsent.clear()
    this.#body.clear()
    connection.over(this)
  }

  get #lent(): H2ServerConnection {
    const connection = this.#connection
    assert(connection !== null, 'a stream of HTTP/2 went on without its connection')
    return connection
  }
}
