import type { Random } from '../model/clock.ts'
import type { Candidates, Strategy } from './strategy.ts'

/** Virtual time at which all places are moved back, so that they do not lose their fractions. */
const REBASE_AT = 2 ** 10

/** Children of a node of the heap: four neighbours share a cache line. */
const ARITY = 4

/**
 * Weighted round robin, dynamic: turns are spread evenly over virtual time, in which a server of
 * weight w is due every 1/w. A heap holds the servers by the time they are next due.
 *
 * Invariant: between rebuilds, any run of as many picks as the weights add up to picks every
 * server exactly as often as its weight. Servers that stay keep how far they are from their next
 * turn, as a share of it, so that neither a new weight nor a flapping neighbour causes a burst.
 * Those that join are spread evenly, from a random start, which also keeps threads out of step.
 *
 * O(log n) a pick. HAProxy configuration manual, balance roundrobin; the idea is that of stride
 * scheduling (Waldspurger and Weihl, 1995).
 */
export class RoundRobin implements Strategy {
  readonly #random: Random
  #rows = new Int32Array(0)
  #weights = new Int32Array(0)
  /** Per candidate: when it is next due, counted in its own turns. */
  #places = new Float64Array(0)
  /** The heap: candidates, and beside each its place over its weight. */
  #order = new Int32Array(0)
  #due = new Float64Array(0)
  #now = 0

  constructor(random: Random) {
    this.#random = random
  }

  rebuild(candidates: Candidates): void {
    const { count } = candidates
    const rows = candidates.rows.slice(0, count)
    const weights = candidates.weights.slice(0, count)
    const waits = this.#waits()
    const joining = new Joining(this.#random)
    for (let i = 0; i < count; i++) {
      if (!waits.has(rows[i] as number)) joining.expect(weights[i] as number)
    }
    this.#places = Float64Array.from(
      rows,
      (row, i) => waits.get(row) ?? joining.place(weights[i] as number),
    )
    this.#rows = rows
    this.#weights = weights
    this.#now = 0
    this.#order = new Int32Array(count)
    this.#due = new Float64Array(count)
    for (let i = count - 1; i >= 0; i--) this.#settle(i, i, count)
  }

  pick(_key: number, avoidRow: number): number {
    const count = this.#order.length
    if (count === 0) return -1
    let slot = 0
    if (count > 1 && this.#rows[this.#order[0] as number] === avoidRow) {
      slot = this.#earliestChild(0, count)
    }
    const picked = this.#order[slot] as number
    this.#now = Math.max(this.#now, this.#due[slot] as number)
    this.#places[picked] = (this.#places[picked] as number) + 1
    this.#settle(slot, picked, count)
    if (this.#now >= REBASE_AT) this.#rebase()
    return picked
  }

  /** By row: how much of its turn a candidate still has to wait, 0-1. */
  #waits(): Map<number, number> {
    const waits = new Map<number, number>()
    this.#rows.forEach((row, i) => {
      const wait = (this.#places[i] as number) - this.#now * (this.#weights[i] as number)
      waits.set(row, Math.min(Math.max(wait, 0), 1))
    })
    return waits
  }

  /** Puts a candidate where it belongs at or below a slot of the heap that is free. */
  #settle(slot: number, candidate: number, count: number): void {
    const order = this.#order
    const due = this.#due
    const dueTime = (this.#places[candidate] as number) / (this.#weights[candidate] as number)
    let free = slot
    for (;;) {
      const child = this.#earliestChild(free, count)
      if (child < 0) break
      const childDue = due[child] as number
      // Of two that are due together the lower candidate goes first, every time round.
      if (childDue > dueTime || (childDue === dueTime && (order[child] as number) > candidate)) {
        break
      }
      order[free] = order[child] as number
      due[free] = childDue
      free = child
    }
    order[free] = candidate
    due[free] = dueTime
  }

  #earliestChild(slot: number, count: number): number {
    const due = this.#due
    const first = slot * ARITY + 1
    if (first >= count) return -1
    const end = Math.min(first + ARITY, count)
    let earliest = first
    let earliestDue = due[first] as number
    for (let child = first + 1; child < end; child++) {
      const childDue = due[child] as number
      if (childDue > earliestDue) continue
      if (childDue === earliestDue && !this.#isListedBefore(child, earliest)) continue
      earliest = child
      earliestDue = childDue
    }
    return earliest
  }

  #isListedBefore(slot: number, other: number): boolean {
    return (this.#order[slot] as number) < (this.#order[other] as number)
  }

  /** Moves everything back by the same whole cycles: nobody's turn comes sooner or later. */
  #rebase(): void {
    const cycles = Math.floor(this.#now)
    this.#now -= cycles
    for (let i = 0; i < this.#places.length; i++) {
      this.#places[i] = (this.#places[i] as number) - cycles * (this.#weights[i] as number)
    }
    this.#order.forEach((candidate, slot) => {
      this.#due[slot] = (this.#places[candidate] as number) / (this.#weights[candidate] as number)
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
