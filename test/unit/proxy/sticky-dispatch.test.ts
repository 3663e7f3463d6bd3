import { describe, expect, it } from 'vitest'
import type { PersistenceConfig } from '../../../src/model/persistence-config.ts'
import { SERVER_STATE } from '../../../src/model/server-table.ts'
import { reserveStickTable } from '../../../src/model/stick-table.ts'
import type { FakeConn } from './fake-network.ts'
import { type LabPlan, SERVER, start } from './session-lab.ts'

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

  it('goes elsewhere where it is full, and holds one place only', () => {
    const { ask, places } = startSticky({ server: { maxconn: 1 } })
    const first = ask('ann')
    const second = ask('ann')
    expect(second.server.to).not.toBe(first.server.to)
    expect(places().reduce((sum, count) => sum + count)).toBe(4)
    for (const { server } of [first, second]) server.receive(OK)
    expect(places()).toEqual([0, 0, 0, 0])
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
