import type { EjectionCause } from '../model/ejection.ts'
import type { OutlierDetectionConfig } from '../model/observation-config.ts'
import type { OutlierHistory } from './outlier-history.ts'

/** The history of a server that may be ejected. */
export interface Suspect {
  /** `backend/server`. */
  readonly key: string
  readonly history: OutlierHistory
}

/** A server that stands out. */
export interface Outlier {
  readonly key: string
  readonly cause: EjectionCause
  /** The cause with its figures, for people. */
  readonly reason: string
}

/**
 * The least that success rates are taken to scatter by. Servers that all answer well hardly scatter
 * at all, and one error in a hundred must not make an outlier among them.
 */
const RATE_DEVIATION_MIN = 0.1

/** The least that a mean response time must be over the median: below it, scatter is noise. */
const LATENCY_EXCESS_MIN_MS = 20

/** A normal distribution's standard deviation in units of its median absolute deviation. */
const DEVIATIONS_PER_MAD = 1.4826

/**
 * The servers of a pool that stand out, each once, under the first cause that applies.
 *
 * @param suspects the servers that take traffic: the others are compared with nobody
 */
export function findOutliers(
  suspects: readonly Suspect[],
  config: OutlierDetectionConfig,
): Outlier[] {
  const { consecutiveErrors, consecutiveGatewayErrors, successRate, latency } = config
  const found = new Map<string, Outlier>()
  const all = [
    ...consecutive(suspects, consecutiveErrors, 'consecutive-errors'),
    ...consecutive(suspects, consecutiveGatewayErrors, 'consecutive-gateway-errors'),
    ...(successRate === null ? [] : slips(suspects, successRate)),
    ...(latency === null ? [] : laggards(suspects, latency)),
  ]
  for (const outlier of all) if (!found.has(outlier.key)) found.set(outlier.key, outlier)
  return [...found.values()]
}

/** @param limit 0: none stands out */
function consecutive(
  suspects: readonly Suspect[],
  limit: number,
  cause: 'consecutive-errors' | 'consecutive-gateway-errors',
): Outlier[] {
  if (limit === 0) return []
  return suspects.flatMap(({ key, history }) => {
    const isAny = cause === 'consecutive-errors'
    const errors = isAny ? history.consecutiveErrors : history.consecutiveGatewayErrors
    if (errors < limit) return []
    return [{ key, cause, reason: `${errors} ${isAny ? '' : 'gateway '}errors in a row` }]
  })
}

/**
 * Success rates far below the pool's. Envoy takes mean and standard deviation, which the outlier
 * itself moves: of four servers none can be 1.9 deviations away. The median and the median
 * absolute deviation stay where the majority is.
 */
function slips(
  suspects: readonly Suspect[],
  { minHosts, minRequests, stdevFactor }: NonNullable<OutlierDetectionConfig['successRate']>,
): Outlier[] {
  const rated = suspects.flatMap(({ key, history }) => {
    const { successes, errors } = history.recent
    const tries = successes + errors
    return tries < minRequests || tries === 0 ? [] : [{ key, tries, rate: successes / tries }]
  })
  if (rated.length < minHosts) return []
  const middle = median(rated.map(({ rate }) => rate))
  const scatter = median(rated.map(({ rate }) => Math.abs(rate - middle))) * DEVIATIONS_PER_MAD
  const least = middle - stdevFactor * Math.max(scatter, RATE_DEVIATION_MIN)
  return rated
    .filter(({ rate }) => rate < least)
    .sort((one, other) => one.rate - other.rate)
    .map(({ key, tries, rate }) => ({
      key,
      cause: 'success-rate',
      reason: `${percent(rate)} of ${tries} tries went well, ${percent(middle)} in the pool`,
    }))
}

/** Mean response times that are a multiple of the pool's. */
function laggards(
  suspects: readonly Suspect[],
  { minHosts, minRequests, factor }: NonNullable<OutlierDetectionConfig['latency']>,
): Outlier[] {
  const timed = suspects.flatMap(({ key, history }) => {
    const { responses, responseMs } = history.recent
    if (responses < minRequests || responses === 0) return []
    return [{ key, responses, meanMs: responseMs / responses }]
  })
  if (timed.length < minHosts) return []
  const middleMs = median(timed.map(({ meanMs }) => meanMs))
  const mostMs = Math.max(middleMs * factor, middleMs + LATENCY_EXCESS_MIN_MS)
  return timed
    .filter(({ meanMs }) => meanMs > mostMs)
    .sort((one, other) => other.meanMs - one.meanMs)
    .map(({ key, responses, meanMs }) => ({
      key,
      cause: 'latency',
      reason: `${responses} responses took ${meanMs.toFixed(1)} ms each, ${middleMs.toFixed(1)} ms in the pool`,
    }))
}

/** @param values at least one */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const half = sorted.length >> 1
  const upper = sorted[half] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}
