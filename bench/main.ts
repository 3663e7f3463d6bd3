import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hostFacts, pickCores, requireTools } from './host.ts'
import { measure, type Series, summarize } from './measurement.ts'
import { startOrigin } from './origin.ts'
import { PROXY_NAMES, type ProxyName, type RunningProxy, startProxy, toolsFor } from './proxies.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { renderFacts, renderTables } from './table.ts'

const USAGE = `Usage: npm run bench -- [options]
  --scenario NAMES  of ${SCENARIOS.map(({ name }) => name).join(',')} (default: all)
  --only NAMES      of ${PROXY_NAMES.join(',')} (default: all)
  --rounds N        rounds that the medians are of (default: 5)
  --seconds N       length of one measurement (default: 5)
  --json FILE       writes every round's figures
  --markdown        replaces the results in docs/benchmarks.md
`
const REPORT_URL = new URL('../docs/benchmarks.md', import.meta.url)
const REPORT_MARKS = /(<!-- results -->\n)[\s\S]*(<!-- \/results -->)/
/** Connections of the largest scenario, with room for checks and connections that linger. */
const MAXCONN = 4000

interface Options {
  readonly scenarios: readonly Scenario[]
  readonly proxies: readonly ProxyName[]
  readonly rounds: number
  readonly seconds: number
  readonly json: string | undefined
  readonly markdown: boolean
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      json: { type: 'string' },
      markdown: { type: 'boolean', default: false },
    },
  })
  const names = values.scenario?.split(',')
  const only = values.only?.split(',')
  const options = {
    scenarios: SCENARIOS.filter(({ name }) => names?.includes(name) ?? true),
    proxies: PROXY_NAMES.filter((name) => only?.includes(name) ?? true),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    json: values.json,
    markdown: values.markdown,
  }
  const known =
    options.scenarios.length === (names?.length ?? SCENARIOS.length) &&
    options.proxies.length === (only?.length ?? PROXY_NAMES.length)
  if (!known || !(options.rounds >= 1) || !(options.seconds >= 1)) throw new Error(USAGE)
  return options
}

/** Gives every proxy the same work in turn, round after round, so that drift meets all alike. */
async function runRounds(
  options: Options,
  proxies: readonly RunningProxy[],
  core: number,
): Promise<readonly Series[]> {
  const runs = options.scenarios.flatMap((scenario) =>
    proxies.flatMap((proxy) => {
      const url = proxy.urls[scenario.mode]
      const series: Series = { scenario, proxy: proxy.name, rounds: [] }
      return url === undefined ? [] : [{ proxy, url, scenario, series }]
    }),
  )
  for (let round = 1; round <= options.rounds; round++) {
    for (const { proxy, url, scenario, series } of runs) {
      const measured = await measure(proxy, url, scenario, options.seconds, core)
      series.rounds.push(measured)
      process.stderr.write(
        `round ${round} ${scenario.name} ${proxy.name}: ${Math.round(measured.requestsPerSec)}/s\n`,
      )
    }
  }
  return runs.map(({ series }) => series)
}

function report(options: Options, series: readonly Series[]): void {
  const facts = hostFacts()
  const text = `${renderFacts(facts, options.rounds, options.seconds)}\n\n${renderTables(series)}`
  process.stdout.write(text)
  if (options.markdown) {
    const page = readFileSync(REPORT_URL, 'utf8')
    writeFileSync(
      REPORT_URL,
      page.replace(REPORT_MARKS, (_, begin: string, end: string) => `${begin}\n${text}\n${end}`),
    )
  }
  if (options.json !== undefined) {
    const results = series.map(({ scenario, proxy, rounds }) => {
      return { scenario: scenario.name, proxy, median: summarize(rounds), rounds }
    })
    writeFileSync(options.json, `${JSON.stringify({ ...facts, results }, null, 2)}\n`)
  }
}

async function main(): Promise<void> {
  const options = readOptions()
  requireTools(toolsFor(options.proxies))
  const cores = pickCores()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const origin = await startOrigin(folder, cores.load)
  const proxies: RunningProxy[] = []
  try {
    const setup = { folder, cores: [cores.proxy], originPort: origin.port, maxconn: MAXCONN }
    for (const name of options.proxies) proxies.push(await startProxy(name, setup))
    report(options, await runRounds(options, proxies, cores.load))
  } finally {
    await Promise.all([origin, ...proxies].map(({ child }) => child.stop()))
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
