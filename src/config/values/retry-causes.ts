import type { Mode, RetryCause } from '../../model/config.ts'

const CAUSES = ['conn-failure', 'empty-response', 'junk-response', 'response-timeout'] as const

/** HAProxy configuration manual, retry-on; 421 and 429 came with later versions. */
const STATUSES = [401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504] as const

const ALL_ERRORS = 'all-retryable-errors'

/** What else HAProxy takes for an error of this kind, beside the four causes. */
const ALL_ERROR_STATUSES: readonly number[] = [500, 502, 503, 504]

/** Everything that `retry-on` may list. */
export const RETRY_ON_VALUES = ['none', ...CAUSES, ALL_ERRORS, ...STATUSES] as const

/** One entry of `retry-on`. */
export type RetryOnValue = (typeof RETRY_ON_VALUES)[number]

/**
 * What a list of `retry-on` stands for, without repetitions and in a fixed order. In mode tcp only
 * the connection can fail: the rest is left out.
 */
export function resolveRetryOn(
  values: readonly RetryOnValue[],
  mode: Mode,
): { retryOn: RetryCause[]; retryOnStatuses: number[] } {
  const all = values.includes(ALL_ERRORS)
  const retryOn = CAUSES.filter((cause) => all || values.includes(cause))
  if (mode === 'tcp') {
    return { retryOn: retryOn.filter((cause) => cause === 'conn-failure'), retryOnStatuses: [] }
  }
  const retryOnStatuses = STATUSES.filter(
    (status) => values.includes(status) || (all && ALL_ERROR_STATUSES.includes(status)),
  )
  return { retryOn, retryOnStatuses }
}
