import { expect, it } from 'vitest'
import { DEFAULT_HEAD_LIMITS } from '../../../src/http/limits.ts'
import { RequestHead } from '../../../src/http/request-head.ts'
import { ResponseHead } from '../../../src/http/response-head.ts'
import type { Plan } from '../../../src/model/plan.ts'
import { SERVER_STATE, ServerTable } from '../../../src/model/server-table.ts'
import { DeadlineWheel } from '../../../src/net/deadline-wheel.ts'
import { HttpSession } from '../../../src/proxy/http-session.ts'
import type { FrontendListener } from '../../../src/proxy/listener.ts'
import { RequestRewrite, ResponseRewrite } from '../../../src/proxy/rewrite.ts'
import { compileRuntime } from '../../../src/proxy/runtime.ts'
import type { Services } from '../../../src/proxy/services.ts'
import { SessionRegistry } from '../../../src/proxy/session-registry.ts'
import type { AccessLogWriter } from '../../../src/telemetry/access-log-writer.ts'
import { FakeConn, FakeEngine } from './fake-network.ts'

const CLIENT_MS = 10_000
const [FRONTEND, BACKEND, SERVER] = [0, 1, 2]

const PLAN = {
  serial: 1,
  maxconn: 100,
  tune: { bufsizeBytes: 16_384, httpMaxhdr: 101, poolIdleMax: 4 },
  frontends: [
    {
      name: 'web',
      row: FRONTEND,
      mode: 'http',
      maxconn: 100,
      timeouts: {
        clientMs: CLIENT_MS,
        clientFinMs: CLIENT_MS,
        httpRequestMs: 5000,
        httpKeepAliveMs: 60_000,
        tcpIdleMs: CLIENT_MS,
      },
      forwardfor: null,
      dontlognull: false,
      log: false,
      acls: [],
      httpRequest: [],
      httpResponse: [],
      useBackend: [],
      defaultBackend: 'app',
      listeners: [],
    },
  ],
  backends: [
    {
      name: 'app',
      row: BACKEND,
      mode: 'http',
      balance: 'roundrobin',
      timeouts: {
        connectMs: 1000,
        serverMs: 20_000,
        serverFinMs: 20_000,
        queueMs: 1000,
        checkMs: 1000,
        tunnelMs: 20_000,
        tcpIdleMs: 20_000,
        tcpTunnelMs: null,
      },
      retries: 3,
      retryOn: ['conn-failure'],
      redispatch: false,
      forwardfor: null,
      acls: [],
      httpRequest: [],
      httpResponse: [],
      servers: [
        {
          name: 's1',
          row: SERVER,
          address: { kind: 'inet', host: '192.0.2.9', port: 80 },
          weight: 1,
          disabled: false,
          check: null,
        },
      ],
    },
  ],
} as const satisfies Plan

function start() {
  const table = ServerTable.create(1)
  table.setState(SERVER, SERVER_STATE.up)
  table.setWeight(SERVER, 1)
  const engine = new FakeEngine()
  const wheel = new DeadlineWheel(0)
  const requestHead = new RequestHead(DEFAULT_HEAD_LIMITS)
  const responseHead = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const services: Services = {
    engine,
    wheel,
    clock: () => wheel.nowMs,
    random: () => 0,
    table,
    worker: 0,
    cells: table.counters(0),
    accessLog: { isOff: true } as AccessLogWriter,
    requestHead,
    requestEdits: { added: '', target: '', defaultHost: '', close: false, upgrade: false },
    requestRewrite: new RequestRewrite(requestHead),
    responseHead,
    responseEdits: { added: '', connection: '', dechunked: false },
    responseRewrite: new ResponseRewrite(responseHead),
    draining: false,
  }
  const runtime = compileRuntime(PLAN, services, null)
  const listener = { frontend: runtime.frontends.get('web'), closed: false }
  const client = new FakeConn()
  const registry = new SessionRegistry(() => {})
  new HttpSession(client, listener as unknown as FrontendListener, services, registry)
  /** Lets time pass, as the worker's ticker does. */
  const pass = (ms: number): void => {
    for (const end = wheel.nowMs + ms; wheel.nowMs < end; ) {
      wheel.advance(Math.min(wheel.nowMs + 50, end))
    }
  }
  /** Opens the server connection that is being waited for. */
  const connectServer = (): FakeConn => {
    const server = engine.opened.at(-1) as FakeConn
    server.handler.onConnect(server)
    return server
  }
  return { client, engine, table, registry, pass, connectServer }
}

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
  const { client, engine, table, registry, connectServer } = start()
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
  expect(registry.size).toBe(0)
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
