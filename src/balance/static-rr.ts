import type { Random } from '../model/clock.ts'
import type { Candidates, Strategy } from './strategy.ts'

/**
 * Weighted round robin over a map that is computed when the set changes, one slot per unit of
 * weight after their common divisor is taken out. Meant for weights that do not change at run
 * time: see `dynamic` in the registry.
 *
 * Invariant: any run of as many picks as the map has slots picks every server exactly as often as
 * its reduced weight. O(1) a pick; a rebuild is O(sum of weights). HAProxy configuration manual,
 * balance static-rr.
 */
export class StaticRoundRobin implements Strategy {
  readonly #random: Random
  #rows = new Int32Array(0)
  #map = new Int32Array(0)
  #next = 0

  constructor(random: Random) {
    this.#random = random
  }

  rebuild(candidates: Candidates): void {
    this.#rows = candidates.rows.slice(0, candidates.count)
    this.#map = spread(candidates.weights.subarray(0, candidates.count))
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

  #take(): number {
    const picked = this.#map[this.#next] as number
    this.#next = this.#next + 1 === this.#map.length ? 0 : this.#next + 1
    return picked
  }
}

/**
 * Every candidate as often as its reduced weight, evenly spaced: turn k of the m-th of g
 * candidates of weight w belongs at (k + (m + 1/2) / g) / w of the round. The turns are put in
 * that order by a counting sort, whose buckets are the slots themselves.
 */
function spread(weights: Int32Array): Int32Array<ArrayBuffer> {
  const divisor = weights.reduce(greatestCommonDivisor, 0)
  const reduced = weights.map((weight) => weight / divisor)
  const slots = reduced.reduce((sum, weight) => sum + weight, 0)
  const places = middlesOfTurns(reduced)
  const slotOf = (i: number, turn: number): number =>
    Math.floor(((turn + (places[i] as number)) / (reduced[i] as number)) * slots)
  const starts = new Int32Array(slots + 1)
  reduced.forEach((weight, i) => {
    for (let turn = 0; turn < weight; turn++) {
      const slot = slotOf(i, turn) + 1
      starts[slot] = (starts[slot] as number) + 1
    }
  })
  for (let slot = 1; slot <= slots; slot++) {
    starts[slot] = (starts[slot] as number) + (starts[slot - 1] as number)
  }
  const map = new Int32Array(slots)
  reduced.forEach((weight, i) => {
    for (let turn = 0; turn < weight; turn++) {
      const slot = slotOf(i, turn)
      const position = starts[slot] as number
      map[position] = i
      starts[slot] = position + 1
    }
  })
  return map
}

/** Per candidate, where in its turn it goes: the m-th of g of one weight at (m + 1/2) / g. */
function middlesOfTurns(weights: Int32Array): Float64Array {
  const sizes = new Map<number, number>()
  for (const weight of weights) sizes.set(weight, (sizes.get(weight) ?? 0) + 1)
  const placed = new Map<number, number>()
  return Float64Array.from(weights, (weight) => {
    const before = placed.get(weight) ?? 0
    placed.set(weight, before + 1)
    return (before + 0.5) / (sizes.get(weight) as number)
  })
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
