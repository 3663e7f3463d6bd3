import type { Clock } from '../../../base/clock.ts'
import { Deadline, type DeadlineWheel } from '../../../net/deadline-wheel.ts'
import type { FrontendRuntime } from '../runtime.ts'
import type { CollectedBody } from './collected-body.ts'
import type { RequestHeads, RuledHead } from './request-heads.ts'
import type { RuledWait } from './request-routing.ts'

/** What waiting for a rule takes of the worker. */
export interface WaitServices {
  readonly clock: Clock
  readonly wheel: DeadlineWheel
  readonly requestHeads: RequestHeads
}

/** A request that a rule holds, and the head that it has kept for the rules behind it. */
export class RuleWait {
  readonly at: RuledWait
  readonly request: RuledHead
  readonly beganMs: number
  readonly #services: WaitServices
  readonly #deadline: Deadline

  /**
   * Waits with the head at hand, or with one that was kept before.
   *
   * @param onTime called once the wait is over, unless it is ended before
   */
  constructor(
    services: WaitServices,
    at: RuledWait,
    request: RuledHead,
    frontend: FrontendRuntime,
    onTime: () => void,
  ) {
    const { requestHeads, wheel, clock } = services
    this.beganMs = clock()
    this.#services = services
    this.at = at
    this.request = request === requestHeads.atHand ? requestHeads.keep() : request
    this.#deadline = new Deadline(onTime)
    const { tarpitMs } = (at.backend ?? frontend).plan.timeouts
    wheel.scheduleIn(this.#deadline, at.wait.timeoutMs ?? tarpitMs)
  }

  /** It is the body that is waited for. */
  get wantsBody(): boolean {
    return this.at.wait.bodyBytes !== null
  }

  /** Whether so much of the body has come as is waited for. */
  hasEnough(body: CollectedBody): boolean {
    const { bodyBytes } = this.at.wait
    const wanted = bodyBytes === null || bodyBytes === 0 ? Number.POSITIVE_INFINITY : bodyBytes
    return body.isFull || body.text.length >= wanted
  }

  /** The wait is over, or given up: nothing is called back. */
  stop(): void {
    this.#services.wheel.cancel(this.#deadline)
  }

  /** The rules are done with the head. */
  giveBackHead(): void {
    this.#services.requestHeads.giveBack(this.request)
  }
}
