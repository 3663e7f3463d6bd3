import type { Candidates, Loads, Strategy } from './strategy.ts'

/** The first servers, of which a pick looks at each. */
const ALWAYS_SCANNED = 128

/** Servers behind those that were full, and of which a pick looks at some in turn. */
const RESCANNED = 64

/**
 * The first server in the order of the config that has room, so that the last ones stay idle.
 * Weights do not matter. Where nobody has room it is the first one, and where servers have no
 * bound (`maxconn`) it always is.
 *
 * Exact among the first {@link ALWAYS_SCANNED} servers; of those behind that were full, one that
 * has room again is found within some picks. O(1) a pick as long as servers seldom fill up. HAProxy
 * configuration manual, balance first.
 */
export class First implements Strategy {
  readonly #loads: Loads
  #rows = new Int32Array(0)
  #capacities = new Int32Array(0)
  /** The servers between those that are always scanned and this one were full. */
  #open = 0
  /** Where the next look at them begins. */
  #rescan = ALWAYS_SCANNED

  constructor(loads: Loads) {
    this.#loads = loads
  }

  rebuild({ count, rows, capacities }: Candidates): void {
    this.#rows = rows.slice(0, count)
    this.#capacities = capacities.slice(0, count)
    this.#open = Math.min(count, ALWAYS_SCANNED)
    this.#rescan = ALWAYS_SCANNED
  }

  pick(_key: number, avoidRow: number): number {
    const count = this.#rows.length
    if (count < 2) return count - 1
    let found = this.#find(0, Math.min(count, ALWAYS_SCANNED), avoidRow)
    if (found < 0 && count > ALWAYS_SCANNED) found = this.#findBehind(count, avoidRow)
    if (found >= 0) return found
    return this.#rows[0] === avoidRow ? 1 : 0
  }

  /** In the order of the config: those that have room, and then the others. */
  *order(): Generator<number, void> {
    const full: number[] = []
    for (let i = 0; i < this.#rows.length; i++) {
      if (this.#hasRoom(i)) yield i
      else full.push(i)
    }
    yield* full
  }

  #hasRoom(candidate: number): boolean {
    const capacity = this.#capacities[candidate] as number
    return capacity === 0 || this.#loads(this.#rows[candidate] as number) < capacity
  }

  #findBehind(count: number, avoidRow: number): number {
    const end = Math.min(this.#rescan + RESCANNED, this.#open)
    const again = this.#find(this.#rescan, end, avoidRow)
    this.#rescan = again >= 0 || end === this.#open ? ALWAYS_SCANNED : end
    if (again >= 0) return again
    const found = this.#find(this.#open, count, avoidRow)
    this.#open = found < 0 ? count : found
    return found
  }

  /** The first of `[from, end)` that has room, or -1. */
  #find(from: number, end: number, avoidRow: number): number {
    for (let i = from; i < end; i++) {
      if (this.#hasRoom(i) && this.#rows[i] !== avoidRow) return i
    }
    return -1
  }
}
