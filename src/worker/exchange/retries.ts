import { COUNTER, count } from '../../memory/counters.ts'
import type { RetryCause } from '../../model/config.ts'
import type { DeadlineWheel } from '../../net/deadline-wheel.ts'
import type { Dispatch } from '../dispatch/dispatch.ts'
import type { HttpRequest } from './http-request.ts'
import type { HttpResponse } from './http-response.ts'
import type { BackendRuntime } from './runtime.ts'

/** What retries take of the worker. */
interface RetryServices {
  readonly wheel: DeadlineWheel
  readonly cells: Float64Array
}

/** Decides whether the request of an exchange goes to a server again after one has failed on it. */
export class Retries {
  readonly #services: RetryServices
  readonly #dispatch: Dispatch<unknown>
  readonly #request: HttpRequest
  readonly #response: HttpResponse

  constructor(
    services: RetryServices,
    dispatch: Dispatch<unknown>,
    request: HttpRequest,
    response: HttpResponse,
  ) {
    this.#services = services
    this.#dispatch = dispatch
    this.#request = request
    this.#response = response
  }

  /**
   * Of a server that has not said a word: an idle connection that is closed may have been closed
   * before the server saw the request, which then goes to a new connection, whatever `retry-on` says.
   */
  get isStale(): boolean {
    return this.#dispatch.reused && this.#isPossible
  }

  /** Of a server that has done nothing about the request, and has said so: RFC 9113 section 8.7. */
  get mayRepeat(): boolean {
    return this.#mayTry && this.#request.canRepeat
  }

  /**
   * Takes a try out of the retry budget, where `retry-on` asks for one after such a failure.
   *
   * @param cause what failed, or the status of the response
   * @returns false when the request is not to be tried again
   */
  take(cause: RetryCause | number, { plan, retryBudget }: BackendRuntime): boolean {
    if (retryBudget === null || !this.#isPossible) return false
    const isWanted =
      typeof cause === 'number'
        ? plan.retryOnStatuses.includes(cause)
        : plan.retryOn.includes(cause)
    if (!isWanted) return false
    if (retryBudget.takeRetry(this.#services.wheel.nowMs)) {
      // A status below 500 is no failure of the server.
      if (typeof cause !== 'number' || cause >= 500) this.#dispatch.count(COUNTER.failedTries)
      return true
    }
    count(this.#services.cells, plan.row, COUNTER.retriesDenied)
    return false
  }

  /** Nobody has seen an answer, and nothing is done twice that must not be. */
  get #isPossible(): boolean {
    return this.#mayTry && this.#request.canResend
  }

  get #mayTry(): boolean {
    return this.#dispatch.hasTries && this.#response.isUnforwarded
  }
}
