import type { Candidates, Strategy, StrategyContext } from './strategy.ts'
import { WeightedDraws } from './structures/weighted-draws.ts'

/** HAProxy's default: the better of two. */
export const DRAWS_DEFAULT = 2

/** Draws of one pick. More come ever closer to leastconn, which is then cheaper. */
export const DRAWS_MAX = 64

/**
 * Draws servers at random by weight and takes the one of them with the fewest sessions for its
 * weight. Equally loaded ones stay in the order drawn, so that the weights alone decide where
 * there is little load.
 *
 * O(draws * log n) a pick. HAProxy configuration manual, balance random.
 */
export class RandomDraws implements Strategy {
  readonly #context: StrategyContext
  readonly #draws: number
  readonly #drawing: WeightedDraws
  #rows = new Int32Array(0)
  #weights = new Int32Array(0)

  /** @param draws servers drawn for a pick, at least 1; 1 looks at no load */
  constructor(context: StrategyContext, draws: number) {
    this.#context = context
    this.#draws = draws
    this.#drawing = new WeightedDraws(context.random)
  }

  rebuild(candidates: Candidates): void {
    const { count } = candidates
    this.#rows = candidates.rows.slice(0, count)
    this.#weights = candidates.weights.slice(0, count)
    this.#drawing.rebuild(this.#weights)
  }

  pick(_key: number, avoidRow: number): number {
    if (this.#rows.length === 0) return -1
    let best = this.#draw(avoidRow)
    let bestLoad = -1
    for (let draw = 1; draw < this.#draws; draw++) {
      const other = this.#draw(avoidRow)
      if (other === best) continue
      if (bestLoad < 0) bestLoad = this.#context.loads(this.#rows[best] as number)
      if (bestLoad === 0) break
      const load = this.#context.loads(this.#rows[other] as number)
      if (load * (this.#weights[best] as number) >= bestLoad * (this.#weights[other] as number)) {
        continue
      }
      best = other
      bestLoad = load
    }
    return best
  }

  /** As they are drawn, one after the other. */
  order(): Iterable<number> {
    return this.#drawing.all()
  }

  #draw(avoidRow: number): number {
    const drawn = this.#drawing.draw()
    if (this.#rows.length === 1 || this.#rows[drawn] !== avoidRow) return drawn
    return this.#drawing.drawOther(drawn)
  }
}
