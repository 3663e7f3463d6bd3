import type { KeyTable } from '../keyed.ts'
import type { Candidates, StrategyContext } from '../strategy.ts'
import { around } from './orders.ts'
import { arrangePoints, pointsOf } from './ring-points.ts'
import { inOneGo, type Slices } from './slices.ts'

/**
 * Consistent hashing: servers have points on a ring, as many as their weight says, and a key
 * belongs to the server of the next point. When a server comes or goes, only its own keys move.
 *
 * Where the points of a server are depends on its id and its weight alone, so that all threads,
 * nodes and runs agree. How many there are for a weight depends on the servers that the backend
 * has, candidates or not, and changes only when their weights together pass a power of two.
 *
 * With a balance factor no server gets a session while it has that many percent of its share of
 * all sessions: it goes to the next server on the ring that has room.
 *
 * O(1) a pick, unless servers are full; a rebuild is O(points). Karger and others, Consistent
 * hashing and random trees (1997); Mirrokni and others, Consistent hashing with bounded loads
 * (2018). HAProxy configuration manual, hash-type consistent and hash-balance-factor.
 */
export class HashRing implements KeyTable {
  readonly #context: StrategyContext
  readonly #factor: number
  #rows = new Int32Array(0)
  #weights = new Int32Array(0)
  #weightSum = 0
  /** The points of the candidates. */
  #ring = inOneGo(arrangePoints({ points: new Uint32Array(0), owners: new Int32Array(0) }))

  /** @param factor percent of its share of the sessions that a server may have; null: no bound */
  constructor(context: StrategyContext, factor: number | null) {
    this.#context = context
    this.#factor = factor ?? 0
  }

  *rebuild(candidates: Candidates): Slices {
    const { count } = candidates
    const points = yield* pointsOf(candidates)
    this.#ring = yield* arrangePoints(points)
    this.#rows = candidates.rows.slice(0, count)
    this.#weights = candidates.weights.slice(0, count)
    this.#weightSum = this.#weights.reduce((sum, weight) => sum + weight, 0)
  }

  find(key: number): number {
    const { owners } = this.#ring
    const slot = this.#slotOf(key)
    for (let step = 0; step < owners.length; step++) {
      const candidate = owners[(slot + step) % owners.length] as number
      if (this.#hasRoom(candidate)) return candidate
    }
    // All are full, which only sessions of servers that are gone can bring about.
    return owners[slot] as number
  }

  /** The next ones on the ring; with a balance factor those with room come first. */
  *order(key: number): Generator<number, void> {
    const full: number[] = []
    for (const candidate of around(this.#ring.owners, this.#slotOf(key), this.#rows.length)) {
      if (this.#hasRoom(candidate)) yield candidate
      else full.push(candidate)
    }
    yield* full
  }

  /** The first point at or behind the key; behind the last one, the first of all. */
  #slotOf(key: number): number {
    const { points, starts, partBits } = this.#ring
    let slot = starts[key >>> partBits] as number
    while (slot < points.length && (points[slot] as number) < key) slot++
    return slot === points.length ? 0 : slot
  }

  /** Whether its sessions are below its share of all, by weight, times the factor. */
  #hasRoom(candidate: number): boolean {
    if (this.#factor === 0) return true
    const { loads, loadTotal } = this.#context
    const allowed = loadTotal() * this.#factor * (this.#weights[candidate] as number)
    return loads(this.#rows[candidate] as number) * 100 * this.#weightSum < allowed
  }
}
