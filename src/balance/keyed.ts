import type { Random } from '../base/clock.ts'
import { RoundRobin } from './round-robin.ts'
import { type Candidates, NO_KEY, type Strategy } from './strategy.ts'

/** How the server of a key is found. One implementation each of HAProxy's `hash-type`. */
export interface KeyTable {
  /** As {@link Strategy.rebuild}. */
  rebuild(candidates: Candidates): void
  /**
   * The candidate of a key, the same one each time. There is at least one.
   *
   * @param key 0 to 2^32 - 1
   * @param avoidRow row of a server that has just failed, or -1; where there is another, the next
   *   one by the table's own order is given, so that all tries of a key go the same way
   */
  find(key: number, avoidRow: number): number
  /** As {@link Strategy.order}; begins with what {@link find} finds. */
  order(key: number): Iterable<number>
}

/**
 * Gives each key its server; sessions without a key take turns by weight. HAProxy configuration
 * manual, balance source, uri, url_param, hdr and hash.
 */
export class Keyed implements Strategy {
  readonly #table: KeyTable
  readonly #turns: RoundRobin
  #count = 0

  constructor(table: KeyTable, random: Random) {
    this.#table = table
    this.#turns = new RoundRobin(random)
  }

  rebuild(candidates: Candidates): void {
    this.#table.rebuild(candidates)
    this.#turns.rebuild(candidates)
    this.#count = candidates.count
  }

  pick(key: number, avoidRow: number): number {
    if (key === NO_KEY || this.#count === 0) return this.#turns.pick(key, avoidRow)
    return this.#table.find(key, avoidRow)
  }

  order(key: number): Iterable<number> {
    return key === NO_KEY ? this.#turns.order() : this.#table.order(key)
  }
}
