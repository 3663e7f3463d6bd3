import type { HealthAgreement } from '../../model/health-agreement.ts'

/** How many nodes watch a server, and how many of them say which. */
export interface Tally {
  readonly watchers: number
  readonly up: number
  readonly down: number
}

/**
 * The verdict that reports lead to. Watchers that have said nothing yet count for neither: while
 * the reports do not decide, the verdict of before stays.
 *
 * - `majority`: what more than half of the watchers say.
 * - `any`: down while one says so, up when one says up and none says down.
 * - `all`: down while every watcher says so, up when one says up.
 * - `local`: there is no verdict of the cluster.
 *
 * @param current null: there was none
 */
export function agreedVerdict(
  agreement: HealthAgreement,
  { watchers, up, down }: Tally,
  current: boolean | null,
): boolean | null {
  switch (agreement) {
    case 'majority':
      if (up * 2 > watchers) return true
      return down * 2 > watchers ? false : current
    case 'any':
      if (down > 0) return false
      return up > 0 ? true : current
    case 'all':
      if (up > 0) return true
      return down > 0 && down === watchers ? false : current
    case 'local':
      return null
  }
}
