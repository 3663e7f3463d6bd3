import type { Random } from '../base/clock.ts'
import type { Candidates, Strategy } from './strategy.ts'
import { around } from './structures/orders.ts'
import { inOneGo, type Slices } from './structures/slices.ts'
import { turnMap } from './structures/turn-map.ts'

/**
 * Weighted round robin over a map that is computed when the set changes, one slot per unit of
 * weight after their common divisor is taken out. Meant for weights that do not change at run
 * time: see `isDynamic` in the registry.
 *
 * Invariant: any run of as many picks as the map has slots picks every server exactly as often as
 * its reduced weight. O(1) a pick; a rebuild is O(sum of weights). HAProxy configuration manual,
 * balance static-rr.
 */
export class StaticRoundRobin implements Strategy {
  readonly #random: Random
  #rows = new Int32Array(0)
  #map: Int32Array = new Int32Array(0)
  #next = 0

  constructor(random: Random) {
    this.#random = random
  }

  rebuild(candidates: Candidates): void {
    inOneGo(this.rebuildInSlices(candidates))
  }

  *rebuildInSlices({ count, rows, weights }: Candidates): Slices {
    this.#map = yield* turnMap(weights.subarray(0, count))
    this.#rows = rows.slice(0, count)
    // From anywhere: threads stay out of step, and a set that changes often favours no slot.
    this.#next = Math.floor(this.#random() * this.#map.length)
  }

  pick(_key: number, avoidRow: number): number {
    const slots = this.#map.length
    if (slots === 0) return -1
    let picked = this.#take()
    if (this.#rows.length === 1) return picked
    for (let left = slots; this.#rows[picked] === avoidRow && left > 0; left--) {
      picked = this.#take()
    }
    return picked
  }

  /** By the turns that come next. */
  order(): Iterable<number> {
    return around(this.#map, this.#next, this.#rows.length)
  }

  #take(): number {
    const picked = this.#map[this.#next] as number
    this.#next = this.#next + 1 === this.#map.length ? 0 : this.#next + 1
    return picked
  }
}
