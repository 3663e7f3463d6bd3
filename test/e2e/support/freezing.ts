import type { Daemon } from './daemon.ts'
import { untilStopped } from './process-state.ts'

/**
 * Stops a daemon where it is, on Linux: what happens to its connections meanwhile it finds all at
 * once when it is woken by SIGCONT, in the order in which it happened.
 */
export async function freeze({ pid, signal }: Daemon): Promise<void> {
  signal('SIGSTOP')
  await untilStopped(pid)
}
