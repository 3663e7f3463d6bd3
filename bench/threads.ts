import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pickCores, requireTools } from './host.ts'
import { type Measurement, measure, summarize } from './measurement.ts'
import { startOrigin } from './origin.ts'
import { startProxy, toolsFor } from './proxies.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'

const USAGE = `Usage: npm run bench:threads -- [options]
  --rounds N   rounds that the medians are of (default: 5)
  --seconds N  length of one measurement (default: 5)
`
const MAXCONN = 4000
const PROXIES = ['sluice', 'haproxy'] as const

/** CPU time of a request in microseconds. */
function cpuUs({ userUs, systemUs }: Measurement): number {
  return userUs + systemUs
}

/**
 * What a second thread costs. Load and origin need cores too, so that requests per second would
 * say little on a small machine: what counts is how much more CPU time a request takes when two
 * threads share the work. With two free cores they carry 2 divided by that ratio.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
    },
  })
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  if (!(rounds >= 1) || !(seconds >= 1)) throw new Error(USAGE)
  requireTools(toolsFor(PROXIES))
  const cores = pickCores()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const origin = await startOrigin(folder, cores.load)
  const scenario = SCENARIOS.find(({ name }) => name === 'keep-alive') as Scenario
  try {
    for (const name of PROXIES) {
      const medians: Measurement[] = []
      for (const used of [[cores.proxy], [cores.proxy, cores.load]]) {
        const setup = { folder, cores: used, originPort: origin.port, maxconn: MAXCONN }
        const proxy = await startProxy(name, setup)
        const measured: Measurement[] = []
        for (let round = 0; round < rounds; round++) {
          measured.push(await measure(proxy, proxy.urls.http ?? '', scenario, seconds))
        }
        await proxy.child.stop()
        medians.push(summarize(measured))
      }
      const [one, two] = medians.map(cpuUs) as [number, number]
      process.stdout.write(
        `${name}: ${one.toFixed(1)} us of CPU time a request with one thread,` +
          ` ${two.toFixed(1)} with two: they carry ${((2 * one) / two).toFixed(2)} times as much\n`,
      )
    }
  } finally {
    await origin.child.stop()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
