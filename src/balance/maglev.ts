import type { KeyTable } from './keyed.ts'
import type { Candidates } from './strategy.ts'
import { avalanche } from './structures/hashing.ts'
import { around } from './structures/orders.ts'
import type { Slices } from './structures/slices.ts'

/** Places of the table: a prime, so that each server's steps lead through all of them. */
export const MAGLEV_SIZE = 65_537

/** Turns of candidates that make a slice: a turn is some ten steps long. */
const SLICE_VISITS = 2 ** 11

/** More candidates than there can be; ids go up to 2^32. */
const INDEXES = 2 ** 20

/** Sets the second of a server's two hashes apart from the first. */
const STEP_SEED = 0x9e3779b9

/**
 * A table of places, filled by the servers in turns: each goes through the places in an order of
 * its own and takes the next one that is free. Keys are shared within one place of the weights
 * (1% for up to 655 servers), and few of those that a change does not concern move.
 *
 * Every server has at least one place, whatever its weight. O(1) a pick; a rebuild is
 * O(size * log size). Eisenbud and others, Maglev (2016), section 3.4; weights as in Envoy.
 */
export class Maglev implements KeyTable {
  #count = 0
  #places = new Int32Array(0);

  *rebuild(candidates: Candidates): Slices {
    const { count } = candidates
    const places = new Int32Array(count === 0 ? 0 : MAGLEV_SIZE).fill(-1)
    if (count > 0) yield* fillPlaces(places, candidates)
    this.#places = places
    this.#count = count
  }

  find(key: number): number {
    return this.#places[placeOf(key)] as number
  }

  order(key: number): Iterable<number> {
    return around(this.#places, placeOf(key), this.#count)
  }
}

/** Mixed, since keys that lie close together would otherwise stay together. */
function placeOf(key: number): number {
  return avalanche(key) % MAGLEV_SIZE
}

/**
 * Rounds of turns: in each, a server moves on by its share of the greatest weight, and takes a
 * place whenever that makes a whole one, in the first round in any case. In the order of their
 * ids, so that the order of the config does not matter.
 */
function* fillPlaces(places: Int32Array, { count, ids, weights }: Candidates): Slices {
  const order = orderOf(ids.subarray(0, count))
  const greatest = weights.subarray(0, count).reduce((most, weight) => Math.max(most, weight), 1)
  const next = new Int32Array(count)
  const steps = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const id = ids[i] as number
    next[i] = avalanche(id) % MAGLEV_SIZE
    steps[i] = 1 + (avalanche(id ^ STEP_SEED) % (MAGLEV_SIZE - 1))
  }
  yield
  let visits = 0
  const shares = new Int32Array(count).fill(greatest - 1)
  for (let left = MAGLEV_SIZE; ; ) {
    for (const i of order) {
      if (++visits % SLICE_VISITS === 0) yield
      const share = (shares[i] as number) + (weights[i] as number)
      const isDue = share >= greatest
      shares[i] = isDue ? share - greatest : share
      if (!isDue) continue
      next[i] = takePlace(places, i, next[i] as number, steps[i] as number)
      if (--left === 0) return
    }
  }
}

/** Candidates by their ids: these and the indexes are sorted as one number, which is exact. */
function orderOf(ids: Uint32Array): Int32Array {
  const numbers = new Float64Array(ids.length)
  for (let i = 0; i < ids.length; i++) numbers[i] = (ids[i] as number) * INDEXES + i
  return Int32Array.from(numbers.sort(), (number) => number % INDEXES)
}

/** @returns the place at which the candidate's next search begins */
function takePlace(places: Int32Array, candidate: number, from: number, step: number): number {
  let place = from
  while ((places[place] as number) >= 0) place = (place + step) % MAGLEV_SIZE
  places[place] = candidate
  return (place + step) % MAGLEV_SIZE
}
