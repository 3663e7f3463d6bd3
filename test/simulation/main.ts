import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { reportOf } from './report.ts'
import { type Outcome, simulate } from './simulation.ts'

/**
 * Runs seeds on all cores, and reports those that break a property.
 *
 * `npm run simulate -- --seeds N` runs N seeds from `--from` on (default 1); `--seed S` runs one and
 * prints the end of its trace. Ends with 1 where a property was broken.
 */
const FAILURES_MAX = 20
const PROGRESS_EVERY = 1_000

/** What a worker is given. */
interface Share {
  readonly from: number
  readonly end: number
  readonly stride: number
}

function work({ from, end, stride }: Share): void {
  for (let seed = from; seed < end; seed += stride) parentPort?.postMessage(simulate(seed))
}

function runOne(seed: number): void {
  const outcome = simulate(seed)
  console.log(reportOf(outcome))
  console.log(JSON.stringify(outcome, null, 1))
  if (outcome.violation !== null) process.exitCode = 1
}

async function runMany(from: number, count: number): Promise<void> {
  const startedMs = performance.now()
  const failed: Outcome[] = []
  const sums = {
    runs: 0,
    steps: 0,
    undecided: 0,
    leaders: 0,
    commits: 0,
    operations: 0,
    slowestMs: 0,
  }
  const onOutcome = (outcome: Outcome): void => {
    sums.runs += 1
    sums.steps += outcome.steps
    sums.undecided += Number(outcome.isUndecided)
    sums.leaders += outcome.leaders
    sums.commits += outcome.commitIndex
    sums.operations += outcome.operations
    sums.slowestMs = Math.max(sums.slowestMs, outcome.convergedMs)
    if (outcome.violation !== null) {
      failed.push(outcome)
      if (failed.length <= FAILURES_MAX) {
        console.log(`seed ${outcome.seed}: ${outcome.violation.slice(0, 300)}`)
      }
    }
    if (sums.runs % PROGRESS_EVERY === 0) console.log(`${sums.runs} of ${count}`)
  }
  const stride = availableParallelism()
  const shares = Array.from({ length: stride }, (_, n) => ({
    from: from + n,
    end: from + count,
    stride,
  }))
  await Promise.all(shares.map((share) => runShare(share, onOutcome)))
  const seconds = (performance.now() - startedMs) / 1000
  console.log(`${JSON.stringify(sums)} in ${seconds.toFixed(1)} s, ${failed.length} failed`)
  if (failed.length > 0) process.exitCode = 1
}

function runShare(share: Share, onOutcome: (outcome: Outcome) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share })
    worker.on('message', onOutcome)
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
}

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
    },
  })
  if (values.seed === undefined) await runMany(Number(values.from), Number(values.seeds))
  else runOne(Number(values.seed))
} else {
  work(workerData as Share)
}
