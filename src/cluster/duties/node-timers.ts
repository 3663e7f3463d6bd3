/** The time of a cluster node, so that tests can be the clock. */
export interface NodeTimers {
  /** Milliseconds since an arbitrary start, never going back. */
  nowMs(): number
  /** Milliseconds since 1970. */
  wallMs(): number
  /** Does something later, unless the returned function is called before. */
  after(delayMs: number, work: () => void): () => void
}

/** The time of the machine. */
export const SYSTEM_TIMERS: NodeTimers = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, work) => {
    const timer = setTimeout(work, delayMs)
    return () => clearTimeout(timer)
  },
}
