import type { Loads } from '../strategy.ts'
import type { Turns } from './turns.ts'

/** Candidates in a row that each pick looks at again, whatever their place in the tree. */
export const SWEPT = 4

/** Candidates that a pick finds changed one after the other until it looks at all instead. */
export const STALE_MAX = 128

/**
 * A tournament of candidates: the one wins that had the fewest sessions for its weight when it was
 * last looked at, and of equal ones the one whose turn comes first. A node holds the winner below.
 *
 * Other threads give and end sessions without notice. Therefore:
 *
 * - what a pick takes is looked at first, so that nobody is picked for having had few sessions
 *   once: while sessions only come, the least is exact;
 * - each pick looks at {@link SWEPT} more in turn, so that whoever has lost sessions is seen to
 *   within count / SWEPT picks.
 *
 * O(log n) a pick, and O(log n) for each time that a session of another thread is seen.
 */
export class LoadTree {
  readonly #rows: Int32Array
  readonly #weights: Int32Array
  readonly #turns: Turns
  readonly #loads: Loads
  readonly #count: number
  /** Per candidate: its sessions when last looked at, and these for its weight. */
  readonly #seen: Int32Array
  readonly #ratios: Float64Array
  /** Node k stands over 2k and 2k + 1; node count + i is candidate i itself. */
  readonly #winners: Int32Array
  /** The candidate that was picked last: it has another turn, and most likely another session. */
  #last = -1
  #next = 0

  /** The arrays are the caller's, and must stay as they are. There are two candidates at least. */
  constructor(rows: Int32Array, weights: Int32Array, turns: Turns, loads: Loads) {
    this.#rows = rows
    this.#weights = weights
    this.#turns = turns
    this.#loads = loads
    this.#count = rows.length
    this.#seen = rows.map((row) => loads(row))
    this.#ratios = Float64Array.from(this.#seen, (load, i) => load / (weights[i] as number))
    this.#winners = new Int32Array(this.#count)
    this.#playAll()
  }

  /** Where the looking in turn begins. */
  sweepFrom(candidate: number): void {
    this.#next = candidate
  }

  /** As `Strategy.pick`. */
  pick(avoidRow: number): number {
    const turns = this.#turns
    if (this.#last >= 0) {
      this.#look(this.#last)
      this.#play(this.#last)
    }
    this.#sweep()
    let picked = this.#winner(avoidRow)
    for (let stale = 1; this.#see(picked); stale++) {
      if (stale === STALE_MAX) this.#lookAtAll()
      picked = this.#winner(avoidRow)
      if (stale === STALE_MAX) break
    }
    turns.catchUp(picked)
    if (turns.take(picked)) this.#playAll()
    this.#last = picked
    return picked
  }

  #sweep(): void {
    for (let left = SWEPT; left > 0; left--) {
      this.#see(this.#next)
      this.#next = this.#next + 1 === this.#count ? 0 : this.#next + 1
    }
  }

  /** @returns whether the candidate has other sessions than it was last seen with */
  #see(candidate: number): boolean {
    if (!this.#look(candidate)) return false
    this.#play(candidate)
    return true
  }

  #look(candidate: number): boolean {
    const load = this.#loads(this.#rows[candidate] as number)
    if (load === this.#seen[candidate]) return false
    this.#seen[candidate] = load
    this.#ratios[candidate] = load / (this.#weights[candidate] as number)
    return true
  }

  #winner(avoidRow: number): number {
    const winner = this.#winners[1] as number
    return this.#rows[winner] === avoidRow ? this.#second(winner) : winner
  }

  /** The best of those that have lost to the winner. */
  #second(winner: number): number {
    let best = -1
    for (let node = this.#count + winner; node > 1; node >>= 1) {
      const other = this.#winnerAt(node ^ 1)
      if (best < 0 || this.#beats(other, best)) best = other
    }
    return best
  }

  /** Plays again what a candidate has a part in. */
  #play(candidate: number): void {
    const winners = this.#winners
    for (let node = (this.#count + candidate) >> 1; node > 0; node >>= 1) {
      const before = winners[node]
      const winner = this.#playAt(node)
      winners[node] = winner
      // Above, nobody knows of the change.
      if (winner === before && winner !== candidate) return
    }
  }

  #lookAtAll(): void {
    for (let i = 0; i < this.#count; i++) this.#look(i)
    this.#playAll()
  }

  #playAll(): void {
    for (let node = this.#count - 1; node > 0; node--) this.#winners[node] = this.#playAt(node)
  }

  #playAt(node: number): number {
    const left = this.#winnerAt(2 * node)
    const right = this.#winnerAt(2 * node + 1)
    return this.#beats(right, left) ? right : left
  }

  #winnerAt(node: number): number {
    return node < this.#count ? (this.#winners[node] as number) : node - this.#count
  }

  #beats(candidate: number, other: number): boolean {
    const more = (this.#ratios[candidate] as number) - (this.#ratios[other] as number)
    if (more !== 0) return more < 0
    const { due } = this.#turns
    const later = (due[candidate] as number) - (due[other] as number)
    return later < 0 || (later === 0 && candidate < other)
  }
}
