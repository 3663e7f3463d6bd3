import { describe, expect, it } from 'vitest'
import { SERVER_STATE, ServerTable } from '../../../../src/memory/server-table.ts'
import type { ServerConfig } from '../../../../src/model/config.ts'
import type { PlannedBackend, PlannedServer } from '../../../../src/model/plan.ts'
import { ClientTlsContexts } from '../../../../src/net/tls/client-tls.ts'
import { ServerPool } from '../../../../src/worker/dispatch/server-pool.ts'
import { TableBuilds } from '../../../../src/worker/dispatch/table-builds.ts'
import { seededRandom } from '../../../conformance/strategy-random.ts'

const BACKEND = 0

function poolOf(
  servers: Readonly<Record<string, Partial<ServerConfig>>>,
  settings: Partial<PlannedBackend> = {},
  builds = new TableBuilds(() => 0),
): { pool: ServerPool; table: ServerTable } {
  const table = ServerTable.create(1)
  const entries = Object.entries(servers).map(([name, changes], i) => ({
    name,
    row: i + 1,
    address: { kind: 'inet', host: '10.0.0.1', port: 80 },
    weight: 1,
    maxconn: 0,
    minconn: 0,
    maxqueue: 0,
    agent: null,
    backup: false,
    poolIdleMax: 0,
    tls: null,
    trafficTls: null,
    ...changes,
  }))
  for (const { row, weight } of entries) {
    table.setState(row, SERVER_STATE.up)
    table.setWeight(row, weight)
  }
  const plan = {
    row: BACKEND,
    balance: 'roundrobin',
    hashType: { method: 'consistent', function: 'sdbm', avalanche: true },
    hashBalanceFactor: null,
    servers: entries,
    ...settings,
  } as unknown as PlannedBackend
  const pool = new ServerPool(
    plan,
    { table, worker: 0, random: seededRandom(1), builds, tlsContexts: new ClientTlsContexts() },
    undefined,
  )
  return { pool, table }
}

/** Takes a place and gives it back: the name of the server. */
function take(pool: ServerPool, table: ServerTable, key = -1, avoidRow = -1): string {
  const server = pool.take(key, avoidRow < 0 ? [] : [avoidRow])
  if (server === null || server === 'full') return String(server)
  table.release(0, server.plan.row)
  return server.plan.name
}

describe('the candidates', () => {
  it('have ids that depend on their names alone', () => {
    const [one, other] = [poolOf({ a: {}, b: {} }), poolOf({ b: { weight: 3 }, c: {}, a: {} })]
    for (const { pool, table } of [one, other]) take(pool, table)
    const [a, b] = one.pool.candidates.ids
    expect([...other.pool.candidates.ids]).toEqual([b, expect.any(Number), a])
    expect(other.pool.candidates.ids[1]).not.toBe(a)
  })

  it('have different ids, even where two names make the same', () => {
    const { pool, table } = poolOf({ 'app-vxjcifh': {}, 'app-iynvxja': {} })
    take(pool, table)
    expect([...pool.candidates.ids]).toEqual([995377542, 995377543])
  })

  it('are those that are up and have a weight, with what each may take', () => {
    const { pool, table } = poolOf({
      a: { maxconn: 7, weight: 2 },
      b: { maxconn: 8, weight: 3 },
      c: { maxconn: 9, weight: 4 },
    })
    table.setState(1, SERVER_STATE.down)
    take(pool, table)
    expect(pool.candidates).toMatchObject({ count: 2, serversTotal: 3, weightTotal: 9 })
    expect([...pool.candidates.capacities]).toEqual([8, 9])
    table.setWeight(2, 0)
    take(pool, table)
    const { rows, weights, capacities } = pool.candidates
    expect([[...rows], [...weights], [...capacities]]).toEqual([[3], [4], [9]])
  })
})

describe('the pool', () => {
  it('sends the keys of a server that is down elsewhere, and back when it is up', () => {
    const { pool, table } = poolOf({ a: {}, b: {}, c: {} }, { balance: 'source' })
    const keys = Array.from({ length: 200 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 0)
    const namesNow = (): string[] => keys.map((key) => take(pool, table, key))
    const before = namesNow()
    expect(new Set(before)).toEqual(new Set(['a', 'b', 'c']))
    table.setState(2, SERVER_STATE.down)
    const during = namesNow()
    expect(during).not.toContain('b')
    expect(during.every((name, n) => name === before[n] || before[n] === 'b')).toBe(true)
    table.setState(2, SERVER_STATE.up)
    expect(namesNow()).toEqual(before)
  })

  it('sends the keys of servers that are full or have failed where the ring has them next', () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const { pool, table } = poolOf(
      Object.fromEntries(names.map((name) => [name, { maxconn: 1 }])),
      { balance: 'source' },
    )
    const keys = Array.from({ length: 1_000 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 0)
    const namesNow = (failed: readonly number[] = []): string[] =>
      keys.map((key) => {
        const server = pool.take(key, failed)
        if (server === null || server === 'full') return String(server)
        table.release(0, server.plan.row)
        return server.plan.name
      })
    const away = (rows: readonly number[]): string[] => {
      for (const row of rows) table.setState(row, SERVER_STATE.down)
      const seen = namesNow()
      for (const row of rows) table.setState(row, SERVER_STATE.up)
      return seen
    }
    const [oneAway, twoAway] = [away([2]), away([2, 4])]
    table.tryAcquire(0, 2, 1)
    expect(namesNow()).toEqual(oneAway)
    expect(namesNow([4])).toEqual(twoAway)
    table.tryAcquire(0, 4, 1)
    expect(namesNow()).toEqual(twoAway)
    expect(namesNow([2, 4])).toEqual(twoAway)
    for (const row of [1, 3, 5]) table.tryAcquire(0, row, 1)
    expect(new Set(namesNow())).toEqual(new Set(['full']))
  })

  it('goes by all sessions of the backend with a balance factor', () => {
    const { pool, table } = poolOf({ a: {}, b: {} }, { balance: 'source', hashBalanceFactor: 150 })
    const own = take(pool, table, 7)
    const [ownRow, otherName] = own === 'a' ? [1, 'b'] : [2, 'a']
    for (let session = 0; session < 3; session++) {
      table.acquire(0, BACKEND)
      table.acquire(0, ownRow)
    }
    // Of four sessions it may have 150% of two: three.
    table.acquire(0, BACKEND)
    expect(take(pool, table, 7)).toBe(otherName)
    table.release(0, ownRow)
    expect(take(pool, table, 7)).toBe(own)
  })

  it('fills servers one after the other with first', () => {
    const { pool } = poolOf({ a: { maxconn: 1 }, b: { maxconn: 2 } }, { balance: 'first' })
    const taken = Array.from({ length: 4 }, () => pool.take(-1, []))
    expect(taken.map((server) => (server === 'full' ? server : server?.plan.name))).toEqual([
      'a',
      'b',
      'b',
      'full',
    ])
  })

  it('tells a strategy of response times only where it goes by them', () => {
    expect(poolOf({ a: {} }).pool.observe).toBeNull()
    const { pool, table } = poolOf({ a: {}, b: {} }, { balance: 'peak-ewma' })
    take(pool, table)
    const [a, b] = pool.servers
    pool.observe?.(a!, 500, 10)
    pool.observe?.(b!, 5, 10)
    expect(Array.from({ length: 10 }, () => take(pool, table))).toEqual(new Array(10).fill('b'))
  })
})

describe('a server that starts slowly', () => {
  /** How often each server is taken in a whole number of rounds. */
  const sharesOf = (
    pool: ServerPool,
    table: ServerTable,
    picks: number,
  ): Record<string, number> => {
    const shares: Record<string, number> = {}
    for (let n = 0; n < picks; n++) {
      const name = take(pool, table)
      shares[name] = (shares[name] ?? 0) + 1
    }
    return shares
  }

  it('gets a growing share, and the others share the rest as before', () => {
    const { pool, table } = poolOf({ a: {}, b: {}, c: { weight: 2 } })
    table.setSteps(1, 1, 1)
    expect(sharesOf(pool, table, 490)).toEqual({ a: 10, b: 160, c: 320 })
    table.setSteps(1, 8, 8)
    expect(sharesOf(pool, table, 560)).toEqual({ a: 80, b: 160, c: 320 })
    table.setSteps(1, 16, 16)
    expect(sharesOf(pool, table, 400)).toEqual({ a: 100, b: 100, c: 200 })
  })

  it('takes from the others none of the keys that they have', () => {
    const keys = Array.from({ length: 2_000 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 0)
    const servers = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, { weight: 256 }]))
    for (const balance of ['source', 'maglev']) {
      const { pool, table } = poolOf(servers, { balance })
      const namesNow = (): string[] => keys.map((key) => take(pool, table, key))
      const whole = namesNow()
      table.setSteps(1, 4, 4)
      const held = namesNow()
      const count = (names: readonly string[]): number =>
        names.filter((name) => name === 'a').length
      expect(count(held) / count(whole)).toBeGreaterThan(0.2)
      expect(count(held) / count(whole)).toBeLessThan(0.4)
      const moved = held.filter((name, n) => whole[n] !== 'a' && name !== whole[n])
      expect(moved.length / keys.length).toBeLessThan(balance === 'source' ? 0.0001 : 0.02)
      table.setSteps(1, 16, 16)
      expect(namesNow()).toEqual(whole)
    }
  })

  it.each([
    [1, 1],
    [4, 2],
    [8, 5],
    [16, 10],
  ])('may have after %i steps %i of 10 sessions', (steps, sessions) => {
    const { pool, table } = poolOf({ a: { maxconn: 10 } })
    table.setSteps(1, steps, steps)
    let places = 0
    while (pool.take(-1, []) !== 'full') places++
    expect(places).toBe(sessions)
    expect([...pool.candidates.capacities]).toEqual([sessions])
  })
})

describe('what an agent says of maxconn', () => {
  const agent = { address: { kind: 'inet', host: '10.0.0.1', port: 99 } } as ServerConfig['agent']

  it.each([
    { maxconn: 10, said: 3, places: 3 },
    { maxconn: 10, said: 30, places: 30 },
    { maxconn: 0, said: 2, places: 2 },
    { maxconn: 4, said: 0, places: 4 },
  ])('counts in place of the maxconn of the config: $said for $maxconn', (expected) => {
    const { pool, table } = poolOf({ a: { maxconn: expected.maxconn, agent } })
    table.setAgentMaxconn(1, expected.said)
    expect(pool.isLimited).toBe(true)
    let places = 0
    while (pool.take(-1, []) !== 'full') places++
    expect(places).toBe(expected.places)
  })
})

describe('a server that sessions wait for', () => {
  it('is left to those that are older, and not to those that are younger', () => {
    const { pool, table } = poolOf({ a: { maxconn: 5 } })
    const { lines } = table
    const early = lines.join(0, BACKEND)
    const own = lines.join(0, 1, BACKEND)
    lines.showFirst(0, 1, own)
    const late = lines.join(0, BACKEND)
    expect(pool.take(-1, [], late)).toBe('full')
    expect(pool.take(-1, [])).toBe('full')
    expect(pool.take(-1, [], early)).toMatchObject({ plan: { name: 'a' } })
    const [server] = pool.servers
    expect(pool.waitingFor(server!)).toBe(1)
    expect([pool.isAwaited, pool.waitingTotal]).toEqual([true, 3])
    lines.leave(0, 1)
    expect(pool.take(-1, [], late)).toMatchObject({ plan: { name: 'a' } })
  })
})

describe('backups', () => {
  const servers = { a: {}, b: {}, c: { backup: true }, d: { backup: true } }
  const picked = (pool: ServerPool, table: ServerTable): string[] =>
    [...new Set(Array.from({ length: 8 }, () => take(pool, table)))].toSorted()

  it('take over once no other server is up: the first, and the next when that is down', () => {
    const { pool, table } = poolOf(servers)
    expect(picked(pool, table)).toEqual(['a', 'b'])
    table.setState(1, SERVER_STATE.down)
    expect(picked(pool, table)).toEqual(['b'])
    table.setState(2, SERVER_STATE.drain)
    expect(picked(pool, table)).toEqual(['c'])
    table.setState(3, SERVER_STATE.down)
    expect(picked(pool, table)).toEqual(['d'])
    table.setState(1, SERVER_STATE.up)
    expect(picked(pool, table)).toEqual(['a'])
  })

  it('take over together with option allbackups', () => {
    const { pool, table } = poolOf(servers, { allbackups: true })
    table.setState(1, SERVER_STATE.down)
    table.setState(2, SERVER_STATE.down)
    expect(picked(pool, table)).toEqual(['c', 'd'])
  })
})

describe('the bound of a server', () => {
  it.each([
    // sessions of the backend, sessions that the server may have
    [0, 4],
    [40, 4],
    [50, 5],
    [99, 9],
    [100, 10],
    [500, 10],
  ])(
    'with %i sessions of the backend is %i, from minconn to maxconn at fullconn',
    (load, bound) => {
      const { pool, table } = poolOf({ a: { minconn: 4, maxconn: 10 } }, { fullconn: 100 })
      for (let n = 0; n < load; n++) table.acquire(0, BACKEND)
      let places = 0
      while (pool.take(-1, []) !== 'full') places++
      expect(places).toBe(bound)
    },
  )
})

it('passes over all servers that have failed on a session, while there is another', () => {
  const { pool, table } = poolOf({ a: {}, b: {}, c: {}, d: {} })
  const takeAfter = (failed: readonly number[]): string => {
    const server = pool.take(-1, failed)
    if (server === null || server === 'full') return String(server)
    table.release(0, server.plan.row)
    return server.plan.name
  }
  for (let n = 0; n < 12; n++) {
    expect(takeAfter([1, 2, 3])).toBe('d')
    expect(['b', 'd']).toContain(takeAfter([3, 1]))
    expect(['a', 'b', 'c']).toContain(takeAfter([1, 2, 3, 4]))
  }
})

describe('the table of a large backend', () => {
  const names = Array.from({ length: 300 }, (_, n) => `s${n}`)
  const keys = Array.from({ length: 500 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 0)

  /** A pool that has been used, and the turns of the event loop that wait. */
  function largePool(balance: string) {
    const deferred: (() => void)[] = []
    let nowMs = 0
    // Each slice takes longer than a turn may.
    const builds = new TableBuilds(
      () => nowMs++,
      (work) => void deferred.push(work),
    )
    const { pool, table } = poolOf(
      Object.fromEntries(names.map((name) => [name, {}])),
      { balance },
      builds,
    )
    const namesNow = (): string[] => keys.map((key) => take(pool, table, key))
    const before = namesNow()
    return { pool, table, deferred, namesNow, before }
  }

  it.each(['maglev', 'source'])(
    'is built in slices, and gives nothing to who has gone: %s',
    (balance) => {
      const { pool, table, deferred, namesNow, before } = largePool(balance)
      const [gone, down, moved] = ['s7', 's8', 's9'].map((name) => {
        return pool.servers.find(({ plan }) => plan.name === name)!.plan
      }) as [PlannedServer, PlannedServer, PlannedServer]
      const address = { kind: 'inet', host: '10.9.9.9', port: 80 } as const
      const place = pool.servers.findIndex(({ plan }) => plan === moved)
      pool.change({
        backend: 'app',
        removed: [gone.row],
        placed: [{ place: place - 1, server: { ...moved, address } }],
      })
      table.setState(down.row, SERVER_STATE.down)
      const stays = (name: string): boolean => name !== gone.name && name !== down.name
      let turns = 0
      for (; deferred.length > 0 || turns === 0; turns++) {
        const during = namesNow()
        expect(during.every(stays)).toBe(true)
        expect(during.filter((name, n) => stays(before[n]!) && name !== before[n])).toEqual([])
        expect(pool.usableAt(moved.row)?.plan.address).toEqual(address)
        deferred.shift()?.()
      }
      expect(turns).toBeGreaterThan(3)
      const left = poolOf(
        Object.fromEntries(names.filter((name) => name !== gone.name).map((name) => [name, {}])),
        { balance },
      )
      left.table.setState(
        left.pool.servers.find(({ plan }) => plan.name === down.name)!.plan.row,
        SERVER_STATE.down,
      )
      expect(namesNow()).toEqual(keys.map((key) => take(left.pool, left.table, key)))
    },
  )

  it('is built at once where nobody of the one before is left', () => {
    const { pool, table, deferred, namesNow } = largePool('maglev')
    const [last] = pool.servers.slice(-1)
    for (const { plan } of pool.servers) {
      if (plan !== last!.plan) table.setState(plan.row, SERVER_STATE.down)
    }
    expect(new Set(namesNow())).toEqual(new Set([last!.plan.name]))
    const { plan } = pool.servers[3]!
    table.setState(plan.row, SERVER_STATE.up)
    table.setState(last!.plan.row, SERVER_STATE.down)
    expect(new Set(namesNow())).toEqual(new Set([plan.name]))
    for (let turn = deferred.shift(); turn !== undefined; turn = deferred.shift()) turn()
    expect(new Set(namesNow())).toEqual(new Set([plan.name]))
  })

  it('is looked at again when servers have changed while it was built', () => {
    const { pool, table, deferred, namesNow, before } = largePool('source')
    const rowOf = (name: string): number =>
      pool.servers.find(({ plan }) => plan.name === name)!.plan.row
    table.setState(rowOf('s1'), SERVER_STATE.down)
    namesNow()
    deferred.shift()?.()
    table.setState(rowOf('s1'), SERVER_STATE.up)
    table.setState(rowOf('s2'), SERVER_STATE.down)
    for (let turn = deferred.shift(); turn !== undefined; turn = deferred.shift()) {
      turn()
      expect(namesNow()).not.toContain('s2')
    }
    expect(namesNow().filter((name, n) => name !== before[n] && before[n] !== 's2')).toEqual([])
    expect(pool.candidates.count).toBe(299)
  })
})
