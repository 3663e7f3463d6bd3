import { expect, it } from 'vitest'
import { SERVER_STATE } from '../../../../src/memory/server-table.ts'
import type { PlannedBackend } from '../../../../src/model/plan.ts'
import type { FakeConn } from '../fake-network.ts'
import { BACKEND, CLIENT_MS, FRONTEND, planOf, SERVER, start } from '../session-lab.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const GET_AND_CLOSE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

it('gives a client that reads slowly the time it needs for its last answer', () => {
  const { client, pass, connectServer } = start()
  client.receive(GET_AND_CLOSE)
  client.queuedBytes = 60_000
  connectServer().receive(OK)
  expect(client.ended).toBe(true)
  pass(CLIENT_MS - 1000)
  expect(client.destroyed).toBe(false)
  client.queuedBytes = 30_000
  pass(CLIENT_MS)
  expect(client.destroyed).toBe(false)
  client.queuedBytes = 0
  pass(2000)
  expect(client.destroyed).toBe(false)
  pass(3000)
  expect(client.destroyed).toBe(true)
})

it('gives a client up that takes nothing of its last answer for the client timeout', () => {
  const { client, pass, connectServer } = start()
  client.receive(GET_AND_CLOSE)
  client.queuedBytes = 60_000
  connectServer().receive(OK)
  pass(CLIENT_MS + 200)
  expect(client.destroyed).toBe(true)
})

it('waits a short time only for a client that does not close its side', () => {
  const { client, pass, connectServer } = start()
  client.receive(GET_AND_CLOSE)
  connectServer().receive(OK)
  client.receive('what nobody asked for')
  expect(client.destroyed).toBe(false)
  pass(3000)
  expect(client.destroyed).toBe(true)
})

it('answers no request that is cut off by the end of the client', () => {
  const { client, pass, engine } = start()
  client.receive('GET / HT')
  client.handler.onEnd(client)
  expect(client.ended).toBe(true)
  pass(60_000)
  expect(client.written).toBe('')
  expect(engine.opened).toHaveLength(0)
})

it('uses a server connection again, and gives every place back', () => {
  const { client, engine, table, connections, connectServer } = start()
  client.receive(GET)
  expect(table.sessions(SERVER)).toBe(1)
  const server = connectServer()
  server.receive(OK)
  expect([table.sessions(BACKEND), table.sessions(SERVER)]).toEqual([0, 0])
  client.receive(GET)
  expect(engine.opened).toHaveLength(1)
  expect(server.written).toBe(GET + GET)
  server.receive(OK)
  expect(client.written).toBe(OK + OK)
  client.handler.onClose(client, null)
  expect(table.sessions(FRONTEND)).toBe(0)
  expect(connections.size).toBe(0)
})

it('sends a request again when the connection that it reused was closed meanwhile', () => {
  const { client, engine, connectServer } = start()
  client.receive(GET)
  const stale = connectServer()
  stale.receive(OK)
  client.receive(GET)
  stale.handler.onClose(stale, 'reset')
  const fresh = connectServer()
  expect(engine.opened).toHaveLength(2)
  expect(fresh.written).toBe(GET)
  fresh.receive(OK)
  expect(client.written).toBe(OK + OK)
})

it('sends no request twice that may not be done twice', () => {
  const { client, engine, connectServer } = start()
  client.receive(GET)
  const stale = connectServer()
  stale.receive(OK)
  client.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
  stale.handler.onClose(stale, 'reset')
  expect(engine.opened).toHaveLength(1)
  expect(client.written).toMatch(/HTTP\/1\.1 502 /)
})

it('refuses a change of protocol that nobody asked for', () => {
  const { client, connectServer } = start()
  client.receive(GET)
  connectServer().receive(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
  )
  expect(client.written).toMatch(/^HTTP\/1\.1 502 /)
})

it('stops reading the server while the client does not keep up, and reads on when it does', () => {
  const { client, connectServer } = start()
  client.receive(GET)
  const server = connectServer()
  client.takesMore = false
  server.receive('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc')
  expect(server.paused).toBe(true)
  client.takesMore = true
  client.handler.onDrain(client)
  expect(server.paused).toBe(false)
  server.receive('def')
  expect(client.written.endsWith('abcdef')).toBe(true)
})

it('gives up waiting for a server that is found to be down meanwhile', () => {
  const { client, engine, table, pass } = start()
  client.receive(GET)
  const refused = engine.opened.at(-1) as FakeConn
  refused.handler.onClose(refused, 'refused')
  table.setState(SERVER, SERVER_STATE.down)
  pass(1200)
  expect(engine.opened).toHaveLength(1)
  expect(client.written).toMatch(/^HTTP\/1\.1 503 /)
  expect([table.sessions(BACKEND), table.sessions(SERVER)]).toEqual([0, 0])
})

it('answers 408 to a client that sends nothing, as HAProxy does', () => {
  const { client, pass } = start()
  pass(5200)
  expect(client.written).toMatch(/^HTTP\/1\.1 408 /)
})

it('leaves a client that sends nothing without an answer, where probes are ignored', () => {
  const { client, pass } = start({}, { frontend: { ignoreProbes: true } })
  pass(5200)
  expect(client.written).toBe('')
  expect(client.destroyed).toBe(true)
})

it.each([0, 100])(
  'ends once where both sides are late at once, connected after %i ms',
  (afterMs) => {
    const [backend] = planOf({}).backends
    const timeouts = { ...(backend as PlannedBackend).timeouts, serverMs: CLIENT_MS }
    const { client, pass, connectServer, table, connections } = start({}, { backend: { timeouts } })
    client.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome')
    // In which order the two fall due depends on when they were first set.
    pass(afterMs)
    const server = connectServer()
    pass(100 - afterMs)
    client.receive('more')
    server.receive('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome')
    pass(2 * CLIENT_MS)
    expect([client.destroyed, server.destroyed]).toEqual([true, true])
    expect([table.sessions(BACKEND), table.sessions(SERVER)]).toEqual([0, 0])
    client.handler.onClose(client, 'aborted')
    expect([table.sessions(FRONTEND), connections.size]).toEqual([0, 0])
  },
)
