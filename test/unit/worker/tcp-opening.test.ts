import { describe, expect, it } from 'vitest'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { PlannedBackend, PlannedFrontend } from '../../../src/model/plan.ts'
import { Places } from '../../../src/worker/accept/place.ts'
import { OPENING_MS_MAX, TcpSession } from '../../../src/worker/clients/tcp-session.ts'
import { compileRuntime } from '../../../src/worker/compilation.ts'
import type { FrontendRuntime } from '../../../src/worker/exchange/runtime.ts'
import { rdpRequest } from '../rules/rdp-requests.ts'
import { clientHello } from './accept/client-hellos.ts'
import { FakeConn, FakeEngine } from './fake-network.ts'
import { CLIENT_MS, FRONTEND, passTime, planOf, servicesOf, TUNE } from './session-lab.ts'

const SERVERS = 8
/** Later than any deadline that is `ms` away. */
const SLACK_MS = 200

/** Sessions in front of a farm of remote desktops, without network and clock. */
function startFarm(
  balance = 'rdp-cookie',
  clientMs = CLIENT_MS,
  rules: Partial<PlannedFrontend> = {},
) {
  const table = ServerTable.create(1)
  const engine = new FakeEngine()
  const services = servicesOf(TUNE, table, engine)
  const places = new Places(services, () => {})
  const backend: Partial<PlannedBackend> = { mode: 'tcp', balance }
  const base = planOf({ frontend: { mode: 'tcp' }, backend, servers: SERVERS })
  const [frontend] = base.frontends
  if (frontend === undefined) throw new Error('no frontend')
  const timeouts = { ...frontend.timeouts, clientMs }
  const plan = { ...base, frontends: [{ ...frontend, timeouts, ...rules }] }
  for (const { row } of plan.backends.flatMap(({ servers }) => servers)) {
    table.setState(row, SERVER_STATE.up)
    table.setWeight(row, 1)
  }
  const runtime = compileRuntime(plan, services, null)
  const door = { frontend: runtime.frontends.get('web') as FrontendRuntime, closed: false }
  return {
    engine,
    /** Sessions of the frontend. */
    sessions: () => table.sessions(FRONTEND),
    pass: (ms: number): void => passTime(services.wheel, ms),
    /** A client connects. */
    accept: (): FakeConn => {
      const client = new FakeConn()
      new TcpSession(client, places.take(door), services)
      return client
    },
  }
}

type Farm = ReturnType<typeof startFarm>

/** The host that a client is connected to which has sent this. */
function hostOf(farm: Farm, text: string): string {
  const client = farm.accept()
  client.receive(text)
  return farm.engine.opened.at(-1)?.to ?? ''
}

function connect(farm: Farm): FakeConn {
  const server = farm.engine.opened.at(-1) as FakeConn
  server.handler.onConnect(server)
  return server
}

const requestOf = (user: string): string => rdpRequest(`Cookie: mstshash=${user}\r\n`)

describe('balance rdp-cookie', () => {
  it('sends each user to one server, and users to all of them', () => {
    const farm = startFarm()
    const users = Array.from({ length: 60 }, (_, n) => `user${n}`)
    const first = users.map((user) => hostOf(farm, requestOf(user)))
    expect(users.map((user) => hostOf(farm, requestOf(user)))).toEqual(first)
    expect(new Set(first).size).toBe(SERVERS)
  })

  it('goes by the cookie that it names', () => {
    const farm = startFarm('rdp-cookie(Msts)')
    const token = rdpRequest('Cookie: msts=3640205228.15629.0000\r\n')
    const hosts = Array.from({ length: 5 }, () => hostOf(farm, token))
    expect(new Set(hosts).size).toBe(1)
  })

  it.each([
    ['has no cookie', rdpRequest('')],
    ['has an empty one', rdpRequest('Cookie: mstshash=\r\n')],
    ['is no RDP', 'SSH-2.0-client\r\n'],
  ])('takes turns for what %s', (_, text) => {
    const farm = startFarm()
    const hosts = Array.from({ length: SERVERS }, () => hostOf(farm, text))
    expect(new Set(hosts).size).toBe(SERVERS)
  })

  it('waits for the cookie, and sends on what it has read', () => {
    const farm = startFarm()
    const client = farm.accept()
    const request = requestOf('elton')
    const end = request.indexOf('\n')
    for (const [n, byte] of [...request.slice(0, end)].entries()) {
      client.receive(byte)
      expect(farm.engine.opened, `after byte ${n}`).toHaveLength(0)
    }
    expect(client.paused).toBe(false)
    client.receive(request.slice(end))
    expect(client.paused).toBe(true)
    const server = connect(farm)
    expect(server.written).toBe(request)
    expect(client.paused).toBe(false)
    client.receive('more')
    expect(server.written).toBe(`${request}more`)
    server.receive('back')
    expect(client.written).toBe('back')
  })

  it.each([
    ['the time that there is', CLIENT_MS, OPENING_MS_MAX],
    ['timeout client', 1000, 1000],
  ])('waits no longer than %s', (_, clientMs, limitMs) => {
    const farm = startFarm('rdp-cookie', clientMs)
    const client = farm.accept()
    client.receive(requestOf('elton').slice(0, 20))
    farm.pass(limitMs - SLACK_MS)
    expect(farm.engine.opened).toHaveLength(0)
    farm.pass(2 * SLACK_MS)
    expect(farm.engine.opened).toHaveLength(1)
    expect(connect(farm).written).toBe(requestOf('elton').slice(0, 20))
    // The time is not still running.
    farm.pass(limitMs / 2)
    expect(farm.engine.opened).toHaveLength(1)
  })

  it('goes on when the client ends its side, and passes that on', () => {
    const farm = startFarm()
    const client = farm.accept()
    client.receive('\x03\x00')
    client.handler.onEnd(client)
    const server = connect(farm)
    expect([server.written, server.ended]).toEqual(['\x03\x00', true])
  })

  it('ends with a client that leaves before it has said who it is', () => {
    const farm = startFarm()
    const client = farm.accept()
    expect(farm.sessions()).toBe(1)
    client.handler.onClose(client, 'reset')
    expect(farm.sessions()).toBe(0)
    farm.pass(OPENING_MS_MAX + SLACK_MS)
    expect(farm.engine.opened).toHaveLength(0)
  })
})

describe('any other balance', () => {
  it('does not wait for the client', () => {
    const farm = startFarm('roundrobin')
    const client = farm.accept()
    expect(farm.engine.opened).toHaveLength(1)
    expect(client.paused).toBe(true)
  })
})

const DELAY_MS = 3000
const BY_NAME: Partial<PlannedFrontend> = {
  tcpRequest: [
    `inspect-delay ${DELAY_MS}`,
    'content reject if { req.ssl_sni bad.example }',
    'content accept if { req.ssl_hello_type 1 }',
  ],
  useBackend: ['app if { req.ssl_sni a.example }'],
  defaultBackend: null,
}

function startByName(rules: Partial<PlannedFrontend> = {}, clientMs = CLIENT_MS): Farm {
  return startFarm('roundrobin', clientMs, { ...BY_NAME, ...rules })
}

describe('tcp-request content', () => {
  it('is answered by a hello however it is cut, and the server gets it whole', async () => {
    const farm = startByName()
    const hello = await clientHello({ servername: 'a.example' })
    for (let cut = 1; cut < hello.length; cut++) {
      const opened = farm.engine.opened.length
      const client = farm.accept()
      client.receive(hello.slice(0, cut))
      expect(farm.engine.opened, `cut at ${cut}`).toHaveLength(opened)
      client.receive(hello.slice(cut))
      expect(client.paused).toBe(true)
      const server = connect(farm)
      expect(server.written).toBe(hello)
      client.receive('more')
      expect(server.written).toBe(`${hello}more`)
    }
  })

  it('closes who is refused, and counts nothing for it any more', async () => {
    const farm = startByName()
    const client = farm.accept()
    client.receive(await clientHello({ servername: 'bad.example' }))
    expect([client.destroyed, farm.sessions()]).toEqual([true, 0])
    farm.pass(DELAY_MS + SLACK_MS)
    expect(farm.engine.opened).toHaveLength(0)
  })

  it('waits no longer than inspect-delay', () => {
    const farm = startByName({ defaultBackend: 'app' })
    farm.accept().receive('\x16')
    farm.pass(DELAY_MS - SLACK_MS)
    expect(farm.engine.opened).toHaveLength(0)
    farm.pass(2 * SLACK_MS)
    expect(connect(farm).written).toBe('\x16')
  })

  it('closes who is silent for all of timeout client', () => {
    const farm = startByName({ defaultBackend: 'app' }, 1000)
    const client = farm.accept()
    farm.pass(1000 + SLACK_MS)
    expect([client.destroyed, farm.sessions()]).toEqual([true, 0])
    expect(farm.engine.opened).toHaveLength(0)
  })

  it('looks at no more than there is room for', () => {
    const farm = startByName({ defaultBackend: 'app' })
    const client = farm.accept()
    const head = '\x16\x03\x01\x3f\xff\x01\x00\x3f\x00'
    const room = TUNE.bufsizeBytes - TUNE.maxrewriteBytes
    client.receive(head + 'x'.repeat(room - head.length - 1))
    expect(farm.engine.opened).toHaveLength(0)
    client.receive('x')
    expect(farm.engine.opened).toHaveLength(1)
    expect(connect(farm).written).toHaveLength(room)
  })

  it('has the backend go on with what has come', () => {
    const rules = { tcpRequest: ['inspect-delay 1s', 'content accept'], useBackend: [] }
    const farm = startFarm('rdp-cookie', CLIENT_MS, rules)
    const client = farm.accept()
    const request = requestOf('elton')
    client.receive(request.slice(0, 20))
    expect(farm.engine.opened).toHaveLength(0)
    client.receive(request.slice(20))
    expect(connect(farm).written).toBe(request)
  })
})
