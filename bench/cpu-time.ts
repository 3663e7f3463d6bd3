import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds of one clock tick in /proc/PID/stat: Linux reports 100 a second (USER_HZ). */
const TICK_US = 10_000

/** CPU time that a process has used, in microseconds. */
export interface CpuTime {
  readonly userUs: number
  readonly systemUs: number
}

interface ProcessStat extends CpuTime {
  readonly parent: number
}

/** Fields of /proc/PID/stat (man 5 proc); the time covers all threads. Null: no such process. */
function readStat(pid: number): ProcessStat | null {
  let line: string
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return null
  }
  // The command name may hold spaces and parentheses; what follows it begins with field 3.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return { parent: field(4), userUs: field(14) * TICK_US, systemUs: field(15) * TICK_US }
}

/** The process and those it started: nginx works in a child of the one that was spawned. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? readStat(pid) : null
    if (stat !== null) parents.set(pid, stat.parent)
  }
  const tree = [root]
  for (const member of tree) {
    for (const [pid, parent] of parents) if (parent === member) tree.push(pid)
  }
  return tree
}

/** CPU time that processes have used together, all threads included. */
export function cpuTimeOf(pids: readonly number[]): CpuTime {
  let userUs = 0
  let systemUs = 0
  for (const pid of pids) {
    const stat = readStat(pid)
    userUs += stat?.userUs ?? 0
    systemUs += stat?.systemUs ?? 0
  }
  return { userUs, systemUs }
}

/** Resident memory of processes together, in bytes (VmRSS); the kernel's socket buffers are not in it. */
export function residentBytesOf(pids: readonly number[]): number {
  let bytes = 0
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    bytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }
  return bytes
}
