import { readdirSync, readFileSync } from 'node:fs'
import type { Daemon } from './daemon.ts'
import { until } from './waiting.ts'

/**
 * Stops a daemon where it is, on Linux: what happens to its connections meanwhile it finds all at
 * once when it is woken by SIGCONT, in the order in which it happened.
 */
export async function freeze({ pid, signal }: Daemon): Promise<void> {
  signal('SIGSTOP')
  await until('every thread to stop', () => {
    const states = readdirSync(`/proc/${pid}/task`).map((thread) => {
      const [, state] =
        /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1')) ?? []
      return state
    })
    return states.every((state) => state === 'T') ? true : undefined
  })
}
