import { readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'

const SAMPLE_INTERVAL_MS = 50

/** Bytes of memory that a process has resident (proc(5), VmRSS), on Linux. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? []
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory`)
  return Number(kilobytes) * 1024
}

/** Samples the resident memory of a process until the test is over; tells the most it was. */
export function watchMemory(pid: number): () => number {
  let most = residentBytes(pid)
  const sample = (): void => {
    most = Math.max(most, residentBytes(pid))
  }
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS)
  onTestFinished(() => clearInterval(timer))
  return () => {
    sample()
    return most
  }
}
