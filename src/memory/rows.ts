import { SluiceError } from '../base/errors.ts'
import { ROWS_MAX } from './server-table.ts'

/** What a row of the server table stands for; the key says the same in one string. */
export type RowKey = `frontend ${string}` | `backend ${string}` | `server ${string}/${string}`

/**
 * Gives every frontend, backend and server a row of the server table, and the same row again
 * after a reload that keeps its name, so that counters and states live on.
 *
 * A row that is given up rests until `recycle`: threads may still hold sessions of the old owner.
 */
export class RowAllocator {
  readonly #rows = new Map<string, number>()
  readonly #free: number[] = []
  #resting: number[] = []
  #next = 0
  readonly #rowsMax: number

  constructor(rowsMax: number = ROWS_MAX) {
    this.#rowsMax = rowsMax
  }

  /** The row of a key, or undefined. */
  find(key: RowKey): number | undefined {
    return this.#rows.get(key)
  }

  /**
   * The row of a key, allotted on first use.
   *
   * @throws SluiceError `table-full`
   */
  take(key: RowKey): number {
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const row = this.#free.pop() ?? this.#next
    if (row >= this.#rowsMax) {
      throw new SluiceError('table-full', `more than ${this.#rowsMax} names are configured`)
    }
    if (row === this.#next) this.#next++
    this.#rows.set(key, row)
    return row
  }

  /** Gives up every row whose key is not named. They rest until {@link recycle}. */
  keepOnly(keys: ReadonlySet<RowKey>): void {
    for (const [key, row] of this.#rows) {
      if (keys.has(key as RowKey)) continue
      this.#rows.delete(key)
      this.#resting.push(row)
    }
  }

  /**
   * Frees rested rows that `isIdle` says nobody uses any more; the others rest on.
   *
   * @returns the rows that were freed, for the caller to clear
   */
  recycle(isIdle: (row: number) => boolean): number[] {
    const freed: number[] = []
    const resting: number[] = []
    for (const row of this.#resting) (isIdle(row) ? freed : resting).push(row)
    this.#resting = resting
    this.#free.push(...freed)
    return freed
  }
}
