import { RoundRobin } from './round-robin.ts'
import type { Candidates, Strategy, StrategyContext } from './strategy.ts'

/** Up to so many candidates a pick looks at each: the least is exact. */
export const EXACT_MAX = 256

/**
 * Of more candidates a pick looks at so many in a row. In a simulation of 10,000 servers with 5 to
 * 50 sessions each, that was enough for none to have more than 2 above the average.
 */
export const SAMPLE = 32

/**
 * The server with the fewest sessions for its weight, over all threads. The server whose weighted
 * turn it is wins among equals, so that idle servers share by weight (as with nginx's least_conn).
 * Where it is not among the least, those take turns.
 *
 * O(log n) a pick where the one whose turn it is has no session; otherwise O(n), of at most
 * {@link EXACT_MAX}: sessions change in every thread without notice, so that only looking tells.
 * Among more servers the least of {@link SAMPLE} in a row is taken, and the next pick looks
 * further on. HAProxy configuration manual, balance leastconn.
 */
export class LeastConn implements Strategy {
  readonly #context: StrategyContext
  readonly #turns: RoundRobin
  #rows = new Int32Array(0)
  #weights = new Int32Array(0)
  /** The candidate that the next search begins at. */
  #next = 0

  constructor(context: StrategyContext) {
    this.#context = context
    this.#turns = new RoundRobin(context.random)
  }

  rebuild(candidates: Candidates): void {
    this.#turns.rebuild(candidates)
    this.#rows = candidates.rows.slice(0, candidates.count)
    this.#weights = candidates.weights.slice(0, candidates.count)
    this.#next = Math.floor(this.#context.random() * candidates.count)
  }

  pick(key: number, avoidRow: number): number {
    const { loads } = this.#context
    const rows = this.#rows
    const weights = this.#weights
    const count = rows.length
    const turn = this.#turns.pick(key, avoidRow)
    if (turn < 0) return -1
    let best = turn
    let bestLoad = loads(rows[turn] as number)
    let bestWeight = weights[turn] as number
    let i = this.#next
    for (let left = count > EXACT_MAX ? SAMPLE : count; left > 0 && bestLoad > 0; left--) {
      const row = rows[i] as number
      const load = loads(row)
      const weight = weights[i] as number
      if (load * bestWeight < bestLoad * weight && row !== avoidRow) {
        best = i
        bestLoad = load
        bestWeight = weight
      }
      i = i + 1 === count ? 0 : i + 1
    }
    // Going on behind the one that was taken is what makes the equally loaded take turns.
    if (best === turn || count > EXACT_MAX) this.#next = i
    else this.#next = best + 1 === count ? 0 : best + 1
    return best
  }
}
