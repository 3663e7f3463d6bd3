import { rejectOf } from '../../http/rejects.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { BackendTimeouts } from '../../model/config.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { Deadline } from '../../net/deadline-wheel.ts'
import type { FrontendListener } from '../accept/listener.ts'
import type { ExchangeEnd, ExchangeOwner } from '../exchange/exchange-owner.ts'
import { HttpExchange } from '../exchange/http-exchange.ts'
import type { Services } from '../services.ts'
import type { Session, SessionRegistry } from '../session-registry.ts'
import type { ClientPhase } from './client-phase.ts'
import { HeldBytes } from './held-bytes.ts'
import { Lingering } from './lingering.ts'
import { Relay, type RelayOwner } from './relay.ts'
import { RequestWait, type RequestWaitOwner } from './request-wait.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * One client connection of a frontend in `mode http`: reads requests one after another and runs
 * each as an exchange. Requests sent ahead wait unread in `held`, at most one read buffer and one
 * head of them, so that answers keep the order of requests (RFC 9112 section 9.3.2). Reading stops
 * until they have been taken, and after `http.max-pipelined` of them in a row the client is told
 * to close.
 *
 * Invariant: what happens to the connection is told to the phase at hand alone: to {@link
 * RequestWait} or {@link HttpExchange}, and once the connection was handed over, to its successor,
 * which is then the connection's handler: {@link Lingering} or {@link Relay}.
 */
export class HttpSession implements ConnHandler, ExchangeOwner, RequestWaitOwner, Session {
  readonly client: Conn
  readonly listener: FrontendListener
  readonly #services: Services
  readonly #registry: SessionRegistry
  readonly #exchange: HttpExchange
  readonly #wait: RequestWait
  /** Of the phase at hand. */
  readonly #deadline: Deadline
  readonly #frontendRow: number
  readonly #held: HeldBytes
  #phase: ClientPhase
  /** What the connection was handed over to for good. */
  #successor: Session | null = null
  /** Requests in a row since the client was last waited for, the present one included. */
  #inRow = 0
  /** Bytes at hand behind the head that was read last, before what is left of them is held. */
  #behindHead = 0
  #paused = false
  #consuming = false
  #clientEnded = false

  constructor(
    client: Conn,
    listener: FrontendListener,
    services: Services,
    registry: SessionRegistry,
  ) {
    this.client = client
    this.listener = listener
    this.#services = services
    this.#registry = registry
    this.#frontendRow = listener.frontend.plan.row
    this.#held = new HeldBytes(services.requestHead.limits)
    this.#exchange = new HttpExchange(this, services)
    this.#deadline = new Deadline(() => this.#phase.onClientTimeout())
    client.handler = this
    services.table.acquire(services.worker, this.#frontendRow)
    count(services.cells, this.#frontendRow, COUNTER.connectionsTotal)
    registry.add(this)
    this.#wait = new RequestWait(this, services, this.#held)
    this.#phase = this.#wait
  }

  get isLast(): boolean {
    const { draining, tune } = this.#services
    const hasMore = (this.#consuming ? this.#behindHead : this.#held.length) > 0
    const isEnough = hasMore ? this.#inRow >= tune.httpPipelinedMax : this.#clientEnded
    return isEnough || draining || this.listener.closed
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
    consumed: number,
    view: ByteView,
    at: number,
    end: number,
    startMs: number,
    nowMs: number,
  ): number {
    this.#inRow++
    this.#behindHead = end - at - consumed
    this.#phase = this.#exchange
    this.#exchange.begin(startMs, nowMs)
    if (consumed > 0) return this.#exchange.run(view, at + consumed, end)
    this.#exchange.refuse(rejectOf(consumed).status)
    return end
  }

  requestLate(startMs: number, nowMs: number, isNull: boolean): void {
    this.#phase = this.#exchange
    this.#exchange.begin(startMs, nowMs, isNull)
    this.#exchange.refuse(408, 'cR')
  }

  requestAbandoned(startMs: number, nowMs: number, isNull: boolean): void {
    this.#exchange.begin(startMs, nowMs, isNull)
    this.#exchange.abandonHead()
  }

  resumeRequest(): void {
    if (this.#consuming) return
    if (this.#held.length > 0) this.#consumeHeld()
    else this.#exchange.takeBytes(NO_BYTES, 0, 0)
    this.#resumeReading()
  }

  pauseRequest(): void {
    this.#paused = true
    this.client.pause()
  }

  exchangeOver(): void {
    this.#phase = this.#wait
  }

  exchangeDone(end: ExchangeEnd): void {
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
    this.expectWithin(this.listener.frontend.plan.timeouts.clientMs)
  }

  expectWithin(timeoutMs: number): void {
    this.#services.wheel.scheduleIn(this.#deadline, timeoutMs)
  }

  openTunnel(server: Conn, { tunnelMs, serverFinMs }: BackendTimeouts, owner: RelayOwner): void {
    if (this.#held.length > 0) server.write(this.#held.bytes)
    const { clientFinMs } = this.listener.frontend.plan.timeouts
    const tunnelLate = 'client-late'
    const timeouts = { tunnelMs, tunnelLate, clientFinMs, serverFinMs } as const
    this.#handOver(new Relay(this.client, server, timeouts, owner, this.#services))
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
    const { timeouts } = this.listener.frontend.plan
    const lingering = new Lingering(this.client, this.#services, timeouts, () => this.#end())
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
      } else if (next < end && phase === this.#exchange && phase === this.#phase) {
        at = next
        this.pauseRequest()
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
    if (!this.#paused || (this.#phase === this.#exchange && this.#held.length > 0)) return
    this.#paused = false
    this.client.resume()
  }

  #end(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.#exchange.dispose()
    this.#services.table.release(this.#services.worker, this.#frontendRow)
    this.#registry.remove(this)
  }
}
