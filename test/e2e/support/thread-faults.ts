import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from './temporary-folder.ts'
import { until } from './waiting.ts'

/** What a thread is made to do: throw, be within one event for ever, or within one system call. */
export type Fault = 'throw' | 'loop' | 'hang'

/** A way to make threads of a daemon fail that the daemon knows nothing of. */
export interface ThreadFaults {
  /** Variables that the daemon is to be started with. */
  readonly env: Readonly<Record<string, string>>
  /**
   * Makes a thread fail.
   *
   * @param thread `main`, or the threadId of a worker: 1 has the first, and each later one the next
   */
  readonly set: (thread: 'main' | number, fault: Fault) => void
  /** Resolves once a thread is about to fail. */
  readonly struck: (thread: 'main' | number) => Promise<unknown>
}

/** Runs in every thread before the daemon's own code, and looks into the folder for what to do. */
const PRELOADED = `
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { isMainThread, threadId } from 'node:worker_threads'
const place = new URL(isMainThread ? 'main' : String(threadId), import.meta.url)
function fault() {
  try { return readFileSync(place, 'utf8') } catch { return '' }
}
setInterval(() => {
  const wanted = fault()
  if (wanted !== '') writeFileSync(new URL(place + '-struck'), '')
  if (wanted === 'throw') throw new Error('a fault of thread ' + threadId)
  if (wanted === 'loop') for (;;);
  // Who opens a FIFO to read waits in open(2) for somebody to write.
  if (wanted === 'hang') openSync(new URL('fifo', import.meta.url))
}, 50).unref()
`

/** Prepares faults for one daemon. */
export function threadFaults(): ThreadFaults {
  const folder = temporaryFolder()
  const preloaded = join(folder, 'faults.mjs')
  writeFileSync(preloaded, PRELOADED)
  execFileSync('mkfifo', [join(folder, 'fifo')])
  return {
    env: { NODE_OPTIONS: `--import=${pathToFileURL(preloaded).href}` },
    set: (thread, fault) => writeFileSync(join(folder, String(thread)), fault),
    struck: (thread) => {
      const mark = join(folder, `${thread}-struck`)
      return until(`the fault of ${thread}`, () => (existsSync(mark) ? true : undefined))
    },
  }
}
