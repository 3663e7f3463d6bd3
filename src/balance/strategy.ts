import type { Random } from '../model/clock.ts'

/**
 * The servers of one backend that may take a new session, as parallel arrays. Invariant: every
 * weight is at least 1 and `rows` has no duplicates.
 */
export interface Candidates {
  readonly count: number
  /** Row of candidate i in the server table: its identity while the set changes. */
  readonly rows: Int32Array
  /** Weight of candidate i, 1-256. */
  readonly weights: Int32Array
}

/** Sessions that a server has now, over all threads. */
export type Loads = (row: number) => number

/** What a strategy is made with. */
export interface StrategyContext {
  readonly random: Random
  readonly loads: Loads
}

/**
 * Picks a server for a session. Each data-plane thread has its own instance per backend; what
 * must be exact over all threads (sessions) comes from the shared table through {@link Loads}.
 */
export interface Strategy {
  /**
   * The set or a weight changed. May cost O(n log n); called before the first pick. The arrays are
   * the caller's again when it returns.
   */
  rebuild(candidates: Candidates): void
  /**
   * @param key hash of what the strategy balances by (source, uri, header), 0 for those without
   * @param avoidRow row of a server that has just failed, or -1; avoided where there is another
   * @returns the index of the candidate, or -1 when there is none
   */
  pick(key: number, avoidRow: number): number
}
