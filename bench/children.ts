import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const STOP_TIMEOUT_MS = 10_000
const READY_TIMEOUT_MS = 15_000
const READY_POLL_MS = 50
const STDERR_CHARS_MAX = 4_000

/** A process that the benchmark started, and must end. */
export interface Child {
  readonly name: string
  readonly pid: number
  /** The end of what it wrote to standard error. */
  readonly stderr: () => string
  /** True once it has ended. */
  readonly ended: () => boolean
  /** SIGTERM, and SIGKILL when it does not leave in 10 seconds. */
  readonly stop: () => Promise<void>
}

const living = new Set<ChildProcess>()

process.once('exit', () => {
  for (const child of living) child.kill('SIGTERM')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(130))
}

/** Starts a program on some cores. Standard output is dropped. */
export function startPinned(
  name: string,
  cores: readonly number[],
  command: string,
  args: readonly string[],
): Child {
  const child = spawn('taskset', ['-c', cores.join(','), command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (child.pid === undefined) throw new Error(`${name} could not be started`)
  living.add(child)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-STDERR_CHARS_MAX)
  })
  const closed = once(child, 'close').then(() => living.delete(child))
  const stop = async (): Promise<void> => {
    const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    child.kill('SIGTERM')
    await closed
    clearTimeout(deadline)
  }
  return { name, pid: child.pid, stderr: () => stderr, ended: () => !living.has(child), stop }
}

/**
 * Waits until a URL answers with 200.
 *
 * @throws Error with what the process wrote, when it ends or does not answer in 15 seconds
 */
export async function untilAnswers(child: Child, url: string): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < deadline && !child.ended()) {
    const response = await fetch(url).catch(() => null)
    await response?.arrayBuffer()
    if (response?.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS))
  }
  throw new Error(`${child.name} does not answer on ${url}:\n${child.stderr()}`)
}
