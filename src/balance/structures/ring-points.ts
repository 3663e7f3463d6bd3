import type { Candidates } from '../strategy.ts'
import { avalanche } from './hashing.ts'
import { SLICE_TURNS, type Slices, slicedLoop } from './slices.ts'

/**
 * Points of a ring at least, about: with 2^14 of them, what is left to chance is a hundredth of
 * the keys of one of two servers.
 */
const POINTS_WANTED = 2 ** 15

/** Points of a server of average weight in large backends, about. HAProxy has 16. */
const POINTS_PER_SERVER = 64

/** Points that a ring can have, except that every server has one. */
export const POINTS_MAX = 2 ** 20

/** Sets the hashes of a point's number apart from those of ids. */
const POINT_SEED = 0x85ebca6b

const POINT_BITS = 32

/** Points, 0 to 2^32 - 1, and beside each, which candidate's it is. */
export interface Points {
  readonly points: Uint32Array
  readonly owners: Int32Array
}

/**
 * The points of all candidates, one candidate after the other: as many as its weight says, each
 * where its id and the number of the point put it.
 */
export function* pointsOf(candidates: Candidates): Slices<Points> {
  const { count, ids } = candidates
  const numbers = pointsPerCandidate(candidates)
  const total = numbers.reduce((sum, number) => sum + number, 0)
  const points = new Uint32Array(total)
  const owners = new Int32Array(total)
  let at = 0
  let pausesAt = SLICE_TURNS
  for (let i = 0; i < count; i++) {
    const number = numbers[i] as number
    putPoints(points, at, number, avalanche(ids[i] as number))
    owners.fill(i, at, at + number)
    at += number
    if (at < pausesAt) continue
    pausesAt = at + SLICE_TURNS
    yield
  }
  return { points, owners }
}

function putPoints(points: Uint32Array, from: number, number: number, id: number): void {
  for (let n = 0; n < number; n++) points[from + n] = avalanche(id ^ avalanche(n ^ POINT_SEED))
}

/** Points in ascending order, to be looked up in constant time. */
export interface ArrangedPoints extends Points {
  /** The ring in equal parts: the first point at or behind the beginning of each. */
  readonly starts: Uint32Array
  /** A number without so many of its low bits is the number of its part. */
  readonly partBits: number
}

/**
 * Sorts points that are spread evenly; of equal ones the first stays the first. There are about as
 * many parts as points, so that a counting sort by parts leaves little to be done within them.
 *
 * O(points).
 */
export function* arrangePoints({ points, owners }: Points): Slices<ArrangedPoints> {
  const bits = Math.max(1, POINT_BITS - Math.clz32(points.length))
  const partBits = POINT_BITS - bits
  const starts = new Uint32Array(2 ** bits)
  yield* slicedLoop(points.length, (from, to) => countInParts(points, partBits, starts, from, to))
  let sum = 0
  yield* slicedLoop(starts.length, (from, to) => {
    for (let part = from; part < to; part++) {
      sum += starts[part] as number
      starts[part] = sum
    }
  })
  const arranged = {
    points: new Uint32Array(points.length),
    owners: new Int32Array(points.length),
    starts,
    partBits,
  }
  // From the last one on, each part is filled from its end, and `starts` comes to where it begins.
  const last = points.length - 1
  yield* slicedLoop(points.length, (from, to) => {
    for (let i = last - from; i > last - to; i--) {
      const point = points[i] as number
      const part = point >>> partBits
      const place = (starts[part] as number) - 1
      starts[part] = place
      arranged.points[place] = point
      arranged.owners[place] = owners[i] as number
    }
  })
  yield* slicedLoop(points.length, (from, to) => sortNeighbours(arranged, Math.max(from, 1), to))
  return arranged
}

function countInParts(
  points: Uint32Array,
  partBits: number,
  counts: Uint32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const part = (points[i] as number) >>> partBits
    counts[part] = (counts[part] as number) + 1
  }
}

/** An insertion sort, of those in `[from, to)` among all before them: nothing is far from its place. */
function sortNeighbours({ points, owners }: Points, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const point = points[i] as number
    if ((points[i - 1] as number) <= point) continue
    const owner = owners[i] as number
    let place = i
    for (; place > 0 && (points[place - 1] as number) > point; place--) {
      points[place] = points[place - 1] as number
      owners[place] = owners[place - 1] as number
    }
    points[place] = point
    owners[place] = owner
  }
}

/**
 * How many points each candidate has: a power of two for each unit of weight, where that fits, and
 * one at least.
 */
function pointsPerCandidate(candidates: Candidates): Int32Array {
  const { count, serversTotal, weightTotal, weightScale } = candidates
  const weights = candidates.weights.subarray(0, count)
  const wanted = Math.max(POINTS_WANTED, serversTotal * POINTS_PER_SERVER, weightTotal)
  let perWeight = 2 ** Math.floor(Math.log2(wanted / Math.max(1, weightTotal)))
  // Weights that were raised since count too, or a ring could outgrow its bound.
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0) / weightScale
  while (Math.max(weightSum, weightTotal) * perWeight > POINTS_MAX) perWeight /= 2
  const perUnit = perWeight / weightScale
  return weights.map((weight) => Math.max(1, Math.round(weight * perUnit)))
}
