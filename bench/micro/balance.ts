import { type BalanceSettings, createStrategy } from '../../src/balance/registry.ts'
import { NO_KEY } from '../../src/balance/strategy.ts'
import { serverId } from '../../src/balance/structures/hashing.ts'
import { ServerTable } from '../../src/memory/server-table.ts'
import { seededRandom } from '../../test/conformance/strategy-random.ts'

/**
 * Prints nanoseconds per pick for every strategy and number of servers, and milliseconds per
 * rebuild: with idle servers, with every server busy, and with sessions that come and go, where the
 * picked server is given one and another one ends, which is part of the time then. Sessions are in
 * the shared table, read as in production.
 *
 * Run it with `npm run bench:micro`.
 */
const SIZES = [10, 100, 256, 1_000, 10_000]
const PICKS = 200_000
const ROUNDS = 5
const SESSIONS_MAX = 20
const KEYS = 2 ** 16

type Keys = 'no key' | 'keys'

/** What servers do: nothing, the same all the time, or what is asked of them. */
type Load = 'idle' | 'busy' | 'moving'

const ring = { method: 'consistent', function: 'sdbm', avalanche: true } as const
const map = { method: 'map-based', function: 'sdbm', avalanche: false } as const

/** Each way to look for a server. What a key is made of does not matter here. */
const STRATEGIES: readonly (Partial<BalanceSettings> & { readonly title: string; keys: Keys })[] = [
  ...['roundrobin', 'static-rr', 'leastconn', 'first', 'random', 'peak-ewma'].map(
    (balance) => ({ title: balance, balance, keys: 'no key' }) as const,
  ),
  { title: 'map-based', keys: 'keys' },
  { title: 'consistent', hashType: ring, keys: 'keys' },
  { title: 'factor 150', hashType: ring, hashBalanceFactor: 150, keys: 'keys' },
  { title: 'maglev', balance: 'maglev', keys: 'keys' },
  { title: 'hash, no key', hashType: ring, keys: 'no key' },
]

interface Measured {
  readonly nsPerPick: number
  readonly msPerRebuild: number
}

function measure(
  { keys, ...settings }: (typeof STRATEGIES)[number],
  count: number,
  load: Load,
): Measured {
  const random = seededRandom(count)
  const table = ServerTable.create(1)
  const backendRow = count
  const strategy = createStrategy(
    { balance: 'source', hashType: map, hashBalanceFactor: null, ...settings },
    {
      random,
      loads: (row) => table.sessions(row),
      loadTotal: () => table.sessions(backendRow),
    },
  )
  const occupy = (row: number): void => {
    table.acquire(0, row)
    table.acquire(0, backendRow)
  }
  const open: number[] = []
  for (let row = 0; load !== 'idle' && row < count; row++) {
    for (let left = 1 + random() * SESSIONS_MAX; left > 0; left--) {
      occupy(row)
      open.push(row)
    }
    strategy.observe?.(row, 1 + random() * 100, 0)
  }
  table.acquire(0, backendRow)
  const weights = Int32Array.from({ length: count }, () => 1 + Math.floor(random() * 256))
  const candidates = {
    count,
    weights,
    weightScale: 1,
    rows: Int32Array.from(weights, (_, i) => i),
    ids: Uint32Array.from(weights, (_, i) => serverId(`app${i}`)),
    capacities: new Int32Array(count),
    serversTotal: count,
    weightTotal: weights.reduce((sum, weight) => sum + weight, 0),
  }
  const msPerRebuild = leastTime(() => strategy.rebuild(candidates)) / 1e6
  for (let row = 0; load !== 'idle' && row < count; row++) {
    strategy.observe?.(row, 1 + random() * 100, 0)
  }
  const keyOf = Float64Array.from({ length: KEYS }, () =>
    keys === 'keys' ? Math.floor(random() * 2 ** 32) : NO_KEY,
  )
  const endings = Int32Array.from({ length: KEYS }, () => Math.floor(random() * open.length))
  const ns = leastTime(() => {
    for (let pick = 0; pick < PICKS; pick++) {
      const picked = strategy.pick(keyOf[pick % KEYS] as number, -1)
      if (load !== 'moving') continue
      const ending = endings[pick % KEYS] as number
      table.acquire(0, picked)
      table.release(0, open[ending] as number)
      open[ending] = picked
    }
  })
  return { nsPerPick: Math.round(ns / PICKS), msPerRebuild }
}

/** The shortest of several runs, in nanoseconds. */
function leastTime(run: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const startedNs = process.hrtime.bigint()
    run()
    least = Math.min(least, Number(process.hrtime.bigint() - startedNs))
  }
  return least
}

function row(title: string, load: string, cells: readonly (string | number)[]): void {
  console.log([title.padEnd(12), load.padEnd(8), ...cells].join('\t'))
}

row('ns/pick', 'servers:', SIZES)
for (const strategy of STRATEGIES) {
  const [idle, busy, moving] = (['idle', 'busy', 'moving'] as const).map((load) =>
    SIZES.map((count) => measure(strategy, count, load)),
  ) as [Measured[], Measured[], Measured[]]
  const ns = (measured: readonly Measured[]) => measured.map(({ nsPerPick }) => nsPerPick)
  row(strategy.title, 'idle', ns(idle))
  row(strategy.title, 'busy', ns(busy))
  row(strategy.title, 'moving', ns(moving))
  row(
    strategy.title,
    'rebuild',
    idle.map(({ msPerRebuild }) => `${msPerRebuild.toFixed(2)} ms`),
  )
}
