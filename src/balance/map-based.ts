import type { KeyTable } from './keyed.ts'
import type { Candidates } from './strategy.ts'
import { avalanche } from './structures/hashing.ts'
import { around } from './structures/orders.ts'
import type { Slices } from './structures/slices.ts'
import { turnMap } from './structures/turn-map.ts'

/**
 * The server whose turn is at the key's place in a round of turns. Keys are shared exactly by
 * weight, and nearly all of them move when a server comes or goes. Meant for weights that do not
 * change at run time.
 *
 * O(1) a pick; a rebuild is O(sum of weights). HAProxy configuration manual, hash-type map-based.
 */
export class MapBased implements KeyTable {
  #count = 0
  #map: Int32Array = new Int32Array(0);

  *rebuild({ count, weights }: Candidates): Slices {
    this.#map = yield* turnMap(weights.subarray(0, count))
    this.#count = count
  }

  find(key: number): number {
    return this.#map[key % this.#map.length] as number
  }

  /** By another hash from the second on, so that one server's keys do not all go to its neighbour. */
  *order(key: number): Generator<number, void> {
    const map = this.#map
    if (map.length === 0) return
    const first = this.find(key)
    yield first
    for (const candidate of around(map, avalanche(key) % map.length, this.#count)) {
      if (candidate !== first) yield candidate
    }
  }
}
