import type { Random } from '../../base/clock.ts'
import type { Candidates } from '../strategy.ts'
import { RowIndex } from './row-index.ts'

/** Virtual time at which all places are moved back, so that they do not lose their fractions. */
const REBASE_AT = 2 ** 10

/**
 * When the turn of each candidate comes: turns are spread evenly over virtual time, in which a
 * candidate of weight w is due every 1/w. The idea is that of stride scheduling (Waldspurger and
 * Weihl, 1995).
 *
 * Candidates that stay keep how far they are from their next turn, as a share of it, so that
 * neither a new weight nor a flapping neighbour causes a burst. Those that join are spread evenly,
 * from a random start, which also keeps threads out of step.
 */
export class Turns {
  readonly #random: Random
  #rows: Int32Array = new Int32Array(0)
  #weights: Int32Array = new Int32Array(0)
  /** Per candidate: when it is next due, counted in its own turns. */
  #places = new Float64Array(0)
  /** Per candidate: the same in virtual time. To be read only. */
  due = new Float64Array(0)
  #now = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Takes another set; the arrays must stay as they are. */
  rebuild({ count }: Candidates, rows: Int32Array, weights: Int32Array): void {
    const before = new RowIndex(this.#rows)
    const joining = new Joining(this.#random)
    const places = new Float64Array(count)
    const due = new Float64Array(count)
    for (let i = 0; i < count; i++) {
      if (before.find(rows[i] as number) < 0) joining.expect(weights[i] as number)
    }
    for (let i = 0; i < count; i++) {
      const known = before.find(rows[i] as number)
      const weight = weights[i] as number
      const place = known < 0 ? joining.place(weight) : this.#wait(known)
      places[i] = place
      due[i] = place / weight
    }
    this.#rows = rows
    this.#weights = weights
    this.#places = places
    this.#now = 0
    this.due = due
  }

  /**
   * A candidate has its turn.
   *
   * @returns whether the due times of all have moved, by the same
   */
  take(candidate: number): boolean {
    this.#now = Math.max(this.#now, this.due[candidate] as number)
    this.#place(candidate, (this.#places[candidate] as number) + 1)
    if (this.#now < REBASE_AT) return false
    this.#rebase()
    return true
  }

  /** Of the turns that a candidate has let pass, one is left to it. */
  catchUp(candidate: number): void {
    const oneTurnLate = this.#now * (this.#weights[candidate] as number) - 1
    if ((this.#places[candidate] as number) < oneTurnLate) this.#place(candidate, oneTurnLate)
  }

  #place(candidate: number, place: number): void {
    this.#places[candidate] = place
    this.due[candidate] = place / (this.#weights[candidate] as number)
  }

  /** How much of its turn a candidate still has to wait, 0-1. */
  #wait(candidate: number): number {
    const place = this.#places[candidate] as number
    const wait = place - this.#now * (this.#weights[candidate] as number)
    return Math.min(Math.max(wait, 0), 1)
  }

  /** Moves everything back by the same whole cycles: nobody's turn comes sooner or later. */
  #rebase(): void {
    const cycles = Math.floor(this.#now)
    this.#now -= cycles
    this.#places.forEach((place, i) => {
      this.#place(i, place - cycles * (this.#weights[i] as number))
    })
  }
}

/** Spreads the candidates that join evenly over one turn, among those of the same weight. */
class Joining {
  readonly #random: Random
  readonly #groups = new Map<number, { size: number; placed: number; start: number }>()

  constructor(random: Random) {
    this.#random = random
  }

  expect(weight: number): void {
    const group = this.#groups.get(weight)
    if (group) group.size++
    else this.#groups.set(weight, { size: 1, placed: 0, start: this.#random() })
  }

  /** The wait of the next one of this weight, in turns, 0 to below 1. */
  place(weight: number): number {
    const group = this.#groups.get(weight) as { size: number; placed: number; start: number }
    return (group.start + group.placed++ / group.size) % 1
  }
}
