import type { PlannedServer } from '../../model/plan.ts'
import type { OnShortage, OwnFailure } from '../../model/shortage.ts'

/**
 * What this worker has lacked for connections to its servers: told on once for each server and kind
 * between two sweeps, however many sessions meet it.
 */
export class Shortages {
  readonly #tell: OnShortage
  /** By kind: rows of servers. */
  readonly #told: Readonly<Record<OwnFailure, Set<number>>> = {
    exhausted: new Set(),
    portless: new Set(),
  }

  constructor(tell: OnShortage) {
    this.#tell = tell
  }

  /** A server could not be connected to. */
  note(failure: OwnFailure, { row, address }: Pick<PlannedServer, 'row' | 'address'>): void {
    const told = this.#told[failure]
    if (told.has(row)) return
    told.add(row)
    this.#tell(failure, address)
  }

  /** What is lacked from now on is told anew. Housekeeping, about once a second. */
  sweep(): void {
    for (const told of Object.values(this.#told)) told.clear()
  }
}
