import type {
  CircuitBreakerConfig,
  OutlierDetectionConfig,
} from '../../model/observation-config.ts'
import type { ConfigInput } from '../schema/schema.ts'
import { DEFAULT_OUTLIER_DETECTION as STANDARD } from '../values/default-values.ts'

type Given = NonNullable<NonNullable<ConfigInput['defaults']>['outlier-detection']>
type Settings = Exclude<Given, boolean>

/** `outlier-detection`; null where it is off. */
export function resolveOutlierDetection(given: Given): OutlierDetectionConfig | null {
  if (given === false) return null
  const settings = given === true ? {} : given
  const baseEjectionMs = settings['base-ejection-time'] ?? STANDARD.baseEjectionMs
  // A base that is longer than the standard of the other moves it; observation-validation.ts has seen to
  // it that one that is longer than a given other is refused.
  const standardMaxMs = Math.max(STANDARD.maxEjectionMs, baseEjectionMs)
  return {
    consecutiveErrors: settings['consecutive-errors'] ?? STANDARD.consecutiveErrors,
    consecutiveGatewayErrors:
      settings['consecutive-gateway-errors'] ?? STANDARD.consecutiveGatewayErrors,
    successRate: resolveSuccessRate(settings['success-rate'] ?? true),
    latency: resolveLatency(settings.latency ?? false),
    intervalMs: settings.interval ?? STANDARD.intervalMs,
    baseEjectionMs,
    maxEjectionMs: settings['max-ejection-time'] ?? standardMaxMs,
    maxEjectionPercent: settings['max-ejection-percent'] ?? STANDARD.maxEjectionPercent,
    panicThreshold: settings['panic-threshold'] ?? STANDARD.panicThreshold,
  }
}

/** `circuit-breaker`. */
export function resolveCircuitBreaker(
  given: NonNullable<NonNullable<ConfigInput['defaults']>['circuit-breaker']>,
): CircuitBreakerConfig {
  return {
    maxRequests: given['max-requests'] ?? 0,
    maxPending: given['max-pending'] ?? null,
  }
}

function resolveSuccessRate(
  given: NonNullable<Settings['success-rate']>,
): OutlierDetectionConfig['successRate'] {
  if (given === false) return null
  const settings = given === true ? {} : given
  return {
    minHosts: settings['min-hosts'] ?? STANDARD.successRate.minHosts,
    minRequests: settings['min-requests'] ?? STANDARD.successRate.minRequests,
    stdevFactor: settings['stdev-factor'] ?? STANDARD.successRate.stdevFactor,
  }
}

function resolveLatency(
  given: NonNullable<Settings['latency']>,
): OutlierDetectionConfig['latency'] {
  if (given === false) return null
  const settings = given === true ? {} : given
  return {
    minHosts: settings['min-hosts'] ?? STANDARD.latency.minHosts,
    minRequests: settings['min-requests'] ?? STANDARD.latency.minRequests,
    factor: settings.factor ?? STANDARD.latency.factor,
  }
}
