import { rejectOf } from '../http/rejects.ts'
import { parseRequestHead } from '../http/request-head.ts'
import type { BackendTimeouts } from '../model/config.ts'
import { COUNTER } from '../model/counters.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../net/conn.ts'
import { Deadline } from '../net/deadline-wheel.ts'
import type { ExchangeOwner } from './exchange-owner.ts'
import { HeldBytes } from './held-bytes.ts'
import { HttpExchange } from './http-exchange.ts'
import type { FrontendListener } from './listener.ts'
import { Relay, type RelayOwner } from './relay.ts'
import { count, type Services, scheduleIn } from './services.ts'
import type { Session, SessionRegistry } from './session-registry.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * How long a client may take to close once it was sent an answer that closes; what it sends
 * meanwhile is dropped. Closing at once could reset the answer away before it is read (RFC 9112
 * section 9.6); nginx waits up to 5 seconds.
 */
const LINGER_MS = 2000

/** How long an idle client may take to send its next request once the daemon drains. */
const DRAIN_IDLE_MS = 1000

/**
 * Where a client connection is:
 *
 * - `idle`: between requests (`timeout http-keep-alive`);
 * - `head`: waiting for, or within, a request head (`timeout http-request`);
 * - `exchange`: a request is worked on; its body, and pipelined requests, may arrive;
 * - `closing`: the last answer is written and FIN follows it; what still arrives is dropped.
 */
type Phase = 'idle' | 'head' | 'exchange' | 'closing'

/**
 * One client connection of a frontend in `mode http`: reads requests one after another and runs
 * each as an exchange. Requests sent ahead wait unread in `held`, at most one read buffer and one
 * head of them, so that answers keep the order of requests (RFC 9112 section 9.3.2). Reading stops
 * until they have been taken, and after `http.max-pipelined` of them in a row the client is told
 * to close.
 */
export class HttpSession implements ConnHandler, ExchangeOwner, Session {
  readonly client: Conn
  readonly listener: FrontendListener
  readonly #services: Services
  readonly #registry: SessionRegistry
  readonly #exchange: HttpExchange
  readonly #deadline: Deadline
  readonly #frontendRow: number
  readonly #held: HeldBytes
  #phase: Phase = 'head'
  #headStartMs = -1
  /** Requests in a row since the client was last waited for, the present one included. */
  #inRow = 0
  /** Bytes at hand behind the head that was read last, before what is left of them is held. */
  #behindHead = 0
  #paused = false
  #consuming = false
  #clientEnded = false
  /** What was queued when the closing connection was last looked at; -1 before. */
  #lingerBytes = -1
  #tunnel: Relay | null = null

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
    this.#deadline = new Deadline(() => this.#onDeadline())
    client.handler = this
    services.table.acquire(services.worker, this.#frontendRow)
    count(services, this.#frontendRow, COUNTER.connectionsTotal)
    registry.add(this)
    this.#schedule(listener.frontend.plan.timeouts.httpRequestMs)
  }

  get isLast(): boolean {
    const { draining, tune } = this.#services
    const hasMore = (this.#consuming ? this.#behindHead : this.#held.length) > 0
    const isEnough = hasMore ? this.#inRow >= tune.httpPipelinedMax : this.#clientEnded
    return isEnough || draining || this.listener.closed
  }

  drain(): void {
    const isIdle = this.#phase === 'idle' || (this.#phase === 'head' && this.#held.length === 0)
    if (isIdle) this.#schedule(DRAIN_IDLE_MS)
  }

  cut(): void {
    if (this.#tunnel !== null) this.#tunnel.cut()
    else if (this.#phase === 'exchange') this.#exchange.cut('KD')
    else this.client.destroy()
  }

  onConnect(): void {}

  onData(_conn: Conn, view: ByteView, length: number): void {
    if (this.#phase === 'closing') return
    if (this.#held.length > 0) {
      if (this.#held.add(view, 0, length)) this.#consumeHeld()
      return
    }
    if (this.#phase !== 'exchange') this.#inRow = 0
    const at = this.#consume(view, 0, length)
    if (at < length) this.#held.add(view, at, length)
  }

  onDrain(): void {
    if (this.#phase === 'exchange') this.#exchange.onClientDrain()
  }

  onEnd(): void {
    this.#clientEnded = true
    if (this.#phase === 'exchange') {
      this.#exchange.onClientEnd()
      return
    }
    if (this.#phase === 'head') this.#logUnfinished()
    this.#close()
  }

  onClose(_conn: Conn, _failure: ConnFailure | null): void {
    if (this.#phase === 'exchange') this.#exchange.onClientClose()
    else if (this.#phase === 'head') this.#logUnfinished()
    this.#end()
  }

  resumeRequest(): void {
    if (this.#consuming) return
    if (this.#held.length > 0) this.#consumeHeld()
    else this.#exchange.takeRequestBytes(NO_BYTES, 0, 0)
    this.#resumeReading()
  }

  pauseRequest(): void {
    this.#paused = true
    this.client.pause()
  }

  exchangeDone(keepAlive: boolean): void {
    if (!keepAlive) {
      this.#close()
      return
    }
    const { httpKeepAliveMs } = this.listener.frontend.plan.timeouts
    this.#enter('idle', this.#services.draining ? DRAIN_IDLE_MS : httpKeepAliveMs)
    if (this.#consuming) return
    if (this.#held.length > 0) this.#consumeHeld()
    if (this.#clientEnded && this.#isBetweenRequests()) this.#close()
    else this.#resumeReading()
  }

  expectClient(): void {
    this.#schedule(this.listener.frontend.plan.timeouts.clientMs)
  }

  openTunnel(server: Conn, { tunnelMs, serverFinMs }: BackendTimeouts, owner: RelayOwner): void {
    if (this.#held.length > 0) server.write(this.#held.bytes)
    this.#held.clear()
    this.#services.wheel.cancel(this.#deadline)
    const { clientFinMs } = this.listener.frontend.plan.timeouts
    const tunnelLate = 'client-late'
    const timeouts = { tunnelMs, tunnelLate, clientFinMs, serverFinMs } as const
    this.#tunnel = new Relay(this.client, server, timeouts, owner, this.#services)
    if (this.#clientEnded) server.end()
    this.#resumeReading()
  }

  tunnelEnded(): void {
    this.#end()
  }

  /** Works off bytes; returns where it had to stop. */
  #consume(view: ByteView, start: number, end: number): number {
    this.#consuming = true
    let at = start
    while (at < end) {
      if (this.#phase === 'exchange') {
        const next = this.#exchange.takeRequestBytes(view, at, end)
        if (next < end && this.#phase === 'exchange') {
          at = next
          this.pauseRequest()
          break
        }
        at = next
      } else if (this.#phase === 'closing') {
        at = end
      } else {
        const next = this.#readHead(view, at, end)
        if (next === at) break
        at = next
      }
    }
    this.#consuming = false
    return at
  }

  /** Reads a request head and begins its exchange; returns `at` when it is incomplete. */
  #readHead(view: ByteView, at: number, end: number): number {
    const services = this.#services
    const nowMs = services.clock()
    if (this.#headStartMs < 0) this.#headStartMs = nowMs
    const consumed = parseRequestHead(view, at, end, services.requestHead)
    if (consumed === 0) {
      if (this.#phase === 'idle') {
        this.#enter('head', this.listener.frontend.plan.timeouts.httpRequestMs)
      }
      return at
    }
    const startMs = this.#headStartMs
    this.#headStartMs = -1
    this.#inRow++
    this.#behindHead = end - at - consumed
    this.#phase = 'exchange'
    this.#exchange.begin(startMs, nowMs)
    if (consumed < 0) {
      this.#exchange.refuse(rejectOf(consumed).status)
      return end
    }
    return this.#exchange.run(view, at + consumed, end)
  }

  #consumeHeld(): void {
    const { bytes } = this.#held
    this.#held.drop(this.#consume(bytes, 0, bytes.length))
  }

  #isBetweenRequests(): boolean {
    return this.#phase === 'idle' || this.#phase === 'head'
  }

  /** Reads on, unless requests that were sent ahead wait for the present one. */
  #resumeReading(): void {
    if (!this.#paused || (this.#phase === 'exchange' && this.#held.length > 0)) return
    this.#paused = false
    this.client.resume()
  }

  /** Ends our side; the client may still be sending, and must be read to get the answer. */
  #close(): void {
    if (this.#phase === 'closing') return
    this.#phase = 'closing'
    this.#held.clear()
    this.client.end()
    this.#resumeReading()
    this.#lingerBytes = -1
    this.#linger()
  }

  #end(): void {
    this.#phase = 'closing'
    this.#services.wheel.cancel(this.#deadline)
    this.#exchange.dispose()
    this.#services.table.release(this.#services.worker, this.#frontendRow)
    this.#registry.remove(this)
  }

  /** The rest of the answer must leave before the wait for the client to close begins. */
  #linger(): void {
    const { queuedBytes } = this.client
    const isStuck = queuedBytes > 0 && queuedBytes === this.#lingerBytes
    if (isStuck || (queuedBytes === 0 && this.#lingerBytes === 0)) {
      this.client.destroy()
      return
    }
    this.#lingerBytes = queuedBytes
    const { clientMs, clientFinMs } = this.listener.frontend.plan.timeouts
    this.#schedule(queuedBytes > 0 ? clientMs : Math.min(LINGER_MS, clientFinMs))
  }

  #onDeadline(): void {
    switch (this.#phase) {
      case 'idle':
        this.client.destroy()
        return
      case 'closing':
        this.#linger()
        return
      case 'head':
        this.#requestTimedOut()
        return
      case 'exchange':
        this.#exchange.onClientTimeout()
        return
      default:
        this.#phase satisfies never
    }
  }

  /** `timeout http-request`. */
  #requestTimedOut(): void {
    const mayStaySilent = this.listener.frontend.plan.ignoreProbes || this.#services.draining
    if (this.#isProbe() && mayStaySilent) {
      this.client.destroy()
      return
    }
    this.#beginUnfinished()
    this.#phase = 'exchange'
    this.#exchange.refuse(408, 'cR')
  }

  #logUnfinished(): void {
    const { dontlognull, ignoreProbes } = this.listener.frontend.plan
    if (this.#isProbe() && (dontlognull || ignoreProbes)) return
    this.#beginUnfinished()
    this.#exchange.abandonHead()
  }

  /** The client has sent nothing at all. */
  #isProbe(): boolean {
    return this.#held.length === 0
  }

  #beginUnfinished(): void {
    const nowMs = this.#services.clock()
    const startMs = this.#headStartMs < 0 ? nowMs : this.#headStartMs
    this.#exchange.begin(startMs, nowMs, this.#isProbe())
  }

  #enter(phase: Phase, timeoutMs: number): void {
    this.#phase = phase
    this.#schedule(timeoutMs)
  }

  #schedule(afterMs: number): void {
    scheduleIn(this.#services, this.#deadline, afterMs)
  }
}
