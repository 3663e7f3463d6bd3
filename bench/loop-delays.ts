import { appendFileSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

/*
 * Loaded by every thread of a daemon that is to be measured (`node --import`), with the folder that
 * the figures go to in `SLUICE_BENCH_DELAYS`; and by the benchmark, which reads them.
 */

/** How often the timer fires that is late when its thread is held. */
const RESOLUTION_MS = 2

/** How often a thread writes down how long it was held at most. */
const NOTE_INTERVAL_MS = 100

/** The threads of a node that must not be held. */
export type WatchedThread = 'main' | 'agreement'

/** How long a thread was held at most, in an interval that ended at that time. */
interface Note {
  readonly endMs: number
  readonly heldMs: number
}

/** @returns null: nobody watches this thread */
function watchedThread(): WatchedThread | null {
  if (isMainThread) return 'main'
  return basename(process.argv[1] ?? '') === 'agreement.js' ? 'agreement' : null
}

function noteDelays(folder: string, thread: WatchedThread): void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  const file = fileOf(folder, process.pid, thread)
  setInterval(() => {
    const note: Note = { endMs: Date.now(), heldMs: histogram.max / 1e6 - RESOLUTION_MS }
    histogram.reset()
    appendFileSync(file, `${JSON.stringify(note)}\n`)
  }, NOTE_INTERVAL_MS).unref()
}

function fileOf(folder: string, pid: number, thread: WatchedThread): string {
  return join(folder, `${pid}-${thread}`)
}

/**
 * How long a thread of a process was held at most, in milliseconds.
 *
 * @param fromMs as `Date.now`
 */
export function heldMsOf(
  folder: string,
  pid: number,
  thread: WatchedThread,
  fromMs: number,
  untilMs: number,
): number {
  const notes = readFileSync(fileOf(folder, pid, thread), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Note)
  // An interval that has begun before or ends after has something of the time, too.
  const ofTime = notes.filter(
    ({ endMs }) => endMs >= fromMs && endMs <= untilMs + 2 * NOTE_INTERVAL_MS,
  )
  return Math.max(0, ...ofTime.map(({ heldMs }) => heldMs))
}

const folder = process.env['SLUICE_BENCH_DELAYS']
const thread = watchedThread()
if (folder !== undefined && thread !== null) noteDelays(folder, thread)
