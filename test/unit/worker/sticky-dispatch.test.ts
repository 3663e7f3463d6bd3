import { describe, expect, it, vi } from 'vitest'
import { SERVER_STATE } from '../../../src/memory/server-table.ts'
import { reserveStickTable } from '../../../src/memory/stick-table.ts'
import type { PersistenceConfig } from '../../../src/model/persistence-config.ts'
import type { FakeConn } from './fake-network.ts'
import { BACKEND, type LabPlan, SERVER, start } from './session-lab.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const HOSTS = ['10.0.0.1', '10.0.0.2', '10.0.0.3']

const requestOf = (user: string, path = '/'): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nX-User: ${user}\r\n\r\n`

const PERSISTENCE: PersistenceConfig = {
  cookie: null,
  persist: false,
  forcePersist: ['if { path /forced }'],
  ignorePersist: [],
  stickTable: { type: 'string', keyBytesMax: 32, entriesMax: 8, expireSec: 0, nopurge: false },
  stick: ['on hdr(x-user)'],
}

/** Three servers behind a table that goes by X-User; each client has connections of its own. */
function startSticky(changes: LabPlan = {}) {
  const backend = {
    persistence: PERSISTENCE,
    stickMemory: reserveStickTable(8, 1),
    httpReuse: 'never' as const,
    ...changes.backend,
  }
  const lab = start({}, { servers: 3, ...changes, backend })
  /** A new client asks; returns it and the server's connection, which is open. */
  const ask = (user: string, path?: string): { client: FakeConn; server: FakeConn } => {
    const client = lab.connectClient()
    client.receive(requestOf(user, path))
    return { client, server: lab.connectServer() }
  }
  /** The host that a new client's exchange goes to. */
  const hostFor = (user: string, path?: string): string => {
    const { server } = ask(user, path)
    server.receive(OK)
    return server.to
  }
  const setState = (host: string, state: (typeof SERVER_STATE)[keyof typeof SERVER_STATE]): void =>
    lab.table.setState(SERVER + HOSTS.indexOf(host), state)
  return { ...lab, ask, hostFor, setState }
}

describe('a session that belongs to a server', () => {
  it('goes there, whoever is next', () => {
    const { hostFor, places } = startSticky()
    const host = hostFor('ann')
    expect([hostFor('ann'), hostFor('ann'), hostFor('ann')]).toEqual([host, host, host])
    expect(new Set(HOSTS.map((_, n) => hostFor(`user${n}`))).size).toBe(3)
    expect(places()).toEqual([0, 0, 0, 0])
  })

  it('goes there while it drains and whatever its weight, and elsewhere once it is down', () => {
    const { hostFor, setState, table } = startSticky()
    const host = hostFor('ann')
    table.setWeight(SERVER + HOSTS.indexOf(host), 0)
    expect(hostFor('ann')).toBe(host)
    setState(host, SERVER_STATE.drain)
    expect(hostFor('ann')).toBe(host)
    setState(host, SERVER_STATE.down)
    const next = hostFor('ann')
    expect(next).not.toBe(host)
    setState(host, SERVER_STATE.up)
    expect(hostFor('ann')).toBe(next)
  })

  it('stays at one that drains where its idle connection had been closed', () => {
    const { ask, setState, engine, connectServer, counted } = startSticky()
    const { client, server } = ask('ann')
    server.receive(OK)
    setState(server.to, SERVER_STATE.drain)
    client.receive(requestOf('ann'))
    expect(engine.opened).toHaveLength(1)
    server.handler.onClose(server, null)
    expect(engine.opened).toHaveLength(2)
    const second = connectServer()
    expect(second.to).toBe(server.to)
    second.receive(OK)
    expect(client.written).toBe(OK + OK)
    expect(counted('redispatches')).toBe(0)
  })

  it('goes elsewhere with redispatch where it cannot be reached, and then belongs there', () => {
    const { connectClient, engine, connectServer, hostFor } = startSticky({
      backend: { redispatch: true },
    })
    const host = hostFor('ann')
    const client = connectClient()
    client.receive(requestOf('ann'))
    const failing = engine.opened.at(-1) as FakeConn
    expect(failing.to).toBe(host)
    failing.handler.onClose(failing, 'refused')
    const server = connectServer()
    expect(server.to).not.toBe(host)
    server.receive(OK)
    expect(client.written).toBe(OK)
    expect(hostFor('ann')).toBe(server.to)
  })

  it('goes even to one that is down where a condition forces it', () => {
    const { hostFor, setState } = startSticky()
    const host = hostFor('ann')
    setState(host, SERVER_STATE.maint)
    expect(hostFor('ann', '/forced')).toBe(host)
    expect(hostFor('ann')).not.toBe(host)
  })
})

describe('a session whose server is full', () => {
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  }
  /** Ann's server has the one session that it may have. */
  function startFull(changes: LabPlan = {}) {
    const lab = startSticky({ ...changes, server: { maxconn: 1, ...changes.server } })
    const first = lab.ask('ann')
    const row = SERVER + HOSTS.indexOf(first.server.to)
    /** One more client that belongs there asks; nobody has answered it yet. */
    const come = (path = '/'): FakeConn => {
      const client = lab.connectClient()
      client.receive(requestOf('ann', path))
      return client
    }
    const waiting = (): number[] => [row, BACKEND].map((line) => lab.table.lines.length(line))
    return { ...lab, first, row, come, waiting }
  }

  it('waits for it, though others have room, and is served in its turn', async () => {
    const { first, come, engine, connectServer, waiting, places } = startFull()
    const [second, third] = [come(), come()]
    expect(waiting()).toEqual([2, 0])
    expect(engine.opened).toHaveLength(1)
    first.server.receive(OK)
    await settle()
    expect(waiting()).toEqual([1, 0])
    const server = connectServer()
    expect(server.to).toBe(first.server.to)
    server.receive(OK)
    expect([second.written, third.written]).toEqual([OK, ''])
    await settle()
    connectServer().receive(OK)
    expect(third.written).toBe(OK)
    expect(waiting()).toEqual([0, 0])
    expect(places()).toEqual([0, 0, 0, 0])
  })

  it('is refused after timeout queue', () => {
    const { come, pass, waiting } = startFull()
    const second = come()
    pass(1500)
    expect(second.written).toMatch(/^HTTP\/1\.1 503 /)
    expect(waiting()).toEqual([0, 0])
  })

  it('goes elsewhere beyond maxqueue where redispatch allows it, and is refused otherwise', () => {
    for (const redispatch of [true, false]) {
      const { first, come, engine, waiting } = startFull({
        server: { maxqueue: 2 },
        backend: { redispatch },
      })
      for (let n = 0; n < 2; n++) come()
      expect(waiting()).toEqual([2, 0])
      const client = come()
      expect(waiting()).toEqual([2, 0])
      expect(engine.opened).toHaveLength(redispatch ? 2 : 1)
      if (redispatch) expect(engine.opened.at(-1)?.to).not.toBe(first.server.to)
      else expect(client.written).toMatch(/^HTTP\/1\.1 503 /)
    }
  })

  it('is refused beyond maxqueue where a condition forces it there', () => {
    const { come } = startFull({ server: { maxqueue: 1 }, backend: { redispatch: true } })
    come('/forced')
    expect(come('/forced').written).toMatch(/^HTTP\/1\.1 503 /)
  })

  it('goes elsewhere once its server is down', async () => {
    const { first, come, engine, connectServer, setState, waiting } = startFull()
    const client = come()
    setState(first.server.to, SERVER_STATE.down)
    await vi.waitFor(() => expect(waiting()).toEqual([0, 0]))
    expect(engine.opened).toHaveLength(2)
    const server = connectServer()
    expect(server.to).not.toBe(first.server.to)
    server.receive(OK)
    expect(client.written).toBe(OK)
  })

  it('has its turn among those that wait for any server', async () => {
    const { first, come, connectClient, connectServer, waiting, ask, engine } = startFull()
    const others = [ask('bob'), ask('eve')]
    expect(new Set([first, ...others].map(({ server }) => server.to)).size).toBe(3)
    const early = connectClient()
    early.receive(requestOf('anybody1'))
    const own = come()
    const late = connectClient()
    late.receive(requestOf('anybody2'))
    expect(waiting()).toEqual([1, 2])
    for (const [served, client] of [early, own, late].entries()) {
      const latest = served === 0 ? first.server : (engine.opened.at(-1) as FakeConn)
      latest.receive(OK)
      await settle()
      const server = connectServer()
      expect(server.to).toBe(first.server.to)
      expect([early, own, late].map(({ written }) => written)).toEqual(
        [early, own, late].map((_, n) => (n < served ? OK : '')),
      )
      expect(client.written).toBe('')
    }
    expect(waiting()).toEqual([0, 0])
  })

  it('gives way to who waits for any server when it leaves', async () => {
    const { table, row, come, connectClient, ask, connectServer, waiting, first } = startFull()
    for (const user of ['bob', 'eve']) ask(user)
    const own = come()
    const other = connectClient()
    other.receive(requestOf('anybody'))
    expect(waiting()).toEqual([1, 1])
    // A place has become free that this thread has not heard of; then the first in line gives up.
    table.release(0, row)
    own.handler.onClose(own, null)
    await settle()
    expect(waiting()).toEqual([0, 0])
    const server = connectServer()
    expect(server.to).toBe(first.server.to)
    server.receive(OK)
    expect(other.written).toBe(OK)
  })

  it('counts with a circuit breaker among those that wait', () => {
    const { come, counted, waiting } = startFull({
      backend: { circuitBreaker: { maxRequests: 0, maxPending: 1 } },
    })
    come()
    expect(come().written).toMatch(/^HTTP\/1\.1 503 /)
    expect(waiting()).toEqual([1, 0])
    expect(counted('refusedSessions')).toBe(1)
  })
})
