import type { Candidates, Strategy, StrategyContext } from './strategy.ts'
import { RowIndex } from './structures/row-index.ts'
import { WeightedDraws } from './structures/weighted-draws.ts'

/** Time in which what was learned fades to a third. Finagle's default. */
const DECAY_MS = 10_000

/** Response times count as no shorter: a server that has none left would win whatever its load. */
const RESPONSE_MS_MIN = 0.01

/** What a server counts as that has sessions and has never answered: more than any other. */
const UNKNOWN_RESPONSE_MS = 1e9

/**
 * Draws two servers at random by weight and takes the one that promises to answer sooner: its
 * response time, times the sessions that it would then have, over its weight. A response time
 * jumps to a longer one at once and falls slowly to a shorter one, so that a server that begins to
 * fail is left alone in time; what is long ago fades, so that it is tried again.
 *
 * Response times are those that this thread has seen; sessions are those of all threads. Time
 * passes with the answers: nothing fades while nobody answers. A server that has not answered yet
 * gets one session to show what it can do.
 *
 * O(log n) a pick. Finagle, PeakEwma; Mitzenmacher, The power of two choices (2001).
 */
export class PeakEwma implements Strategy {
  readonly #context: StrategyContext
  readonly #draws: WeightedDraws
  #rows = new Int32Array(0)
  #weights = new Int32Array(0)
  #index = new RowIndex(this.#rows)
  /** Per candidate: its response time when it last answered; -1 before. */
  #responsesMs = new Float64Array(0)
  #answeredMs = new Float64Array(0)
  /** The last moment at which a server has answered. */
  #nowMs = 0

  constructor(context: StrategyContext) {
    this.#context = context
    this.#draws = new WeightedDraws(context.random)
  }

  rebuild(candidates: Candidates): void {
    const { count } = candidates
    const rows = candidates.rows.slice(0, count)
    const responsesMs = new Float64Array(count).fill(-1)
    const answeredMs = new Float64Array(count)
    for (let i = 0; i < count; i++) {
      const before = this.#index.find(rows[i] as number)
      if (before < 0) continue
      responsesMs[i] = this.#responsesMs[before] as number
      answeredMs[i] = this.#answeredMs[before] as number
    }
    this.#rows = rows
    this.#weights = candidates.weights.slice(0, count)
    this.#index = new RowIndex(rows)
    this.#responsesMs = responsesMs
    this.#answeredMs = answeredMs
    this.#draws.rebuild(this.#weights)
  }

  pick(_key: number, avoidRow: number): number {
    const count = this.#rows.length
    if (count < 2) return count - 1
    let first = this.#draws.draw()
    if (this.#rows[first] === avoidRow) first = this.#draws.drawOther(first)
    const second = this.#draws.drawOther(first)
    if (this.#rows[second] === avoidRow) return first
    return this.#cost(second) < this.#cost(first) ? second : first
  }

  /** As they are drawn, one after the other. */
  order(): Iterable<number> {
    return this.#draws.all()
  }

  observe(row: number, responseMs: number, nowMs: number): void {
    const candidate = this.#index.find(row)
    if (candidate < 0) return
    this.#nowMs = Math.max(this.#nowMs, nowMs)
    const knownMs = this.#responsesMs[candidate] as number
    const kept = this.#share(candidate)
    this.#responsesMs[candidate] =
      responseMs >= knownMs ? responseMs : knownMs * kept + responseMs * (1 - kept)
    this.#answeredMs[candidate] = this.#nowMs
  }

  forget(row: number): void {
    const candidate = this.#index.find(row)
    if (candidate >= 0) this.#responsesMs[candidate] = -1
  }

  #cost(candidate: number): number {
    const load = this.#context.loads(this.#rows[candidate] as number)
    const knownMs = this.#responsesMs[candidate] as number
    const weight = this.#weights[candidate] as number
    if (knownMs < 0) return load === 0 ? 0 : (UNKNOWN_RESPONSE_MS * (load + 1)) / weight
    const responseMs = Math.max(knownMs * this.#share(candidate), RESPONSE_MS_MIN)
    return (responseMs * (load + 1)) / weight
  }

  /** What is left by now of what was known when it last answered, 0-1. */
  #share(candidate: number): number {
    return Math.exp(((this.#answeredMs[candidate] as number) - this.#nowMs) / DECAY_MS)
  }
}
