import { deserialize, serialize } from 'node:v8'
import { SERVER_STATE, ServerTable } from '../../src/memory/server-table.ts'
import { reserveStickTable } from '../../src/memory/stick-table.ts'
import type { PersistenceConfig } from '../../src/model/persistence-config.ts'
import type { Plan, PlannedBackend, PlannedServer } from '../../src/model/plan.ts'
import type { ServersChange } from '../../src/model/servers-change.ts'
import {
  type CompileServices,
  changeServers,
  compileRuntime,
  type Runtime,
} from '../../src/worker/compilation.ts'
import { TableBuilds } from '../../src/worker/dispatch/table-builds.ts'
import { FakeEngine } from '../../test/unit/worker/fake-network.ts'
import { planOf, SERVER, servicesOf, TUNE } from '../../test/unit/worker/session-lab.ts'

/**
 * Prints how long a change of one of 10,000 servers of a backend holds up a worker, for each
 * strategy: from the bytes of the message to the next server that is picked, which is when the
 * candidates are looked at anew. Tables that are built in slices are beside it: the longest that
 * they hold up the event loop at a time, and how long they take in all. Then what compiling the
 * whole plan takes in its place.
 *
 * Run it with `npm run bench:micro`.
 */
const SERVERS = 10_000
const CHANGES = 60
const COMPILATIONS = 5

const persistence = {
  cookie: { name: 'SRV', mode: 'insert', dynamicKey: 'secret' },
  stickTable: { type: 'string', keyBytesMax: 32, entriesMax: 1_000, expireSec: 0, nopurge: false },
  stick: ['on hdr(x-user)'],
  persist: false,
  forcePersist: [],
  ignorePersist: [],
} as unknown as PersistenceConfig

const map = { method: 'map-based', function: 'sdbm', avalanche: false } as const
const ring = { method: 'consistent', function: 'sdbm', avalanche: true } as const

const BACKENDS: readonly (Partial<PlannedBackend> & { readonly title: string })[] = [
  ...['roundrobin', 'static-rr', 'leastconn', 'first', 'random', 'peak-ewma'].map((balance) => ({
    title: balance,
    balance,
  })),
  { title: 'map-based', balance: 'source', hashType: map },
  { title: 'consistent', balance: 'source', hashType: ring },
  { title: 'maglev', balance: 'maglev' },
  {
    title: 'with cookie and stick table',
    balance: 'roundrobin',
    persistence,
    stickMemory: reserveStickTable(1_000, 1),
  },
]

const [PLANNED] = (planOf({}).backends[0] as PlannedBackend).servers as [PlannedServer]
const servers = Array.from({ length: SERVERS }, (_, n): PlannedServer => serverAt(n, 80))

function serverAt(n: number, port: number): PlannedServer {
  const address = {
    kind: 'inet',
    host: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
    port,
  } as const
  return { ...PLANNED, name: `app${n}`, row: SERVER + n, address, weight: 1 + (n % 4) }
}

/** What a worker is told in turns: a server has moved, is gone, and is there again. */
function messageOf(n: number): ServersChange {
  const index = (Math.floor(n / 3) * 997) % SERVERS
  const placed = n % 3 === 1 ? [] : [{ place: index, server: serverAt(index, 1_000 + n) }]
  const removed = n % 3 === 1 ? [SERVER + index] : []
  const backends = [{ backend: 'app', removed, placed }]
  return { serial: n, maxconn: 100, trafficNumbersMax: 100, backends }
}

/** Turns of the event loop that are waited for, taken one after the other. */
const turns: (() => void)[] = []

function takeTurns(): number[] {
  const ms: number[] = []
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) ms.push(timeOf(turn))
  return ms
}

function timeOf(run: () => void): number {
  const startedMs = performance.now()
  run()
  return performance.now() - startedMs
}

function pick(runtime: Runtime, table: ServerTable): void {
  const server = runtime.backends.get('app')?.pool.take(7, [])
  if (server == null || server === 'full') throw new Error('no server was picked')
  table.release(0, server.plan.row)
}

function measure(backend: Partial<PlannedBackend>): readonly string[] {
  const table = ServerTable.create(1)
  for (const { row, weight } of servers) {
    table.setState(row, SERVER_STATE.up)
    table.setWeight(row, weight)
  }
  const builds = new TableBuilds(
    () => performance.now(),
    (work) => void turns.push(work),
  )
  const services: CompileServices = { ...servicesOf(TUNE, table, new FakeEngine()), builds }
  const plan: Plan = planOf({ backend: { ...backend, servers } })
  const planBytes = serialize({
    ...plan,
    backends: plan.backends.map((b) => ({ ...b, stickMemory: null })),
  })
  const stickMemory = backend.stickMemory ?? null
  const compile = (previous: Runtime | null): Runtime => {
    const received = deserialize(planBytes) as Plan
    const backends = received.backends.map((each) => ({ ...each, stickMemory }))
    const runtime = compileRuntime({ ...received, backends }, services, previous)
    pick(runtime, table)
    return runtime
  }
  let runtime = compile(null)
  const compilations = Array.from({ length: COMPILATIONS }, () =>
    timeOf(() => {
      runtime = compile(runtime)
    }),
  )
  const changes: number[] = []
  const slices: number[] = []
  const builtMs: number[] = []
  for (let n = 0; n < CHANGES; n++) {
    const bytes = serialize(messageOf(n))
    changes.push(
      timeOf(() => {
        runtime = changeServers(runtime, deserialize(bytes) as ServersChange, table)
        pick(runtime, table)
      }),
    )
    const took = takeTurns()
    slices.push(...took)
    if (took.length > 0) builtMs.push(took.reduce((sum, ms) => sum + ms, 0))
  }
  return [
    spread(changes),
    slices.length === 0 ? '-' : spread(slices),
    builtMs.length === 0 ? '-' : spread(builtMs),
    spread(compilations),
  ]
}

function spread(ms: readonly number[]): string {
  const sorted = [...ms].sort((one, other) => one - other)
  const at = (share: number): string =>
    (sorted[Math.floor(share * (sorted.length - 1))] as number).toFixed(2)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}

const columns = (title: string, cells: readonly string[]): void =>
  console.log([title.padEnd(28), ...cells.map((cell) => cell.padEnd(22))].join(''))

columns(`one of ${SERVERS} servers, ms:`, [
  'change',
  'turn of a table',
  'whole table',
  'compilation',
])
columns(
  '',
  Array.from({ length: 4 }, () => 'least / p50 / max'),
)
for (const { title, ...backend } of BACKENDS) columns(title, measure(backend))
