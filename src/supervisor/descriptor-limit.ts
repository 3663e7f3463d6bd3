import { readFileSync } from 'node:fs'

/** Descriptors that the daemon itself may need: logs, listeners, checks, the admin address. */
const OWN_DESCRIPTORS = 200

/** What the process may have open, as far as the system tells. */
export interface DescriptorBudget {
  /** Client connections that can be accepted at most. */
  readonly connectionsMax: number
  /** Whether each of `global.maxconn` clients can also have a server connection. */
  readonly isEnough: boolean
}

/**
 * Holds `global.maxconn` against the limit of open files. Node raises the soft limit to the hard
 * one when it starts.
 */
export function descriptorBudget(maxconn: number): DescriptorBudget {
  const limit = openFilesMax()
  return {
    connectionsMax: Math.max(Math.min(maxconn, limit - OWN_DESCRIPTORS), 1),
    isEnough: 2 * maxconn + OWN_DESCRIPTORS <= limit,
  }
}

/** The soft limit of open files; without /proc, none is known. */
function openFilesMax(): number {
  try {
    const [, soft = ''] =
      /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === '' ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
