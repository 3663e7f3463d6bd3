import type { Random } from '../base/clock.ts'
import { RoundRobin } from './round-robin.ts'
import { type Candidates, NO_KEY, type Strategy } from './strategy.ts'
import { inOneGo, type Slices } from './structures/slices.ts'

/** How the server of a key is found. One implementation each of HAProxy's `hash-type`. */
export interface KeyTable {
  /** As {@link Strategy.rebuildInSlices}. */
  rebuild(candidates: Candidates): Slices
  /**
   * The candidate of a key, the same one each time. There is at least one.
   *
   * @param key 0 to 2^32 - 1
   */
  find(key: number): number
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
  #rows = new Int32Array(0)

  constructor(table: KeyTable, random: Random) {
    this.#table = table
    this.#turns = new RoundRobin(random)
  }

  rebuild(candidates: Candidates): void {
    inOneGo(this.rebuildInSlices(candidates))
  }

  *rebuildInSlices(candidates: Candidates): Slices {
    yield* this.#table.rebuild(candidates)
    this.#turns.rebuild(candidates)
    this.#rows = candidates.rows.slice(0, candidates.count)
  }

  pick(key: number, avoidRow: number): number {
    const rows = this.#rows
    if (key === NO_KEY || rows.length === 0) return this.#turns.pick(key, avoidRow)
    const found = this.#table.find(key)
    if (rows[found] !== avoidRow) return found
    // The next one by the table's order, so that all tries of a key go the same way.
    for (const other of this.#table.order(key)) if (other !== found) return other
    return found
  }

  order(key: number): Iterable<number> {
    return key === NO_KEY ? this.#turns.order() : this.#table.order(key)
  }
}
