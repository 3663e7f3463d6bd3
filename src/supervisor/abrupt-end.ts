import { systemCalls } from '../net/system-calls.ts'

/**
 * Ends the process now, whatever its threads do: Node's own way waits for each of them, and so for
 * ever for one that hangs within a system call. What the logs were given is written; LevelDB finds
 * its store as after a crash, which it is made for.
 *
 * @param status that the process ends with; where no system call can be made, a signal ends it
 */
export function endAbruptly(status: number): void {
  try {
    systemCalls()._exit(status)
  } catch {
    process.kill(process.pid, 'SIGKILL')
  }
}
