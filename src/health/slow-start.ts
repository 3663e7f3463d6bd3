import { THROTTLE_STEPS } from '../memory/server-table.ts'

/**
 * How much of itself a server gives that has come up and starts slowly, in steps of
 * `THROTTLE_STEPS`: 1 at first, all of them once its `slowstart` has passed. HAProxy configuration
 * manual, slowstart.
 *
 * @param upMs since it has come up
 * @param slowStartMs its `slowstart`; 0: it gives all at once
 */
export function stepsAfter(upMs: number, slowStartMs: number): number {
  if (upMs >= slowStartMs) return THROTTLE_STEPS
  return Math.max(0, Math.floor((upMs * THROTTLE_STEPS) / slowStartMs)) + 1
}
