import type { Random } from '../base/clock.ts'
import type { Slices } from './structures/slices.ts'

/** The key of a session that has none of what its strategy balances by: it takes its turn. */
export const NO_KEY = -1

/**
 * The servers of one backend that may take a new session, as parallel arrays. Invariant: every
 * weight is at least 1, `rows` and `ids` have no duplicates.
 */
export interface Candidates {
  readonly count: number
  /** Row of candidate i in the server table: its identity while the set changes. */
  readonly rows: Int32Array
  /** Weight of candidate i, 1-256 times {@link weightScale}. */
  readonly weights: Int32Array
  /**
   * What a weight of 1 is in {@link weights}: more than 1 while a server starts slowly, so that
   * less than a weight of 1 can be said.
   */
  readonly weightScale: number
  /** What the name of candidate i makes: the same in every thread, node and run. */
  readonly ids: Uint32Array
  /** Sessions that candidate i may have over all threads; 0: no bound. */
  readonly capacities: Int32Array
  /** Servers that the backend has, candidates or not. */
  readonly serversTotal: number
  /** Their weights together, as configured. */
  readonly weightTotal: number
}

/** Sessions that a server has now, over all threads. */
export type Loads = (row: number) => number

/** What a strategy is made with. */
export interface StrategyContext {
  readonly random: Random
  readonly loads: Loads
  /** Sessions that the backend has now, over all threads, with the one that is to be placed. */
  readonly loadTotal: () => number
}

/**
 * Picks a server for a session. Each data-plane thread has its own instance per backend; what
 * must be exact over all threads (sessions) comes from the shared table through {@link Loads}.
 */
export interface Strategy {
  /**
   * The set or a weight changed. Called before the first pick. The arrays are the caller's again
   * when it returns. Within a few milliseconds at 10,000 candidates, but for the tables of strategies
   * that have {@link rebuildInSlices}.
   */
  rebuild(candidates: Candidates): void
  /**
   * The same in slices, for strategies whose tables take longer. Until the last one is done, picks
   * and orders are those of the set before, and are indexes of that. The arrays must stay as they
   * are meanwhile. Slices that are not asked for any more leave everything as it was.
   */
  rebuildInSlices?(candidates: Candidates): Slices
  /**
   * @param key what the strategy balances by, hashed: 0 to 2^32 - 1, or {@link NO_KEY}
   * @param avoidRow row of a server that has just failed, or -1; avoided where there is another
   * @returns the index of the candidate, or -1 when there is none
   */
  pick(key: number, avoidRow: number): number
  /**
   * All candidates, each once, in the order in which they would have a session that its pick cannot
   * have, because that is full or has failed before. Nobody's turn is used up by it. The session
   * takes the first one that it can: to be left where that is found, and read in one go.
   *
   * @param key as of {@link pick}
   */
  order(key: number): Iterable<number>
  /**
   * A server has answered. Only strategies that go by response times have this.
   *
   * @param responseMs how long it took, from the first byte sent to it
   * @param nowMs when that was; what is told late counts as of the latest moment told
   */
  observe?(row: number, responseMs: number, nowMs: number): void
  /** The server of this row is another one from now on: nothing is known of it. As `observe`. */
  forget?(row: number): void
}
