import { runWrk, type WrkRun, type WrkSummary } from '../../../bench/wrk.ts'
import type { Daemon } from './daemon.ts'
import { untilMoreRequests } from './metrics.ts'

/** Only what never happens takes so long. */
const LOAD_SECONDS_MAX = 100
const ANSWER_SECONDS_MAX = 60

/**
 * Load by wrk that lasts for as long as something takes, however slow the machine is.
 *
 * @param daemon is counted on: the load has begun when something does
 * @param something what happens under load
 * @returns what wrk has met with
 */
export async function underLoad(
  daemon: Daemon,
  run: Omit<WrkRun, 'seconds' | 'timeoutSeconds'>,
  something: () => Promise<void>,
): Promise<WrkSummary> {
  const stop = new AbortController()
  const limits = { seconds: LOAD_SECONDS_MAX, timeoutSeconds: ANSWER_SECONDS_MAX }
  const load = runWrk({ ...run, ...limits }, stop.signal)
  try {
    await untilMoreRequests(daemon, 2 * run.connections)
    await something()
  } finally {
    stop.abort()
    await load
  }
  return load
}
