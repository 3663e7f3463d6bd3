import { cpuTimeOf, processTree } from './cpu-time.ts'
import type { ProxyName, RunningProxy } from './proxies.ts'
import type { Scenario } from './scenarios.ts'
import { median } from './statistics.ts'
import { errorCount, runWrk } from './wrk.ts'

/** Runs unmeasured before each measurement, so that compilers and connection pools have settled. */
const WARM_UP_SECONDS = 2

/** What one proxy did in one scenario. CPU time is microseconds per request. */
export interface Measurement {
  readonly requestsPerSec: number
  readonly userUs: number
  readonly systemUs: number
  readonly p50Us: number
  readonly p99Us: number
  readonly errors: number
}

/** The rounds of one proxy in one scenario. */
export interface Series {
  readonly scenario: Scenario
  readonly proxy: ProxyName
  readonly rounds: Measurement[]
}

/**
 * Puts one proxy under one scenario's load.
 *
 * @param url the proxy's address for the scenario's mode
 * @param core where the load generator runs; default: any
 */
export async function measure(
  proxy: RunningProxy,
  url: string,
  scenario: Scenario,
  seconds: number,
  core?: number,
): Promise<Measurement> {
  const run = {
    ...scenario.load,
    url: `${url}${scenario.path}`,
    ...(core !== undefined && { core }),
  }
  await runWrk({ ...run, seconds: WARM_UP_SECONDS })
  const pids = processTree(proxy.child.pid)
  const before = cpuTimeOf(pids)
  const summary = await runWrk({ ...run, seconds })
  const after = cpuTimeOf(pids)
  return {
    requestsPerSec: (summary.requests * 1e6) / summary.durationUs,
    userUs: (after.userUs - before.userUs) / summary.requests,
    systemUs: (after.systemUs - before.systemUs) / summary.requests,
    p50Us: summary.p50Us,
    p99Us: summary.p99Us,
    errors: errorCount(summary.errors),
  }
}

/** Each figure's median over the rounds; errors are added up. */
export function summarize(rounds: readonly Measurement[]): Measurement {
  return {
    requestsPerSec: median(rounds.map((round) => round.requestsPerSec)),
    userUs: median(rounds.map((round) => round.userUs)),
    systemUs: median(rounds.map((round) => round.systemUs)),
    p50Us: median(rounds.map((round) => round.p50Us)),
    p99Us: median(rounds.map((round) => round.p99Us)),
    errors: rounds.reduce((sum, round) => sum + round.errors, 0),
  }
}
