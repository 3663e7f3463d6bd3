import type { Random } from '../../base/clock.ts'
import { ascending } from './orders.ts'

/** Draws candidates at random, each as likely as its weight. O(log n) a draw. */
export class WeightedDraws {
  readonly #random: Random
  #weights: Int32Array = new Int32Array(0)
  /** Per candidate, the sum of the weights up to and including its own. */
  #sums = new Int32Array(0)

  constructor(random: Random) {
    this.#random = random
  }

  /** Takes another set; the array must stay as it is. */
  rebuild(weights: Int32Array): void {
    this.#weights = weights
    let sum = 0
    this.#sums = weights.map((weight) => {
      sum += weight
      return sum
    })
  }

  /** A candidate. There must be one. */
  draw(): number {
    return this.#candidateAt(this.#random() * this.#total)
  }

  /** A candidate, as likely as its weight among the others than this one. There must be two. */
  drawOther(than: number): number {
    const width = this.#weights[than] as number
    const start = (this.#sums[than] as number) - width
    // The interval of the other one is cut out.
    const point = this.#random() * (this.#total - width)
    return this.#candidateAt(point < start ? point : point + width)
  }

  /**
   * All candidates, each drawn by weight from those that are left (Efraimidis and Spirakis, Weighted
   * random sampling with a reservoir, 2006).
   */
  all(): Iterable<number> {
    return ascending(
      Float64Array.from(this.#weights, (weight) => -Math.log1p(-this.#random()) / weight),
    )
  }

  get #total(): number {
    return this.#sums[this.#sums.length - 1] as number
  }

  /** The candidate into whose interval of the summed weights a point falls. */
  #candidateAt(point: number): number {
    let low = 0
    let high = this.#sums.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#sums[middle] as number) <= point) low = middle + 1
      else high = middle
    }
    return low
  }
}
