import type { Clock } from '../../../base/clock.ts'
import type { TuneConfig } from '../../../model/config.ts'
import { Deadline, type DeadlineWheel } from '../../../net/deadline-wheel.ts'
import type { FrontendRuntime } from '../runtime.ts'
import type { RequestHeads, RuledHead } from './request-heads.ts'
import type { RuledWait } from './request-routing.ts'

/** What waiting for a rule takes of the worker. */
export interface WaitServices {
  readonly tune: TuneConfig
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
  /** Bytes of the body that are waited for, or that there is room for. */
  readonly #bodyBytes: number

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
    const { requestHeads, wheel, clock, tune } = services
    const { timeoutMs, bodyBytes } = at.wait
    const roomBytes = tune.bufsizeBytes - tune.maxrewriteBytes - request.head.text.length
    this.beganMs = clock()
    this.#services = services
    this.at = at
    this.request = request === requestHeads.atHand ? requestHeads.keep() : request
    this.#deadline = new Deadline(onTime)
    const { tarpitMs } = (at.backend ?? frontend).plan.timeouts
    wheel.scheduleIn(this.#deadline, timeoutMs ?? tarpitMs)
    this.#bodyBytes = Math.min(bodyBytes || Number.POSITIVE_INFINITY, roomBytes)
  }

  /** It is the body that is waited for. */
  get wantsBody(): boolean {
    return this.at.wait.bodyBytes !== null
  }

  /** Whether so much of the body has come as is waited for. */
  hasEnough(bytes: number): boolean {
    return bytes >= this.#bodyBytes
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
