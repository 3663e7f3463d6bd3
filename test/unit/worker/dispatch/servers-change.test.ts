import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SERVER_STATE, ServerTable } from '../../../../src/memory/server-table.ts'
import { reserveStickTable } from '../../../../src/memory/stick-table.ts'
import type { PersistenceConfig } from '../../../../src/model/persistence-config.ts'
import type { Plan, PlannedBackend, PlannedServer } from '../../../../src/model/plan.ts'
import { changeOf } from '../../../../src/supervisor/preparation/planned-servers.ts'
import { changeServers, compileRuntime } from '../../../../src/worker/compilation.ts'
import type { Stickiness } from '../../../../src/worker/dispatch/persistence.ts'
import { PoolServers } from '../../../../src/worker/dispatch/pool-servers.ts'
import type { ServerPool } from '../../../../src/worker/dispatch/server-pool.ts'
import type { BackendRuntime } from '../../../../src/worker/exchange/runtime.ts'
import type { UpstreamServer } from '../../../../src/worker/servers/upstream-server.ts'
import { FakeConn, FakeEngine } from '../fake-network.ts'
import { planOf, SERVER, servicesOf, TUNE } from '../session-lab.ts'
import { requestOf, responseOf, valuesOf } from './persistence-lab.ts'

/** Names of which the first two have the same hash. */
const NAMES = ['app-vxjcifh', 'app-iynvxja', 'a', 'b', 'c', 'd', 'e', 'f']

const PERSISTENCE: PersistenceConfig = {
  cookie: {
    name: 'SRV',
    mode: 'insert',
    indirect: false,
    nocache: false,
    postonly: false,
    preserve: false,
    httponly: false,
    secure: false,
    domains: [],
    maxIdleSec: 0,
    maxLifeSec: 0,
    attributes: [],
    dynamicKey: 'secret',
  },
  stickTable: { type: 'string', keyBytesMax: 32, entriesMax: 16, expireSec: 0, nopurge: false },
  stick: ['on hdr(x-user)'],
  persist: false,
  forcePersist: [],
  ignorePersist: [],
}

/** A server that a test has: its name, where it is, and what differs in its settings. */
interface Wanted {
  readonly name: number
  readonly host: number
  readonly kind: number
  readonly isUp: boolean
}

const KINDS: readonly Partial<PlannedServer>[] = [
  {},
  { weight: 7 },
  { maxconn: 3 },
  { backup: true },
  { cookie: 'one' },
  { cookie: 'two', weight: 2 },
]

const wanted = fc.record({
  name: fc.nat(NAMES.length - 1),
  host: fc.nat(2),
  kind: fc.nat(KINDS.length - 1),
  isUp: fc.boolean(),
})
const set = fc.uniqueArray(wanted, { selector: ({ name }) => name, maxLength: NAMES.length })

/** Ways to pick for which a key says who is picked. */
const BALANCES: readonly Partial<PlannedBackend>[] = [
  { balance: 'maglev' },
  { balance: 'source', hashType: { method: 'consistent', function: 'sdbm', avalanche: true } },
  { balance: 'source', hashType: { method: 'map-based', function: 'sdbm', avalanche: false } },
  { balance: 'first' },
]

const PLANNED = planOf({}).backends[0]!.servers[0]!

/** A server that was there with the same settings is the same object, as plans have it. */
function serversOf(servers: readonly Wanted[], before: readonly PlannedServer[]): PlannedServer[] {
  return servers.map(({ name, host, kind }) => {
    const row = SERVER + name
    const address = { kind: 'inet', host: `10.0.0.${host}`, port: 80 } as const
    const server = { ...PLANNED, name: NAMES[name]!, row, address, ...KINDS[kind] }
    const same = before.find((known) => JSON.stringify(known) === JSON.stringify(server))
    return same ?? server
  })
}

const keys = Array.from({ length: 60 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 0)

/** What a pool does, in all that can be asked of it. */
function behaviourOf(pool: ServerPool, table: ServerTable): unknown {
  const rows = NAMES.map((_, name) => SERVER + name)
  const planAt = (row: number, isForced: boolean): unknown => pool.serverOf({ row, isForced })?.plan
  const taken = keys.map((key) => {
    const server = pool.take(key, key % 3 === 0 ? [rows[key % rows.length]!] : [])
    if (server === null || server === 'full') return server
    table.release(0, server.plan.row)
    return server.plan
  })
  return {
    taken,
    candidates: { ...pool.candidates, servers: [] },
    servers: pool.servers.map(({ plan }) => plan),
    isLimited: pool.isLimited,
    own: rows.map((row) => [planAt(row, false), planAt(row, true), pool.usableAt(row)?.plan]),
  }
}

/** The cookies that servers give, and to whom these, and noted keys, lead. */
function persistenceOf({ requestPersistence, pool }: BackendRuntime): unknown {
  const begin = (line: string): Stickiness => {
    const stickiness = requestPersistence?.begin(requestOf('GET', [line], new FakeConn()))
    if (stickiness === undefined) throw new Error('the backend has no persistence')
    return stickiness
  }
  return pool.servers.map(({ plan: { row } }) => {
    const first = begin('X-User: joe')
    first.connected(row)
    const response = responseOf(200, [])
    first.respond(response)
    const given = valuesOf(response, 'set-cookie')
    const [cookie = ''] = given[0]?.split(';', 1) ?? []
    return [row, given, begin(`Cookie: ${cookie}`).row, begin('X-User: joe').row]
  })
}

describe('a change of servers', () => {
  it.each(BALANCES)(
    'one after the other makes what the last plan makes: $balance $hashType.method',
    (balance) => {
      fc.assert(
        fc.property(fc.array(set, { minLength: 1, maxLength: 5 }), (series) => {
          const table = ServerTable.create(1)
          const services = servicesOf(TUNE, table, new FakeEngine())
          const stickMemory = reserveStickTable(16, 1)
          const planFor = (servers: readonly PlannedServer[]): Plan => {
            const backend = { ...balance, servers, persistence: PERSISTENCE, stickMemory }
            return planOf({ backend: backend as Partial<PlannedBackend> })
          }
          let before: readonly PlannedServer[] = []
          let changed = compileRuntime(planFor(before), services, null)
          for (const servers of series) {
            const after = serversOf(servers, before)
            for (const { name, isUp, kind } of servers) {
              table.setState(SERVER + name, isUp ? SERVER_STATE.up : SERVER_STATE.down)
              table.setWeight(SERVER + name, KINDS[kind]?.weight ?? 1)
            }
            const change = changeOf(planFor(before).backends[0]!, { servers: after })
            const backends = change === null ? [] : [change]
            const message = { serial: 2, maxconn: 7, trafficNumbersMax: 9, backends }
            // As it comes over a channel.
            changed = changeServers(changed, structuredClone(message), table)
            const compiled = compileRuntime(planFor(after), services, null)
            const [one, other] = [changed, compiled].map((runtime) => runtime.backends.get('app')!)
            expect(behaviourOf(one!.pool, table)).toEqual(behaviourOf(other!.pool, table))
            expect(persistenceOf(one!)).toEqual(persistenceOf(other!))
            before = after
          }
        }),
        { numRuns: 60 },
      )
    },
  )
})

describe('the way from one list of servers to another', () => {
  const list = fc.uniqueArray(fc.nat(12), { maxLength: 12 })

  it('leads there, whichever come, go, move or change places', () => {
    fc.assert(
      fc.property(list, list, fc.array(fc.boolean(), { minLength: 13 }), (from, to, moves) => {
        const serverAt = (row: number, port: number): PlannedServer => ({
          ...PLANNED,
          name: `s${row}`,
          row,
          address: { kind: 'inet', host: '10.0.0.1', port },
        })
        const before = from.map((row) => serverAt(row, 1))
        const after = to.map((row) => {
          const known = before.find((server) => server.row === row)
          return known !== undefined && moves[row] !== true ? known : serverAt(row, 2)
        })
        const change = changeOf({ ...planOf({}).backends[0]!, servers: before }, { servers: after })
        const upstreamOf = (plan: PlannedServer): UpstreamServer => ({ plan }) as UpstreamServer
        const servers = new PoolServers(before.map(upstreamOf))
        if (change !== null) {
          servers.change(
            change,
            change.placed.map(({ server }) => upstreamOf(server)),
          )
        }
        expect(servers.list.map(({ plan }) => plan)).toEqual(after)
        expect(change === null).toBe(JSON.stringify(before) === JSON.stringify(after))
      }),
    )
  })

  it('names those alone that have changed', () => {
    const servers = Array.from({ length: 5 }, (_, n) => ({ ...PLANNED, name: `s${n}`, row: n }))
    const before = { ...planOf({}).backends[0]!, servers }
    const moved = { ...servers[3]!, weight: 9 }
    const added = { ...PLANNED, name: 's9', row: 9 }
    expect(changeOf(before, { servers: servers.toSpliced(3, 1, moved).toSpliced(1, 1) })).toEqual({
      backend: 'app',
      removed: [1],
      placed: [{ place: 2, server: moved }],
    })
    expect(changeOf(before, { servers: [...servers.slice(1), added, servers[0]!] })).toEqual({
      backend: 'app',
      removed: [],
      placed: [
        { place: 4, server: added },
        { place: 5, server: servers[0] },
      ],
    })
  })
})
