import type { Clock } from '../base/clock.ts'
import { type ServerTable, THROTTLE_STEPS } from '../memory/server-table.ts'
import type { ServerLife } from './server-life.ts'
import { stepsAfter } from './slow-start.ts'

/** How often servers that start slowly are looked at: many that come up together cost one look. */
const LOOK_MS = 100

/** Holds servers back that have come up and start slowly: writes their steps as time passes. */
export class SlowStarts {
  readonly #table: ServerTable
  readonly #clock: Clock
  readonly #starting = new Set<ServerLife>()
  #timer: NodeJS.Timeout | undefined

  constructor(table: ServerTable, clock: Clock) {
    this.#table = table
    this.#clock = clock
  }

  /** Brings the server table to where a server is in its slow start. */
  settle(life: ServerLife): void {
    if (this.#write(life)) this.#starting.delete(life)
    else this.#starting.add(life)
    if (this.#starting.size === 0) this.stop()
    else this.#timer ??= setInterval(() => this.#look(), LOOK_MS)
  }

  /** Forgets all servers; those that are still there are to be settled again. */
  clear(): void {
    this.#starting.clear()
    this.stop()
  }

  /** Holds everybody where they are. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    for (const life of this.#starting) if (this.#write(life)) this.#starting.delete(life)
    if (this.#starting.size === 0) this.stop()
  }

  /** @returns whether it gives all that it has */
  #write({ server, upSinceMs, traits }: ServerLife): boolean {
    const isStarting = upSinceMs !== null && server.slowStartMs > 0
    const steps = isStarting
      ? stepsAfter(this.#clock() - upSinceMs, server.slowStartMs)
      : THROTTLE_STEPS
    this.#table.setSteps(server.row, traits.raisesWeight ? steps : THROTTLE_STEPS, steps)
    return steps === THROTTLE_STEPS
  }
}
