import type { Sample } from '../../../src/health/observation-sample.ts'
import type { OutlierChange, OutlierPool } from '../../../src/health/outlier-pool.ts'
import type { OutlierDetectionConfig } from '../../../src/model/observation-config.ts'

/** How far apart the steps of these tests are. */
export const STEP_MS = 250

/** Nothing is compared: only errors in a row eject. */
export const CONFIG: OutlierDetectionConfig = {
  consecutiveErrors: 5,
  consecutiveGatewayErrors: 0,
  successRate: null,
  latency: null,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
  panicThreshold: 0,
}

/** What a server did between two steps. */
export function sampleOf(successes: number, errors: number, responseMs = 0, gateway = 0): Sample {
  const responses = successes + errors
  return { successes, errors, gatewayErrors: gateway, responses, responseMs }
}

/** Runs a pool step by step. */
export class OutlierLab {
  readonly pool: OutlierPool
  readonly keys: readonly string[]
  /** Servers that are down by their checks. */
  readonly down = new Set<string>()
  nowMs = 1_000_000

  constructor(pool: OutlierPool, servers: number) {
    this.pool = pool
    this.keys = Array.from({ length: servers }, (_, index) => `app/s${index}`)
  }

  /** Takes a step in which each server did what its key says; nothing where it is not named. */
  step(samples: Readonly<Record<string, Sample>> = {}): OutlierChange[] {
    this.nowMs += STEP_MS
    return this.pool.step(
      this.keys.map((key) => ({
        key,
        sample: samples[key] ?? sampleOf(0, 0),
        isUp: !this.down.has(key),
      })),
      this.nowMs,
    )
  }

  /** Takes one step after so much time. */
  skip(ms: number): OutlierChange[] {
    this.nowMs += ms - STEP_MS
    return this.step()
  }

  /** Who takes no sessions now. */
  get ejected(): string[] {
    return this.keys.filter((key) => this.pool.ejectionOf(key) !== null)
  }
}
