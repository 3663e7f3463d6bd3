import { bytesStartWith } from '../../http/characters.ts'
import { HeldBytes } from '../../http/h1/held-bytes.ts'
import { REJECT, rejectOf } from '../../http/rejects.ts'
import type { RequestHead } from '../../http/request-head.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { Deadline } from '../../net/deadline-wheel.ts'
import type { Tunnel } from '../streams/tunnel.ts'
import type { ClientPhase } from './client-phase.ts'
import type { ClientServices, Door } from './client-services.ts'
import {
  H1ClientStream,
  type H1Connection,
  type OpenExchange,
  type StreamEnd,
} from './h1-client-stream.ts'
import { Lingering } from './lingering.ts'
import { Relay } from './relay.ts'
import { RequestWait, type RequestWaitOwner } from './request-wait.ts'
import type { Place, Session } from './session.ts'

const NO_BYTES = Buffer.alloc(0)

/** The first line of what HTTP/2 begins with: RFC 9113 section 3.4. */
const PREFACE_LINE = 'PRI * HTTP/2.0\r\n'

/** Goes on with a connection, and its place, in HTTP/2; what was read of it is to be told. */
export type BecomeH2 = (client: Conn, place: Place) => ConnHandler & Session

/**
 * One HTTP/1 client connection of a frontend in `mode http`: reads requests one after another, each
 * a use of its one stream. Requests sent ahead wait unread in `held`, at most one read buffer and one
 * head of them, so that answers keep the order of requests (RFC 9112 section 9.3.2). Reading stops
 * until they have been taken, and after `http.max-pipelined` of them in a row the client is told
 * to close.
 *
 * Invariant: what happens to the connection is told to the phase at hand alone: to {@link
 * RequestWait} or {@link H1ClientStream}, and once the connection was handed over, to its successor,
 * which is then the connection's handler: {@link Lingering} or {@link Relay}.
 */
export class H1Client implements ConnHandler, H1Connection, RequestWaitOwner, Session {
  readonly client: Conn
  readonly door: Door
  readonly #services: ClientServices
  readonly #place: Place
  readonly #stream: H1ClientStream
  readonly #becomeH2: BecomeH2 | null
  readonly #wait: RequestWait
  /** Of the phase at hand. */
  readonly #deadline: Deadline
  readonly #held: HeldBytes
  #phase: ClientPhase
  /** What the connection was handed over to for good. */
  #successor: Session | null = null
  /** Requests in a row since the client was last waited for, the present one included. */
  #inRow = 0
  /** It has brought a request, or what was taken for one. */
  #hasServed = false
  /** Bytes at hand behind the head that was read last, before what is left of them is held. */
  #behindHead = 0
  #paused = false
  #consuming = false
  #clientEnded = false

  /** @param becomeH2 null where clients are to speak HTTP/1 */
  constructor(
    client: Conn,
    place: Place,
    services: ClientServices,
    open: OpenExchange,
    becomeH2: BecomeH2 | null = null,
  ) {
    this.client = client
    this.#becomeH2 = becomeH2
    this.door = place.door
    this.#services = services
    this.#place = place
    this.#held = new HeldBytes(services.requestHeads.atHand.head.limits)
    this.#stream = new H1ClientStream(this, services, open)
    this.#deadline = new Deadline(() => this.#phase.onClientTimeout())
    client.handler = this
    place.pass(this)
    count(services.cells, this.door.frontend.plan.row, COUNTER.connectionsTotal)
    this.#wait = new RequestWait(this, services, this.#held)
    this.#phase = this.#wait
  }

  get isLast(): boolean {
    const { draining, tune } = this.#services
    const hasMore = (this.#consuming ? this.#behindHead : this.#held.length) > 0
    const isEnough = hasMore ? this.#inRow >= tune.httpPipelinedMax : this.#clientEnded
    return isEnough || draining || this.door.closed
  }

  drain(): void {
    const at = this.#successor ?? this.#phase
    at.drain()
  }

  cut(): void {
    const at = this.#successor ?? this.#phase
    at.cut()
  }

  onConnect(): void {}

  onData(_conn: Conn, view: ByteView, length: number): void {
    if (this.#held.length > 0) {
      if (this.#held.add(view, 0, length)) this.#consumeHeld()
      return
    }
    if (this.#phase === this.#wait) this.#inRow = 0
    const at = this.#consume(view, 0, length)
    if (at < length) this.#held.add(view, at, length)
  }

  onDrain(): void {
    this.#phase.onClientDrain()
  }

  onEnd(): void {
    this.#clientEnded = true
    this.#phase.onClientEnd()
  }

  onClose(_conn: Conn, _failure: ConnFailure | null): void {
    this.#phase.onClientClose()
    this.#end()
  }

  beginRequest(
    head: RequestHead,
    consumed: number,
    view: ByteView,
    at: number,
    end: number,
    startMs: number,
    nowMs: number,
  ): number {
    if (consumed === REJECT.version && this.#beginsH2(view, at, end)) return end
    this.#inRow++
    this.#hasServed = true
    this.#behindHead = end - at - consumed
    this.#phase = this.#stream
    this.#stream.begin(startMs, nowMs, false)
    if (consumed > 0) return this.#stream.run(head, view, at + consumed, end)
    this.#stream.refuse(rejectOf(consumed).status)
    return end
  }

  /**
   * What begins with the preface of HTTP/2 is given to that, as by HAProxy. Its first line is a
   * request of a version that is refused, so that nobody else is looked at for it.
   */
  #beginsH2(view: ByteView, at: number, end: number): boolean {
    if (this.#becomeH2 === null || this.#hasServed || end - at < PREFACE_LINE.length) return false
    if (!bytesStartWith(view, at, PREFACE_LINE)) return false
    const ahead = Buffer.from(view.subarray(at, end))
    const client = this.#becomeH2(this.client, this.#place)
    this.#handOver(client)
    this.#stream.dispose()
    client.onData(this.client, ahead, ahead.length)
    return true
  }

  requestLate(startMs: number, nowMs: number, isNull: boolean): void {
    this.#phase = this.#stream
    this.#stream.begin(startMs, nowMs, isNull)
    this.#stream.late()
  }

  requestAbandoned(startMs: number, nowMs: number, isNull: boolean): void {
    this.#stream.begin(startMs, nowMs, isNull)
    this.#stream.abandon()
  }

  readRequest(): void {
    if (this.#consuming) return
    if (this.#held.length > 0) this.#consumeHeld()
    else this.#stream.takeBytes(NO_BYTES, 0, 0)
    this.#resumeReading()
  }

  stopReading(): void {
    this.#paused = true
    this.client.pause()
  }

  streamOver(): void {
    this.#phase = this.#wait
  }

  streamDone(end: StreamEnd): void {
    if (end !== 'open') {
      this.#linger(end === 'early')
      return
    }
    this.#wait.begin()
    if (this.#consuming) return
    if (this.#held.length > 0) this.#consumeHeld()
    if (this.#clientEnded && this.#phase === this.#wait) this.close()
    else this.#resumeReading()
  }

  /** Restarts the inactivity timeout of the client. */
  expectClient(): void {
    this.expectWithin(this.door.frontend.plan.timeouts.clientMs)
  }

  expectWithin(timeoutMs: number): void {
    this.#services.wheel.scheduleIn(this.#deadline, timeoutMs)
  }

  openTunnel(server: Conn, tunnel: Tunnel): void {
    const { tunnelMs, serverFinMs } = tunnel.timeouts
    if (this.#held.length > 0) server.write(this.#held.bytes)
    const { clientFinMs } = this.door.frontend.plan.timeouts
    const tunnelLate = 'client-late'
    const timeouts = { tunnelMs, tunnelLate, clientFinMs, serverFinMs } as const
    this.#handOver(new Relay(this.client, server, timeouts, tunnel, this.#services.wheel))
    if (this.#clientEnded) server.end()
  }

  tunnelEnded(): void {
    this.#end()
  }

  close(): void {
    if (this.#successor === null) this.#linger(false)
  }

  breakOffClient(untilClose: boolean): void {
    if (untilClose) this.#leave().breakOff()
    else this.#linger(false)
  }

  cutClient(how: 'destroy' | 'reset'): void {
    this.#leave()
    this.client[how]()
  }

  #linger(isEarly: boolean): void {
    this.#leave().begin(isEarly)
  }

  #leave(): Lingering {
    const { timeouts } = this.door.frontend.plan
    const lingering = new Lingering(this.client, this.#services.wheel, timeouts, () => this.#end())
    this.#handOver(lingering)
    return lingering
  }

  /** Gives the connection to its new handler for good, reading. */
  #handOver(successor: Session): void {
    this.#successor = successor
    this.#services.wheel.cancel(this.#deadline)
    this.#held.clear()
    this.#resumeReading()
  }

  /** Works off bytes; returns where it had to stop. */
  #consume(view: ByteView, start: number, end: number): number {
    this.#consuming = true
    let at = start
    while (at < end) {
      const phase = this.#phase
      const next = phase.takeBytes(view, at, end)
      if (this.#successor !== null) {
        // What a client sends behind its last request is dropped.
        at = end
      } else if (next < end && phase === this.#stream && phase === this.#phase) {
        at = next
        this.stopReading()
        break
      } else if (next === at) break
      else at = next
    }
    this.#consuming = false
    return at
  }

  #consumeHeld(): void {
    const { bytes } = this.#held
    this.#held.drop(this.#consume(bytes, 0, bytes.length))
  }

  /** Reads on, unless requests that were sent ahead wait for the present one. */
  #resumeReading(): void {
    if (!this.#paused || (this.#phase === this.#stream && this.#held.length > 0)) return
    this.#paused = false
    this.client.resume()
  }

  #end(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.#stream.dispose()
    this.#place.leave()
  }
}
