/**
 * Whether a server is up, judged from its checks by HAProxy's rise and fall (configuration manual,
 * `rise`, `fall`). The whole state is one counter, the health:
 *
 * ```
 *  0 ............ rise - 1 | rise ............ rise + fall - 1
 *  down, passed so far     | up, failures left to stand: health - rise + 1
 * ```
 *
 * A pass adds one, a failure takes one. Whoever crosses the border goes to the far end of the
 * other side, so that a server that has come up must fail `fall` times in a row to go down, and
 * one that is down must pass `rise` times in a row to come up.
 */

/** Checks in a row that change the verdict. */
export interface Thresholds {
  /** Passes that bring a server up, at least 1. HAProxy's default is 2. */
  readonly rise: number
  /** Failures that take it down, at least 1. HAProxy's default is 3. */
  readonly fall: number
}

/**
 * The health of a server that has not been checked yet. It is up, but on trial: the first failure
 * takes it down, as in HAProxy.
 */
export function initialHealth({ rise }: Thresholds): number {
  return rise
}

/** The verdict that a health stands for. */
export function isUp(health: number, { rise }: Thresholds): boolean {
  return health >= rise
}

/** The health after one more check. */
export function nextHealth(health: number, passed: boolean, { rise, fall }: Thresholds): number {
  if (passed) return health + 1 >= rise ? rise + fall - 1 : health + 1
  return health - 1 < rise ? 0 : health - 1
}

/**
 * The health under other thresholds, as when a reload changes them: the verdict stays, and what
 * was counted towards the next one is forgotten.
 */
export function carryHealth(health: number, before: Thresholds, after: Thresholds): number {
  return isUp(health, before) ? initialHealth(after) : 0
}

/** How long a server's checks are apart, in milliseconds. */
export interface Intervals {
  readonly interMs: number
  readonly fastInterMs: number
  readonly downInterMs: number
}

/**
 * How long after a check the next one is due (HAProxy configuration manual, `inter`, `fastinter`,
 * `downinter`): `inter` for a server that is fully up, `downinter` for one that is fully down,
 * `fastinter` in between, where the next checks will decide.
 */
export function intervalMs(health: number, check: Thresholds & Intervals): number {
  if (health >= check.rise + check.fall - 1) return check.interMs
  return health === 0 ? check.downInterMs : check.fastInterMs
}
