import type { HostFacts } from './host.ts'
import { type Measurement, type Series, summarize } from './measurement.ts'

/** The proxy that the ratios are to. */
const BASELINE = 'haproxy'

const HEADINGS = [
  '',
  'requests/s',
  'CPU us/request',
  'user',
  'system',
  'p50 ms',
  'p99 ms',
  'errors',
]

/** One table per scenario, as Markdown that reads well in a terminal too. */
export function renderTables(series: readonly Series[]): string {
  const scenarios = [...new Set(series.map(({ scenario }) => scenario))]
  return scenarios
    .map((scenario) => {
      const rows = series.filter((one) => one.scenario === scenario)
      return `### ${scenario.name}: ${scenario.title}\n\n${renderTable(rows)}\n`
    })
    .join('\n')
}

/** What was measured, when and on what, for the head of the report. */
export function renderFacts(facts: HostFacts, rounds: number, seconds: number): string {
  const versions = Object.entries(facts.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `Measured on ${facts.date}: ${versions.join(', ')}, Linux ${facts.kernel}, ${facts.cpu},`,
    `${facts.cores} cores. Medians of ${rounds} rounds of ${seconds} seconds; in brackets the`,
    `ratio to ${BASELINE}.`,
  ].join(' ')
}

function renderTable(series: readonly Series[]): string {
  const baseline = series.find(({ proxy }) => proxy === BASELINE)
  const base = baseline === undefined ? undefined : summarize(baseline.rounds)
  const rows = series.map(({ proxy, rounds }) => [proxy, ...cells(summarize(rounds), base)])
  return layOut([HEADINGS, ...rows])
}

function cells(own: Measurement, base: Measurement | undefined): string[] {
  const figure = (of: (m: Measurement) => number, digits: number, scale = 1): string => {
    const value = (of(own) / scale).toFixed(digits)
    return base === undefined ? value : `${value} (${(of(own) / of(base)).toFixed(2)})`
  }
  return [
    figure((m) => m.requestsPerSec, 0),
    figure((m) => m.userUs + m.systemUs, 1),
    figure((m) => m.userUs, 1),
    figure((m) => m.systemUs, 1),
    figure((m) => m.p50Us, 2, 1000),
    figure((m) => m.p99Us, 2, 1000),
    String(own.errors),
  ]
}

/** A Markdown table with its columns aligned: names to the left, figures to the right. */
function layOut(rows: readonly (readonly string[])[]): string {
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string => {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    return `| ${padded.join(' | ')} |`
  }
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  const [head = [], ...body] = rows
  return [head, rule, ...body].map(line).join('\n')
}
