import { SLICE_TURNS, type Slices, slicedLoop } from './slices.ts'

/**
 * A round of turns: every candidate as often as its weight, after the common divisor of the
 * weights is taken out, and evenly spaced. Turn k of the m-th of g candidates of weight w belongs
 * at (k + (m + 1/2) / g) / w of the round; the turns are put in that order by a counting sort,
 * whose buckets are the slots themselves.
 *
 * @returns the candidate of each turn; candidates of one weight alone are in their order
 */
export function* turnMap(weights: Int32Array): Slices<Int32Array> {
  const divisor = weights.reduce(greatestCommonDivisor, 0)
  const reduced = weights.map((weight) => weight / divisor)
  const slots = reduced.reduce((sum, weight) => sum + weight, 0)
  const places = middlesOfTurns(reduced)
  const slotOf = (i: number, turn: number): number =>
    Math.floor(((turn + (places[i] as number)) / (reduced[i] as number)) * slots)
  const starts = new Int32Array(slots + 1)
  yield* eachTurn(reduced, (i, turn) => {
    const slot = slotOf(i, turn) + 1
    starts[slot] = (starts[slot] as number) + 1
  })
  yield* slicedLoop(slots, (from, to) => {
    for (let slot = from; slot < to; slot++) {
      starts[slot + 1] = (starts[slot + 1] as number) + (starts[slot] as number)
    }
  })
  const map = new Int32Array(slots)
  yield* eachTurn(reduced, (i, turn) => {
    const slot = slotOf(i, turn)
    const position = starts[slot] as number
    map[position] = i
    starts[slot] = position + 1
  })
  return map
}

/** The turns of all candidates, those of one after those of the other. */
function* eachTurn(weights: Int32Array, visit: (i: number, turn: number) => void): Slices {
  let visited = 0
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number
    for (let turn = 0; turn < weight; turn++) visit(i, turn)
    visited += weight
    if (visited < SLICE_TURNS) continue
    visited = 0
    yield
  }
}

/** Per candidate, where in its turn it goes: the m-th of g of one weight at (m + 1/2) / g. */
function middlesOfTurns(weights: Int32Array): Float64Array {
  const sizes = new Map<number, number>()
  for (const weight of weights) sizes.set(weight, (sizes.get(weight) ?? 0) + 1)
  const placed = new Map<number, number>()
  const middles = new Float64Array(weights.length)
  weights.forEach((weight, i) => {
    const before = placed.get(weight) ?? 0
    placed.set(weight, before + 1)
    middles[i] = (before + 0.5) / (sizes.get(weight) as number)
  })
  return middles
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
