import type { Scheduler } from '../driver/scheduler.ts'

/** The time of this process. */
export const nodeScheduler: Scheduler = {
  nowMs: () => performance.now(),
  callAt(atMs, call) {
    const delayMs = atMs - performance.now()
    if (delayMs <= 0) {
      const immediate = setImmediate(call)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(call, Math.ceil(delayMs))
    return () => clearTimeout(timer)
  },
}
