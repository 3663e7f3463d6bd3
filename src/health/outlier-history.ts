import type { Sample } from './observation-sample.ts'

const NOTHING: Sample = { successes: 0, errors: 0, gatewayErrors: 0, responses: 0, responseMs: 0 }

/**
 * What one server has done lately. Two half windows are kept: the present one, and the one before
 * it, so that a look back covers between a half and the whole of the interval.
 */
export class OutlierHistory {
  /** Errors since the last sample with a success. */
  consecutiveErrors = 0
  /** The same of gateway errors, for which any other answer is a success. */
  consecutiveGatewayErrors = 0
  #present = NOTHING
  #before = NOTHING
  #presentSinceMs = 0

  /**
   * Adds what has happened since the last call.
   *
   * @param intervalMs how far is looked back
   */
  add(sample: Sample, nowMs: number, intervalMs: number): void {
    const { successes, errors, gatewayErrors, responses } = sample
    this.#turn(nowMs, intervalMs / 2)
    if (successes + errors + responses === 0) return
    this.consecutiveErrors = successes > 0 ? 0 : this.consecutiveErrors + errors
    this.consecutiveGatewayErrors =
      successes > 0 || errors > gatewayErrors ? 0 : this.consecutiveGatewayErrors + gatewayErrors
    this.#present = sum(this.#present, sample)
  }

  /** Everything within the window. */
  get recent(): Sample {
    return sum(this.#before, this.#present)
  }

  /** Forgets all, as when the server comes back. */
  forget(): void {
    this.consecutiveErrors = 0
    this.consecutiveGatewayErrors = 0
    this.#present = NOTHING
    this.#before = NOTHING
  }

  #turn(nowMs: number, halfMs: number): void {
    const ageMs = nowMs - this.#presentSinceMs
    if (ageMs < halfMs) return
    this.#before = ageMs < 2 * halfMs ? this.#present : NOTHING
    this.#present = NOTHING
    this.#presentSinceMs = nowMs
  }
}

function sum(one: Sample, other: Sample): Sample {
  return {
    successes: one.successes + other.successes,
    errors: one.errors + other.errors,
    gatewayErrors: one.gatewayErrors + other.gatewayErrors,
    responses: one.responses + other.responses,
    responseMs: one.responseMs + other.responseMs,
  }
}
