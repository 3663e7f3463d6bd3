import type { Random } from '../base/clock.ts'
import type { Candidates, Strategy } from './strategy.ts'
import { ascending } from './structures/orders.ts'
import { Turns } from './structures/turns.ts'

/** Children of a node of the heap: four neighbours share a cache line. */
const ARITY = 4

/**
 * Weighted round robin, dynamic: a heap holds the servers by the time at which they are next due
 * ({@link Turns}).
 *
 * Invariant: between rebuilds, any run of as many picks as the weights add up to picks every
 * server exactly as often as its weight.
 *
 * O(log n) a pick. HAProxy configuration manual, balance roundrobin.
 */
export class RoundRobin implements Strategy {
  readonly #turns: Turns
  #rows = new Int32Array(0)
  /** The heap: candidates, and beside each when it is due. */
  #order = new Int32Array(0)
  #due = new Float64Array(0)

  constructor(random: Random) {
    this.#turns = new Turns(random)
  }

  rebuild(candidates: Candidates): void {
    const { count } = candidates
    this.#rows = candidates.rows.slice(0, count)
    this.#turns.rebuild(candidates, this.#rows, candidates.weights.slice(0, count))
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
    if (this.#turns.take(picked)) this.#readDue()
    this.#settle(slot, picked, count)
    return picked
  }

  /** By the time at which each is next due. */
  order(): Iterable<number> {
    return ascending(this.#turns.due)
  }

  /** Puts a candidate where it belongs at or below a slot of the heap that is free. */
  #settle(slot: number, candidate: number, count: number): void {
    const order = this.#order
    const due = this.#due
    const dueTime = this.#turns.due[candidate] as number
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

  /** All have moved by the same: the heap stays as it is. */
  #readDue(): void {
    this.#order.forEach((candidate, slot) => {
      this.#due[slot] = this.#turns.due[candidate] as number
    })
  }
}
