import type { Candidates, Strategy, StrategyContext } from './strategy.ts'
import { LoadTree } from './structures/load-tree.ts'
import { ascending } from './structures/orders.ts'
import { Turns } from './structures/turns.ts'

/** Up to so many candidates a pick looks at each; that costs as much as the tree does. */
export const EXACT_MAX = 32

/**
 * The server with the fewest sessions for its weight, over all threads. Among equals the one whose
 * weighted turn comes first ({@link Turns}), so that idle servers share by weight (as with nginx's
 * least_conn), and equally loaded ones too.
 *
 * Exact for up to {@link EXACT_MAX} candidates. Sessions change in every thread without notice, so
 * that among more of them a pick goes by what this thread has last seen of each ({@link LoadTree}):
 * nobody is picked that has more than then, and each is looked at again within some picks.
 *
 * O(log n) a pick. HAProxy configuration manual, balance leastconn.
 */
export class LeastConn implements Strategy {
  readonly #context: StrategyContext
  readonly #turns: Turns
  #rows = new Int32Array(0)
  #weights = new Int32Array(0)
  /** Null where every candidate is looked at. */
  #tree: LoadTree | null = null

  constructor(context: StrategyContext) {
    this.#context = context
    this.#turns = new Turns(context.random)
  }

  rebuild(candidates: Candidates): void {
    const { count } = candidates
    this.#rows = candidates.rows.slice(0, count)
    this.#weights = candidates.weights.slice(0, count)
    this.#turns.rebuild(candidates, this.#rows, this.#weights)
    const { loads, random } = this.#context
    this.#tree = null
    if (count <= EXACT_MAX) return
    this.#tree = new LoadTree(this.#rows, this.#weights, this.#turns, loads)
    this.#tree.sweepFrom(Math.floor(random() * count))
  }

  pick(_key: number, avoidRow: number): number {
    if (this.#tree !== null) return this.#tree.pick(avoidRow)
    const picked = this.#leastOfAll(avoidRow)
    if (picked >= 0) {
      this.#turns.catchUp(picked)
      this.#turns.take(picked)
    }
    return picked
  }

  /** By sessions for their weight, and of equal ones by turn. */
  order(): Iterable<number> {
    const { loads } = this.#context
    const ratios = Float64Array.from(
      this.#rows,
      (row, i) => loads(row) / (this.#weights[i] as number),
    )
    return ascending(ratios, this.#turns.due)
  }

  #leastOfAll(avoidRow: number): number {
    const { loads } = this.#context
    const { due } = this.#turns
    const rows = this.#rows
    const weights = this.#weights
    const count = rows.length
    let best = -1
    let bestLoad = 0
    let bestWeight = 1
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number
      const load = loads(row)
      const weight = weights[i] as number
      if (best >= 0) {
        const more = load * bestWeight - bestLoad * weight
        if (more > 0 || (more === 0 && (due[i] as number) >= (due[best] as number))) continue
      }
      if (row === avoidRow && count > 1) continue
      best = i
      bestLoad = load
      bestWeight = weight
    }
    return best
  }
}
