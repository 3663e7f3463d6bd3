import * as z from 'zod'
import { DEFAULT_OUTLIER_DETECTION as STANDARD } from '../values/default-values.ts'
import { formatDuration } from '../values/durations.ts'
import { key, section } from './sections.ts'
import { durationMs, factor, integer } from './value-schemas.ts'

/** Errors in a row that a server can be allowed. */
const ERRORS_MAX = 1_000_000

/** Servers and requests that a comparison can be told to wait for. */
const HOSTS_MAX = 1_000
const REQUESTS_MAX = 1_000_000

const percent = integer(0, 100)

const errorsInARow = (about: string, standard: number) =>
  key(integer(0, ERRORS_MAX), { about, standard })

const compared = {
  'min-hosts': key(integer(2, HOSTS_MAX), {
    about: 'Servers that must have had enough requests to be compared',
    standard: STANDARD.successRate.minHosts,
  }),
  'min-requests': key(integer(1, REQUESTS_MAX), {
    about: 'Requests within `interval` that are enough',
    standard: STANDARD.successRate.minRequests,
  }),
}

const successRate = section('success-rate', {
  ...compared,
  'stdev-factor': key(factor, {
    about: 'Standard deviations below the median of the pool that eject a server',
    standard: STANDARD.successRate.stdevFactor,
  }),
})

const latency = section('latency', {
  ...compared,
  factor: key(factor, {
    about: 'Multiple of the median mean response time of the pool that ejects a server',
    standard: STANDARD.latency.factor,
  }),
})

const settings = section('outlier-detection', {
  'consecutive-errors': errorsInARow(
    'Errors in a row that eject a server; 0: none do',
    STANDARD.consecutiveErrors,
  ),
  'consecutive-gateway-errors': errorsInARow(
    'The same of 502, 503, 504 and of answers and connections that fail; 0: none do',
    STANDARD.consecutiveGatewayErrors,
  ),
  'success-rate': key(z.union([z.boolean(), successRate]), {
    about: 'Eject servers that fail far more often than the pool',
    standard: true,
  }),
  'latency': key(z.union([z.boolean(), latency]), {
    about: 'Eject servers that answer far later than the pool; `mode http`',
    standard: false,
  }),
  'interval': key(durationMs, {
    about: 'How far is looked back where servers are compared',
    standard: formatDuration(STANDARD.intervalMs),
  }),
  'base-ejection-time': key(durationMs, {
    about: 'How long the first ejection lasts; the next in short order is longer by as much',
    standard: formatDuration(STANDARD.baseEjectionMs),
  }),
  'max-ejection-time': key(durationMs, {
    about: 'How long an ejection lasts at most',
    standard: formatDuration(STANDARD.maxEjectionMs),
  }),
  'max-ejection-percent': key(percent, {
    about: 'Percent of the servers that may be ejected at once; of two or more, one always may',
    standard: STANDARD.maxEjectionPercent,
  }),
  'panic-threshold': key(percent, {
    about: 'Ejections are ignored while fewer percent of the servers would be left; 0: never',
    standard: STANDARD.panicThreshold,
  }),
})

/** `outlier-detection` of a backend and of `defaults`. */
export const outlierDetection = key(z.union([z.boolean(), settings]), {
  about: 'Eject servers that stand out by what they answer',
  standard: false,
})
