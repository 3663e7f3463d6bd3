/** Glitches a second that are forgiven: what a well-meant end does over days is never too much. */
const FORGIVEN_PER_SECOND = 20
const MS_PER_SECOND = 1000

/**
 * How much of what is allowed, but of no use, one end has done: it costs work and carries nothing.
 * Resets, settings, pings, empty frames and the like (CVE-2019-9511 to 9518, CVE-2023-44487,
 * CVE-2024-27316). HAProxy: `tune.h2.fe.glitches-threshold`.
 */
export class Glitches {
  readonly #max: number
  #count = 0
  #countedMs = 0

  /** @param max glitches that are borne at once */
  constructor(max: number) {
    this.#max = max
  }

  /** What stands to its account. */
  get count(): number {
    return this.#count
  }

  /** The time is `nowMs`, by any clock that never goes back. */
  forgive(nowMs: number): void {
    const forgiven = ((nowMs - this.#countedMs) * FORGIVEN_PER_SECOND) / MS_PER_SECOND
    this.#count = Math.max(0, this.#count - forgiven)
    this.#countedMs = nowMs
  }

  /** One more. @returns whether it was one too many */
  add(): boolean {
    return ++this.#count > this.#max
  }
}
