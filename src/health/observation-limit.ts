import type { OnError } from '../model/observation-config.ts'
import type { Sample } from './observation-sample.ts'
import { isUp, nextHealth, type Thresholds } from './verdict.ts'

/** Errors in a row, and how often they have reached the limit. */
export interface ErrorCount {
  /** Errors since the last success or the last fault, less than the limit. */
  readonly errors: number
  /** How often the limit was reached by the last sample. */
  readonly faults: number
}

/** Nothing has been observed yet. */
export const NO_ERRORS: ErrorCount = { errors: 0, faults: 0 }

/**
 * HAProxy's `observe` (configuration manual, `error-limit`): as many errors without a success
 * between them are a fault, and counting starts over. The order within a sample is not known: one
 * with errors and successes counts as a success.
 *
 * @param errorLimit at least 1
 */
export function countErrors(before: ErrorCount, sample: Sample, errorLimit: number): ErrorCount {
  if (sample.successes > 0) return NO_ERRORS
  const errors = before.errors + sample.errors
  return { errors: errors % errorLimit, faults: Math.floor(errors / errorLimit) }
}

/**
 * The health (see `verdict.ts`) of a server that has had a fault (HAProxy configuration manual,
 * `on-error`). Each but `fastinter` counts as one failed check, before which `sudden-death` leaves
 * one more and `mark-down` none.
 */
export function healthAfterFault(health: number, onError: OnError, limits: Thresholds): number {
  if (onError === 'fastinter' || !isUp(health, limits)) return health
  const before = onError === 'fail-check' ? health : Math.min(health, limits.rise + 1)
  return nextHealth(onError === 'mark-down' ? limits.rise : before, false, limits)
}
