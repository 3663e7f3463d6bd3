import { type Outcome, simulate } from './simulation.ts'
import type { Parts } from './world.ts'

/**
 * Runs a seed again with its trace.
 *
 * @returns what went wrong, the end of the trace, and how to see it again
 */
export function reportOf(failed: Outcome, parts?: Parts): string {
  const traced = simulate(failed.seed, parts, true)
  return [
    `seed ${failed.seed}: ${failed.violation ?? 'no violation'}`,
    ...traced.tail,
    `Again: npm run simulate -- --seed ${failed.seed}`,
  ].join('\n')
}
