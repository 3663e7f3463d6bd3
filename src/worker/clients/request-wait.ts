import type { HeldBytes } from '../../http/h1/held-bytes.ts'
import { parseRequestHead } from '../../http/h1/request-parser.ts'
import type { RequestHead } from '../../http/request-head.ts'
import type { ByteView } from '../../net/conn.ts'
import type { ClientPhase } from './client-phase.ts'
import type { ClientServices, Door } from './client-services.ts'

/** How long an idle client may take to send its next request once the daemon drains. */
const DRAIN_IDLE_MS = 1000

/** What a request that is waited for asks of its client connection. */
export interface RequestWaitOwner {
  readonly door: Door
  /** Gives the client so long. */
  expectWithin(timeoutMs: number): void
  /**
   * The request with this head begins, which ends `consumed` bytes behind `at`;
   * where that is negative, it is to be refused for that reason.
   *
   * @returns where the bytes that could be used end
   */
  beginRequest(
    head: RequestHead,
    consumed: number,
    view: ByteView,
    at: number,
    end: number,
    startMs: number,
    nowMs: number,
  ): number
  /** The client was too slow with its request, or with its first, of which nothing has come. */
  requestLate(startMs: number, nowMs: number, isNull: boolean): void
  /** The client left within its request, or before the first. */
  requestAbandoned(startMs: number, nowMs: number, isNull: boolean): void
  /** No further request is read. */
  close(): void
  /** Closes the connection at once. */
  cutClient(how: 'destroy' | 'reset'): void
}

/**
 * The wait for a request: while nothing of it has come (`timeout http-keep-alive`, but not for the
 * first), then while its head is read (`timeout http-request`).
 */
export class RequestWait implements ClientPhase {
  readonly #owner: RequestWaitOwner
  readonly #services: ClientServices
  readonly #held: HeldBytes
  /** Nothing has come since the last request. */
  #isIdle = false
  #headStartMs = -1

  /** @param held what has come of the head */
  constructor(owner: RequestWaitOwner, services: ClientServices, held: HeldBytes) {
    this.#owner = owner
    this.#services = services
    this.#held = held
    owner.expectWithin(owner.door.frontend.plan.timeouts.httpRequestMs)
  }

  /** Waits for the next request. */
  begin(): void {
    this.#isIdle = true
    const { httpKeepAliveMs } = this.#owner.door.frontend.plan.timeouts
    this.#owner.expectWithin(this.#services.draining ? DRAIN_IDLE_MS : httpKeepAliveMs)
  }

  takeBytes(view: ByteView, at: number, end: number): number {
    const services = this.#services
    const nowMs = services.clock()
    if (this.#headStartMs < 0) this.#headStartMs = nowMs
    const { head } = services.requestHeads.atHand
    const consumed = parseRequestHead(view, at, end, head)
    if (consumed === 0) {
      this.#beginHead()
      return at
    }
    const startMs = this.#headStartMs
    this.#headStartMs = -1
    return this.#owner.beginRequest(head, consumed, view, at, end, startMs, nowMs)
  }

  drain(): void {
    if (this.#isIdle || this.#isProbe) this.#owner.expectWithin(DRAIN_IDLE_MS)
  }

  cut(): void {
    this.onClientClose()
    this.#owner.cutClient('destroy')
  }

  onClientDrain(): void {}

  onClientEnd(): void {
    this.onClientClose()
    this.#owner.close()
  }

  onClientClose(): void {
    if (this.#isIdle) return
    const { dontlognull, ignoreProbes } = this.#owner.door.frontend.plan
    if (this.#isProbe && (dontlognull || ignoreProbes)) return
    const nowMs = this.#services.clock()
    this.#owner.requestAbandoned(this.#startMs(nowMs), nowMs, this.#isProbe)
  }

  onClientTimeout(): void {
    const maySaySo = !this.#owner.door.frontend.plan.ignoreProbes && !this.#services.draining
    if (this.#isIdle || (this.#isProbe && !maySaySo)) {
      this.cut()
      return
    }
    const nowMs = this.#services.clock()
    this.#owner.requestLate(this.#startMs(nowMs), nowMs, this.#isProbe)
  }

  #beginHead(): void {
    if (!this.#isIdle) return
    this.#isIdle = false
    this.#owner.expectWithin(this.#owner.door.frontend.plan.timeouts.httpRequestMs)
  }

  /** The client has sent nothing at all. */
  get #isProbe(): boolean {
    return this.#held.length === 0
  }

  #startMs(nowMs: number): number {
    return this.#headStartMs < 0 ? nowMs : this.#headStartMs
  }
}
