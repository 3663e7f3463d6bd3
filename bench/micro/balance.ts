import { BALANCE_NAMES, createStrategy } from '../../src/balance/registry.ts'
import { ServerTable } from '../../src/model/server-table.ts'
import { seededRandom } from '../../test/conformance/strategy-random.ts'

/**
 * Prints nanoseconds per pick for every strategy and number of servers: with idle servers, and
 * with every server busy. Sessions are in the shared table, read as in production.
 *
 * Run with a Node that reads TypeScript (22.18 or newer): `node bench/micro/balance.ts`.
 */
const SIZES = [10, 100, 1_000, 10_000]
const PICKS = 200_000
const ROUNDS = 5
const SESSIONS_MAX = 20

interface Measured {
  readonly algorithm: string
  readonly load: string
  readonly nsPerPick: readonly number[]
}

function measure(algorithm: string, count: number, busy: boolean): number {
  const random = seededRandom(count)
  const table = ServerTable.create(1)
  const strategy = createStrategy(algorithm, { random, loads: (row) => table.sessions(row) })
  for (let row = 0; busy && row < count; row++) {
    for (let left = 1 + random() * SESSIONS_MAX; left > 1; left--) table.acquire(0, row)
    table.acquire(0, row)
  }
  strategy.rebuild({
    count,
    rows: Int32Array.from({ length: count }, (_, i) => i),
    weights: Int32Array.from({ length: count }, () => 1 + Math.floor(random() * 256)),
  })
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const startedNs = process.hrtime.bigint()
    for (let pick = 0; pick < PICKS; pick++) strategy.pick(0, -1)
    least = Math.min(least, Number(process.hrtime.bigint() - startedNs) / PICKS)
  }
  return Math.round(least)
}

const results = BALANCE_NAMES.flatMap((algorithm): Measured[] =>
  [false, true].map((busy) => ({
    algorithm,
    load: busy ? 'busy' : 'idle',
    nsPerPick: SIZES.map((count) => measure(algorithm, count, busy)),
  })),
)
console.log(['ns/pick, servers:', '', ...SIZES].join('\t'))
for (const { algorithm, load, nsPerPick } of results) {
  console.log([algorithm.padEnd(16), load, ...nsPerPick].join('\t'))
}
