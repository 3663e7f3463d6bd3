import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { until } from './waiting.ts'

/** The kernel's number of a socket that is listened on. */
const LISTEN = '0A'

/** How often a thread has to be found asleep: one that spins may wait for a lock once. */
const SLEEPS_SEEN_MIN = 10

/** Whether a process handles a signal by itself, as Linux tells it (proc(5), `SigCgt`). */
export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const [, caught = '0'] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
}

/** TCP ports that a process listens on. */
export function listeningPorts(pid: number): number[] {
  const own = new Set<string>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(linkAt(`/proc/${pid}/fd/${fd}`)) ?? []
    if (inode !== undefined) own.add(inode)
  }
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'latin1').trimEnd().split('\n').slice(1),
  )
  return rows.flatMap((row) => {
    const fields = row.trim().split(/ +/)
    const [, local = '', , state] = fields
    if (state !== LISTEN || !own.has(fields[9] ?? '')) return []
    return [Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)]
  })
}

/** Waits until every thread of a process has stopped, as by SIGSTOP. */
export async function untilStopped(pid: number): Promise<void> {
  await until(`every thread of process ${pid} to stop`, () => {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.every((thread) => stateOf(pid, thread) === 'T') || undefined
  })
}

/**
 * Waits until each thread of a process has been found asleep some times: one that spins never is.
 * Unlike the processor time that it takes, this does not depend on how busy the machine is.
 *
 * @throws Error after a minute
 */
export async function untilAllSleep(pid: number): Promise<void> {
  const sleeps = new Map<string, number>()
  await until(`all threads of process ${pid} to sleep`, () => {
    const threads = readdirSync(`/proc/${pid}/task`)
    for (const thread of threads) {
      if (stateOf(pid, thread) === 'S') sleeps.set(thread, (sleeps.get(thread) ?? 0) + 1)
    }
    return threads.every((thread) => (sleeps.get(thread) ?? 0) >= SLEEPS_SEEN_MIN) || undefined
  })
}

/** What a thread does, proc(5): S waits for something to happen, T is stopped. */
function stateOf(pid: number, thread: string): string | undefined {
  return /^.*\) (\S) /.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1'))?.[1]
}

/** Where a link leads; '' when it is gone meanwhile. */
function linkAt(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
