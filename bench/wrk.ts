import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** The script that wrk runs; the path holds from bench/ and from where bench/ is compiled to. */
const SCRIPT = fileURLToPath(new URL('../bench/wrk.lua', import.meta.url))

/** One run of wrk. */
export interface WrkRun {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** Default GET. */
  readonly method?: string
  /** Bytes of the request's body, default 0. */
  readonly bodyBytes?: number
  /** Each connection waits up to this long before its next request, evenly spread. Default 0. */
  readonly thinkMs?: number
  /** Lines such as `Connection: close`, sent with every request. */
  readonly headers?: readonly string[]
  /** Core to run on; default: any. */
  readonly core?: number
  /** A request without an answer for this long counts as an error. Default 10. */
  readonly timeoutSeconds?: number
}

/** What a client can see go wrong, as wrk counts it. */
export interface WrkErrors {
  readonly connect: number
  /** Connections that were cut while an answer was awaited. */
  readonly read: number
  readonly write: number
  readonly timeout: number
  /** Answers with a status above 399. */
  readonly status: number
}

/** What wrk measured. Latencies are microseconds. */
export interface WrkSummary {
  readonly requests: number
  readonly durationUs: number
  readonly bytes: number
  readonly errors: WrkErrors
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
}

/** All errors of a run together. */
export function errorCount(errors: WrkErrors): number {
  return errors.connect + errors.read + errors.write + errors.timeout + errors.status
}

/**
 * Runs wrk with one thread to its end.
 *
 * @param signal ends wrk early; its summary then covers the time it ran
 * @throws Error when wrk cannot be started or prints no summary
 */
export async function runWrk(run: WrkRun, signal?: AbortSignal): Promise<WrkSummary> {
  const pin = run.core === undefined ? [] : ['taskset', '-c', String(run.core)]
  const headers = (run.headers ?? []).flatMap((line) => ['-H', line])
  const [command = 'wrk', ...args] = [
    ...pin,
    ...['wrk', '-t', '1', '-c', String(run.connections), '-d', `${run.seconds}s`],
    ...['--timeout', `${run.timeoutSeconds ?? 10}s`, '-s', SCRIPT, ...headers, run.url],
    ...['--', run.method ?? 'GET', String(run.bodyBytes ?? 0), String(run.thinkMs ?? 0)],
  ]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = (): void => {
    child.kill('SIGINT')
  }
  signal?.addEventListener('abort', stop)
  process.once('exit', stop)
  try {
    const [stdout, stderr] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    const summary = /^summary (.*)$/m.exec(stdout)?.[1]
    if (summary === undefined) throw new Error(`wrk printed no summary: ${stderr}${stdout}`)
    return JSON.parse(summary) as WrkSummary
  } finally {
    signal?.removeEventListener('abort', stop)
    process.removeListener('exit', stop)
  }
}
