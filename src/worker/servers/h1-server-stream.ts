import { assert } from '../../base/errors.ts'
import type { BodySink } from '../../http/body.ts'
import { BodyReader } from '../../http/h1/body-reader.ts'
import { requestHeadText } from '../../http/h1/head-text.ts'
import { HeldBytes } from '../../http/h1/held-bytes.ts'
import { parseInvalidResponseHead } from '../../http/h1/invalid-response.ts'
import { parseResponseHead } from '../../http/h1/response-parser.ts'
import { FACT_BINDS_CONNECTION } from '../../http/header-table.ts'
import type { OutgoingRequest } from '../../http/outgoing-request.ts'
import type { ResponseHead } from '../../http/response-head.ts'
import type { BackendTerms } from '../../model/plan.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { JoinedWrite } from '../../net/joined-write.ts'
import { UNHEARD } from '../../net/unheard.ts'
import type { ResponseOwner, ServerStream } from '../streams/server-stream.ts'
import { InterimAllowance } from './interim-allowance.ts'
import type { Carrier } from './lender.ts'
import type { ResponseServices } from './server-services.ts'

/** Request bodies up to this size that came whole with their head are written together with it. */
const JOINED_BODY_BYTES_MAX = 4096

/**
 * Requests to servers in HTTP/1.1, one after the other, each on a connection that is lent to it
 * whole: HTTP/1 carries one at a time. One stream serves all requests of an exchange.
 */
export class H1ServerStream implements ServerStream, ConnHandler {
  readonly takesChunks = true
  readonly mayBeStale = true
  readonly #services: ResponseServices
  readonly #owner: ResponseOwner
  readonly #body: BodyReader
  readonly #out = new JoinedWrite(JOINED_BODY_BYTES_MAX)
  readonly #interim = new InterimAllowance()
  /** The beginning of a head that is not complete. */
  readonly #held: HeldBytes
  /** Null while no connection is lent to it. */
  #conn: Conn | null = null
  #carrier: Carrier | null = null
  #acceptsInvalid = false
  #method = ''
  #asksUpgrade = false
  /** The body is to be written in chunks: RFC 9112 section 7.1. */
  #frames = false
  /** Where the body of the response goes; null before its head. */
  #to: BodySink | null = null
  /** The connection may serve another request, if nothing follows the response. */
  #isPersistent = false
  /** Its server authenticates connections: this one may be given to nobody else. */
  #isBound = false
  #isPaused = false
  /** Something came behind the end of the response. */
  #hasLeftover = false

  constructor(services: ResponseServices, owner: ResponseOwner) {
    this.#services = services
    this.#owner = owner
    this.#body = new BodyReader(services.chunkLimits, 'response', owner.dropsResponseTrailer)
    this.#held = new HeldBytes(services.responseHead.limits)
  }

  lend(conn: Conn, carrier: Carrier, { acceptInvalidResponse }: BackendTerms): ServerStream {
    conn.handler = this
    this.#conn = conn
    this.#carrier = carrier
    this.#acceptsInvalid = acceptInvalidResponse
    this.#out.begin(conn)
    this.#held.clear()
    this.#interim.begin()
    this.#to = null
    this.#isPersistent = false
    this.#isBound = false
    this.#isPaused = false
    this.#hasLeftover = false
    return this
  }

  get isSilent(): boolean {
    return this.#to === null && this.#held.length === 0
  }

  sendHead(head: OutgoingRequest): void {
    this.#frames = head.isUnframed
    this.#method = head.method
    this.#asksUpgrade = head.upgrade !== ''
    this.#out.addText(requestHeadText(head))
  }

  sendBody(view: ByteView, start: number, end: number): void {
    if (!this.#frames) {
      this.#out.add(view, start, end)
      return
    }
    // An empty chunk would be the last.
    if (start === end) return
    this.#out.addText(`${(end - start).toString(16)}\r\n`)
    this.#out.add(view, start, end)
    this.#out.addText('\r\n')
  }

  endBody(trailers: string): void {
    this.#out.addText(this.#frames ? `0\r\n${trailers || '\r\n'}` : trailers)
  }

  flush(): boolean {
    return this.#out.end()
  }

  pause(): void {
    this.#isPaused = true
    this.#conn?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#conn?.resume()
  }

  release(isRequestWhole: boolean, isBound: boolean): void {
    const carrier = this.#carrier
    const conn = this.detach()
    if (carrier === null || !this.#isPersistent || !isRequestWhole || this.#hasLeftover) {
      conn.destroy()
      return
    }
    if (this.#isPaused) conn.resume()
    carrier.keep(conn, isBound || this.#isBound)
  }

  reset(): void {
    if (this.#conn !== null) this.detach().destroy()
  }

  detach(): Conn {
    const conn = this.#conn
    assert(conn !== null, 'a server stream without a connection was to hand one on')
    conn.handler = UNHEARD
    this.#conn = null
    this.#carrier = null
    this.#out.forget()
    return conn
  }

  onConnect(): void {}

  onData(_conn: Conn, view: ByteView, length: number): void {
    if (this.#to !== null) this.#takeBody(view, 0, length, this.#to)
    else if (this.#held.length === 0) this.#takeHead(view, 0, length)
    else if (this.#held.add(view, 0, length)) {
      const { bytes } = this.#held
      this.#held.clear()
      this.#takeHead(bytes, 0, bytes.length)
    } else this.#owner.onResponseProgress()
  }

  onDrain(): void {
    this.#owner.onServerDrain()
  }

  onEnd(): void {
    this.#onEnd(false)
  }

  onClose(_conn: Conn, failure: ConnFailure | null): void {
    this.#onEnd(failure !== null)
  }

  /** @param isBroken it did not end by FIN alone */
  #onEnd(isBroken: boolean): void {
    const to = this.#to
    if (to === null || isBroken || !this.#body.endsAtClose) {
      this.#owner.onServerEnd()
      return
    }
    this.#body.close(to)
    this.#owner.onResponseEnd()
  }

  /** Reads interim heads and the final one, then what there is of its body. */
  #takeHead(view: ByteView, start: number, end: number): void {
    const owner = this.#owner
    const { responseHead: head } = this.#services
    const parse = this.#acceptsInvalid ? parseInvalidResponseHead : parseResponseHead
    let at = start
    while (at < end) {
      const consumed = parse(view, at, end, this.#method, head)
      if (consumed < 0) {
        owner.onResponseBroken()
        return
      }
      if (consumed === 0) {
        this.#held.add(view, at, end)
        break
      }
      at += consumed
      if ((head.headers.facts & FACT_BINDS_CONNECTION) !== 0) this.#isBound = true
      if (head.tunnel) {
        // RFC 9110 section 7.8: a server may only change to what it was asked for.
        if (head.status === 101 && !this.#asksUpgrade) owner.onResponseBroken()
        else owner.onTunnel(head, view.subarray(at, end))
        return
      }
      if (head.status >= 200) {
        this.#begin(head, view, at, end)
        return
      }
      if (!this.#interim.take(consumed, this.#services.wheel.nowMs)) {
        owner.onResponseBroken()
        return
      }
      owner.onInterim(head)
    }
    owner.onResponseProgress()
  }

  #begin(head: ResponseHead, view: ByteView, at: number, end: number): void {
    this.#isPersistent = head.persistent
    this.#body.begin(head.body, head.contentLength)
    const to = this.#owner.onResponse(head)
    if (to === null) return
    this.#to = to
    this.#takeBody(view, at, end, to)
  }

  #takeBody(view: ByteView, start: number, end: number, to: BodySink): void {
    const body = this.#body
    const at = body.take(view, start, end, to)
    if (body.failed) {
      this.#owner.onResponseBroken()
    } else if (body.done) {
      this.#hasLeftover = at < end
      this.#owner.onResponseEnd()
    } else this.#owner.onResponseProgress()
  }
}
