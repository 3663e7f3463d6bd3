/** Causes that are told apart; further ones are one. */
const CAUSES_MAX = 64

/** How long a worker has to live for its death to be held unrelated to the ones before. */
const CALM_MS = 60_000

/** What a second successor in a row is waited with, doubled with each further one. */
const DELAY_MIN_MS = 100

/**
 * The longest wait for the successor of a worker that has served. Short, because who finds out how
 * to end workers must not get more than one for each of these.
 */
const DELAY_MAX_MS = 5_000

/** The longest wait for the successor of one that could not start: it will hardly fare better. */
const START_DELAY_MAX_MS = 60_000

/** Starts in a row that may fail in one place while no other worker serves. */
const STARTS_MAX = 5

/** A death, as its place has to know it. */
export interface Death {
  /** How long the thread lived. */
  readonly livedMs: number
  /** Whether it ever ran a plan. */
  readonly hadStarted: boolean
  /** Whether it was ended because it did not answer. */
  readonly wasStuck: boolean
  /** What it threw; undefined: nothing. */
  readonly failure: unknown
}

/** The deaths of the workers of one place, one after the other. */
export class DeathsInRow {
  #deaths = 0
  #failedStarts = 0

  note({ livedMs, hadStarted }: Death): void {
    if (livedMs >= CALM_MS) this.#deaths = 0
    this.#deaths++
    this.#failedStarts = hadStarted ? 0 : this.#failedStarts + 1
  }

  /** Whether nobody can expect another start to succeed. */
  get cannotStart(): boolean {
    return this.#failedStarts >= STARTS_MAX
  }

  /**
   * How long to wait with the successor: the first follows at once.
   *
   * @param doOthersServe where none does, the wait never grows
   */
  delayMs(doOthersServe: boolean): number {
    if (this.#deaths <= 1) return 0
    if (!doOthersServe) return DELAY_MIN_MS
    const delayMaxMs = this.#failedStarts > 0 ? START_DELAY_MAX_MS : DELAY_MAX_MS
    return Math.min(DELAY_MIN_MS * 2 ** (this.#deaths - 2), delayMaxMs)
  }
}

/** Counts deaths by their cause, so that each is told in full once. */
export class DeathCauses {
  readonly #counts = new Map<string, number>()
  #total = 0

  /** All deaths so far. */
  get total(): number {
    return this.#total
  }

  /** @returns how many deaths had this cause, with this one */
  note(death: Death): number {
    this.#total++
    const cause = causeOf(death)
    const key = this.#counts.has(cause) || this.#counts.size < CAUSES_MAX ? cause : 'another'
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count
  }
}

/** Tells causes apart by where they arose, since messages name rows, numbers and peers. */
function causeOf({ wasStuck, failure }: Death): string {
  if (wasStuck) return 'stuck'
  if (!(failure instanceof Error)) return String(failure)
  const frames = failure.stack?.split('\n').filter((line) => /^ +at /.test(line)) ?? []
  return frames.length === 0 ? String(failure) : frames.join('\n')
}
