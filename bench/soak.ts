import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { processTree, residentBytesOf } from './cpu-time.ts'
import { pickCores, requireTools } from './host.ts'
import { startOrigin } from './origin.ts'
import { PROXY_NAMES, startProxy, toolsFor } from './proxies.ts'
import { SCENARIOS } from './scenarios.ts'
import { errorCount, runWrk } from './wrk.ts'

const USAGE = `Usage: npm run bench:soak -- [options]
  --minutes M      length of the load (default: 10)
  --scenario NAME  of ${SCENARIOS.map(({ name }) => name).join(',')} (default: keep-alive)
  --only NAME      of ${PROXY_NAMES.join(',')} (default: sluice)
`
const SAMPLE_INTERVAL_MS = 5000
/** Heaps and pools grow at first; the slope is taken over what comes after this share. */
const SETTLING_SHARE = 0.2
const MIB = 1024 * 1024
const MAXCONN = 4000

interface Sample {
  readonly minute: number
  readonly residentBytes: number
}

/** Slope of the least-squares line through the samples, bytes per minute. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const meanMinute = mean((sample) => sample.minute)
  const meanBytes = mean((sample) => sample.residentBytes)
  const covariance = mean((s) => (s.minute - meanMinute) * (s.residentBytes - meanBytes))
  return covariance / mean((s) => (s.minute - meanMinute) ** 2)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      scenario: { type: 'string', default: 'keep-alive' },
      only: { type: 'string', default: 'sluice' },
    },
  })
  const minutes = Number(values.minutes)
  const scenario = SCENARIOS.find(({ name }) => name === values.scenario)
  const name = PROXY_NAMES.find((known) => known === values.only)
  if (!(minutes > 0) || scenario === undefined || name === undefined) throw new Error(USAGE)
  requireTools(toolsFor([name]))
  const cores = pickCores()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const origin = await startOrigin(folder, cores.load)
  const setup = { folder, cores: [cores.proxy], originPort: origin.port, maxconn: MAXCONN }
  try {
    const proxy = await startProxy(name, setup)
    const url = proxy.urls[scenario.mode]
    if (url === undefined) throw new Error(`${name} has no mode ${scenario.mode}`)
    const pids = processTree(proxy.child.pid)
    const samples: Sample[] = []
    const start = performance.now()
    const sampler = setInterval(() => {
      const minute = (performance.now() - start) / 60_000
      const residentBytes = residentBytesOf(pids)
      samples.push({ minute, residentBytes })
      process.stderr.write(`${minute.toFixed(1)} min: ${(residentBytes / MIB).toFixed(1)} MiB\n`)
    }, SAMPLE_INTERVAL_MS)
    const run = { ...scenario.load, url: `${url}${scenario.path}`, core: cores.load }
    const summary = await runWrk({ ...run, seconds: Math.round(minutes * 60) })
    clearInterval(sampler)
    await proxy.child.stop()
    const settled = samples.slice(Math.floor(samples.length * SETTLING_SHARE))
    const resident = settled.map(({ residentBytes }) => residentBytes / MIB)
    process.stdout.write(
      `${name}, ${scenario.title}, ${minutes} minutes: ${summary.requests} requests,` +
        ` ${errorCount(summary.errors)} errors; RSS after the first` +
        ` ${SETTLING_SHARE * 100} %: ${Math.min(...resident).toFixed(1)} to` +
        ` ${Math.max(...resident).toFixed(1)} MiB, slope` +
        ` ${(slopeOf(settled) / 1024).toFixed(1)} KiB per minute\n`,
    )
  } finally {
    await origin.child.stop()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
