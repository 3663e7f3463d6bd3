import { describe, expect, it } from 'vitest'
import type {
  ObserveConfig,
  OutlierDetectionConfig,
} from '../../../../src/model/observation-config.ts'
import { configOf, load } from '../loading.ts'

/** A config with these keys in `defaults`, in the backend and in its server. */
function textOf(defaults: string, own = '', server = ''): string {
  return `
defaults: {mode: http${defaults && `, ${defaults}`}}
frontends: {web: {bind: ":1", default_backend: app}}
backends: {app: {servers: {a: {address: "h:1"${server && `, ${server}`}}}${own && `, ${own}`}}}
`
}

function detectionOf(defaults: string, own = ''): OutlierDetectionConfig | null {
  return configOf(textOf(defaults, own)).backends[0]?.outlierDetection ?? null
}

function observeOf(standard: string, server = ''): ObserveConfig | null {
  const config = configOf(textOf(`default-server: {${standard}}`, '', server))
  return config.backends[0]?.servers[0]?.observe ?? null
}

/** The messages of a config's problems. */
function problemsOf(text: string): string[] {
  return load(text).diagnostics.map(({ message }) => message)
}

describe('outlier-detection', () => {
  it('is off unless it is asked for', () => {
    expect(detectionOf('')).toBeNull()
    expect(detectionOf('outlier-detection: false')).toBeNull()
  })

  it('has a default for everything', () => {
    expect(detectionOf('outlier-detection: true')).toEqual({
      consecutiveErrors: 5,
      consecutiveGatewayErrors: 5,
      successRate: { minHosts: 3, minRequests: 30, stdevFactor: 1.9 },
      latency: null,
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 10,
      panicThreshold: 50,
    })
    expect(detectionOf('outlier-detection: {}')).toEqual(detectionOf('outlier-detection: true'))
  })

  it('takes every key', () => {
    const given = `outlier-detection:
      {consecutive-errors: 0, consecutive-gateway-errors: 3, interval: 5s, base-ejection-time: 1s,
      success-rate: {min-hosts: 5, min-requests: 100, stdev-factor: 2.5},
      latency: {min-hosts: 4, min-requests: 50, factor: 4},
      max-ejection-time: 1m, max-ejection-percent: 50, panic-threshold: 0}`
    expect(detectionOf(given.replaceAll('\n', ' '))).toEqual({
      consecutiveErrors: 0,
      consecutiveGatewayErrors: 3,
      successRate: { minHosts: 5, minRequests: 100, stdevFactor: 2.5 },
      latency: { minHosts: 4, minRequests: 50, factor: 4 },
      intervalMs: 5000,
      baseEjectionMs: 1000,
      maxEjectionMs: 60_000,
      maxEjectionPercent: 50,
      panicThreshold: 0,
    })
  })

  it('turns its parts on and off', () => {
    const given = detectionOf('outlier-detection: {success-rate: false, latency: true}')
    expect(given).toMatchObject({
      successRate: null,
      latency: { minHosts: 3, minRequests: 30, factor: 3 },
    })
  })

  it('of a backend takes the place of that of defaults', () => {
    const defaults = 'outlier-detection: {consecutive-errors: 7}'
    expect(detectionOf(defaults)?.consecutiveErrors).toBe(7)
    expect(detectionOf(defaults, 'outlier-detection: false')).toBeNull()
    expect(detectionOf(defaults, 'outlier-detection: {interval: 5s}')).toMatchObject({
      consecutiveErrors: 5,
      intervalMs: 5000,
    })
  })

  it('moves the longest ejection where the first is longer', () => {
    const given = detectionOf('outlier-detection: {base-ejection-time: 10m}')
    expect(given?.maxEjectionMs).toBe(600_000)
  })
})

describe('circuit-breaker', () => {
  const breakerOf = (defaults: string, own = '') =>
    configOf(textOf(defaults, own)).backends[0]?.circuitBreaker

  it('has no bound unless one is given', () => {
    expect(breakerOf('')).toEqual({ maxRequests: 0, maxPending: null })
    expect(breakerOf('circuit-breaker: {max-pending: 0}')).toEqual({
      maxRequests: 0,
      maxPending: 0,
    })
  })

  it('of a backend goes over that of defaults key by key', () => {
    const defaults = 'circuit-breaker: {max-requests: 100, max-pending: 10}'
    expect(breakerOf(defaults, 'circuit-breaker: {max-pending: 5}')).toEqual({
      maxRequests: 100,
      maxPending: 5,
    })
  })

  it('has no other key', () => {
    const text = textOf('circuit-breaker: {max-retries: 3}')
    expect(problemsOf(text)).toEqual(['unknown key "max-retries" in circuit-breaker'])
  })
})

describe('observe', () => {
  it('is off unless it is asked for, and without checks', () => {
    expect(observeOf('check: true')).toBeNull()
    expect(observeOf('check: true, observe: none')).toBeNull()
    expect(observeOf('observe: layer4')).toBeNull()
  })

  it("has HAProxy's defaults", () => {
    expect(observeOf('check: true, observe: layer7')).toEqual({
      layer: 'layer7',
      errorLimit: 10,
      onError: 'fail-check',
    })
  })

  it('is that of the server over that of default-server', () => {
    const standard = 'check: true, observe: layer7, error-limit: 50, on-error: mark-down'
    expect(observeOf(standard, 'error-limit: 20')).toEqual({
      layer: 'layer7',
      errorLimit: 20,
      onError: 'mark-down',
    })
    expect(observeOf(standard, 'observe: none')).toBeNull()
  })

  it('warns where the server is not checked', () => {
    expect(problemsOf(textOf('', '', 'observe: layer4'))).toEqual([
      'observe does nothing: server "a" is not checked',
    ])
  })
})
