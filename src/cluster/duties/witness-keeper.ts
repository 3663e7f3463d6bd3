import type { NodeStatus } from '../../consensus/engine-status.ts'
import { WITNESSES_MAX } from '../state-machine/bounds.ts'

/** A node that has been gone for so long has no say in health any more. */
const GONE_MS = 5_000

/** A node that is back for so long has a say again. */
const BACK_MS = 1_000

interface Sight {
  readonly isReachable: boolean
  readonly sinceMs: number
}

/** The leader's view of which nodes have a say in health. */
export class WitnessKeeper {
  #sights = new Map<string, Sight>()

  /** It leads no more, or does again: what it saw before counts no longer. */
  reset(): void {
    this.#sights = new Map()
  }

  /**
   * Looks at the nodes as they are now; to be called at short intervals.
   *
   * @param witnesses who has a say at present
   * @returns who should have, sorted
   */
  look(
    nodes: readonly NodeStatus[],
    witnesses: readonly string[],
    nowMs: number,
  ): readonly string[] {
    const sights = new Map<string, Sight>()
    for (const { name, membership, isReachable } of nodes) {
      if (membership === 'invited') continue
      const before = this.#sights.get(name)
      const now = isReachable === true
      sights.set(name, before?.isReachable === now ? before : { isReachable: now, sinceMs: nowMs })
    }
    this.#sights = sights
    const isFirst = witnesses.length === 0
    return [...sights]
      .filter(([name, { isReachable, sinceMs }]) => {
        const forMs = nowMs - sinceMs
        if (witnesses.includes(name)) return isReachable || forMs < GONE_MS
        return isReachable && (isFirst || forMs >= BACK_MS)
      })
      .map(([name]) => name)
      .sort()
      .slice(0, WITNESSES_MAX)
  }
}
