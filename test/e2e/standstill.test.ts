import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { freeze } from './support/freezing.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { startSleepingServer } from './support/stuck-server.ts'
import { startTcpServer, type TcpServer } from './support/tcp-server.ts'
import { openingTo } from './support/tcp-table.ts'
import { until } from './support/waiting.ts'

/** Every timeout of the daemons here. */
const TIMEOUT = '2s'
/** How long a daemon stands still: every timeout passes meanwhile. */
const STANDSTILL_MS = 3000

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved'
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const KINDS = [
  ...['client', 'server', 'connect', 'queue', 'http-request', 'http-keep-alive', 'tunnel'],
  'check',
]
/** Questions and answers of a check: more than one poll of the loop brings. */
const ROUNDS = 8
/** A server of which one check decides, as often as every timeout passes. */
const CHECKED = { check: true, inter: TIMEOUT, rise: 1, fall: 1 }

interface Case {
  readonly what: string
  readonly mode?: 'http' | 'tcp'
  readonly acceptProxy?: boolean
  /** What a server answers once it has read this. */
  readonly asks: string
  readonly answers: string
  /** The client's bytes before the daemon stands still. */
  readonly before: string
  /** What the client has been sent by then. */
  readonly gets?: string
  /** What arrives while it stands still, of the client or of the server. */
  readonly meanwhile: { readonly client?: string; readonly server?: string }
  /** What the client is sent then. */
  readonly ends: string
}

const CASES: readonly Case[] = [
  {
    what: 'timeout server: the response',
    asks: GET.slice(0, 14),
    answers: '',
    before: GET,
    meanwhile: { server: OK },
    ends: OK,
  },
  {
    what: 'timeout server: the end of a body',
    asks: GET.slice(0, 14),
    answers: OK.slice(0, -3),
    before: GET,
    gets: 'ser',
    meanwhile: { server: 'ved' },
    ends: 'ved',
  },
  {
    what: 'timeout http-request: the end of a head',
    asks: 'Host',
    answers: OK,
    before: GET.slice(0, -2),
    meanwhile: { client: '\r\n' },
    ends: OK,
  },
  {
    what: 'timeout http-keep-alive: the next request',
    asks: GET.slice(0, 14),
    answers: OK,
    before: GET,
    gets: 'served',
    meanwhile: { client: GET },
    ends: OK,
  },
  {
    what: 'timeout client: the end of a body',
    asks: 'whole',
    answers: OK,
    before: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nwh',
    meanwhile: { client: 'ole' },
    ends: OK,
  },
  {
    what: 'timeout tunnel: an upgraded connection',
    asks: 'Upgrade',
    answers: SWITCHING,
    before: UPGRADE,
    gets: '\r\n\r\n',
    meanwhile: { server: 'echo' },
    ends: 'echo',
  },
  {
    what: 'timeout client and server: a TCP connection',
    mode: 'tcp',
    asks: 'hello',
    answers: 'hello',
    before: 'hello',
    gets: 'hello',
    meanwhile: { server: 'again' },
    ends: 'again',
  },
  {
    what: 'the acceptance of a PROXY header',
    acceptProxy: true,
    asks: GET.slice(0, 14),
    answers: OK,
    before: 'PROXY TCP4 192.0.2.1 ',
    meanwhile: { client: `192.0.2.2 1 2\r\n${GET}` },
    ends: OK,
  },
]

/** A server that answers everything it reads with `answers`, once that has `asks` in it. */
function answering({ asks, answers }: Case): (socket: Socket) => void {
  return (socket) => {
    let read = ''
    socket.on('data', (data) => {
      read += data.toString('latin1')
      if (!read.includes(asks)) return
      read = ''
      socket.write(answers)
    })
  }
}

const TIMEOUTS = Object.fromEntries(KINDS.map((kind) => [kind, TIMEOUT]))

interface Shape extends Pick<Case, 'mode'> {
  /** More of the server. */
  readonly server?: Readonly<Record<string, unknown>>
  /** More of the backend. */
  readonly backend?: Readonly<Record<string, unknown>>
}

/** One thread before one server, with every timeout short. */
async function startBalancer(address: string, shape: Shape) {
  const { mode = 'http', server, backend } = shape
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1, log: { access: 'off' } },
      defaults: { mode, timeout: TIMEOUTS },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { ...backend, servers: { s1: { address, ...server } } } },
    },
  })
  return { port, daemon }
}

/** A case, with its server and where its frontend listens. */
interface Scene {
  readonly one: Case
  readonly server: TcpServer
  readonly port: number
}

/** One thread with a frontend and a server for each case. */
async function startForCases(): Promise<{ daemon: Daemon; scenes: readonly Scene[] }> {
  const scenes: Scene[] = []
  for (const one of CASES) {
    const server = await startTcpServer(answering(one))
    scenes.push({ one, server, port: await freePort() })
  }
  const frontends = scenes.map(({ one: { mode = 'http', acceptProxy = false }, port }, n) => {
    const bind = { 'address': `127.0.0.1:${port}`, 'accept-proxy': acceptProxy }
    return [`f${n}`, { mode, bind, default_backend: `b${n}` }]
  })
  const backends = scenes.map(({ one: { mode = 'http' }, server: { address } }, n) => {
    return [`b${n}`, { mode, servers: { s1: address } }]
  })
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1, log: { access: 'off' } },
      defaults: { timeout: TIMEOUTS },
      frontends: Object.fromEntries(frontends),
      backends: Object.fromEntries(backends),
    },
  })
  return { daemon, scenes }
}

/** Plays a case as far as it goes before the standstill; gives its client. */
async function begin({ one, server, port }: Scene): Promise<Socket> {
  const { gets } = one
  const client = await openSocket(port)
  client.write(one.before)
  if (gets !== undefined) await readUntil(client, (text) => text.endsWith(gets))
  else if (one.meanwhile.server !== undefined) {
    await until('the request to be at the server', () => server.sockets[0]?.bytesRead || undefined)
  }
  return client
}

/** The check that a standstill has come into passes: it would have taken the server down. */
async function expectPassing(daemon: Daemon): Promise<void> {
  const checks = async (): Promise<number> => {
    const samples = await scrape(daemon)
    return samples('sluice_server_check_duration_seconds')
  }
  daemon.signal('SIGCONT')
  await until('the check to end', async () =>
    (await checks()) > 0.001 * STANDSTILL_MS ? true : undefined,
  )
  const events = daemon.log.map(({ event }) => event)
  expect(events).not.toContain('server-down')
}

describe('what arrives while the daemon stands still is in time for', () => {
  it('timeout queue: the place that another client leaves', async () => {
    let requests = 0
    const server = await startTcpServer((socket) => {
      socket.on('data', () => void (++requests > 1 && socket.write(OK)))
    })
    const { port, daemon } = await startBalancer(server.address, { server: { maxconn: 1 } })
    const first = await openSocket(port)
    first.write(GET)
    await until('the request to be at the server', () => server.sockets[0]?.bytesRead || undefined)
    const second = await openSocket(port)
    second.write(GET)
    await until('the second to wait', async () => {
      const samples = await scrape(daemon)
      return samples('sluice_backend_current_queue', { proxy: 'app' }) === 1 ? true : undefined
    })
    await freeze(daemon)
    server.sockets[0]?.write(OK)
    await sleep(STANDSTILL_MS)
    daemon.signal('SIGCONT')
    for (const client of [first, second]) {
      expect((await readUntil(client, (text) => text === OK)).text).toBe(OK)
    }
  })

  it('timeout connect: a connection that opens', async () => {
    const server = await startSleepingServer()
    const { port, daemon } = await startBalancer(`127.0.0.1:${server.port}`, {})
    await server.fallAsleep()
    const others = openingTo(server.port)
    const client = await openSocket(port)
    client.write(GET)
    await until('the connection to be begun', () => openingTo(server.port) > others || undefined)
    await freeze(daemon)
    server.wake()
    await until('the connection to open', () => openingTo(server.port) === 0 || undefined)
    await sleep(STANDSTILL_MS)
    daemon.signal('SIGCONT')
    const { text } = await readUntil(client, (read) => read.endsWith('served'))
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('a check that connects', async () => {
    const server = await startSleepingServer()
    const { daemon } = await startBalancer(`127.0.0.1:${server.port}`, { server: CHECKED })
    await server.fallAsleep()
    const others = openingTo(server.port)
    await until('a check to begin', () => openingTo(server.port) > others || undefined)
    await freeze(daemon)
    server.wake()
    await until('the connection to open', () => openingTo(server.port) === 0 || undefined)
    await sleep(STANDSTILL_MS)
    await expectPassing(daemon)
  })

  it('a check of several round trips', async () => {
    let greets = true
    let rounds = 0
    const server = await startTcpServer((socket) => {
      if (greets) socket.write('hello')
      socket.on('data', () => void socket.write(`round ${++rounds}`))
    })
    const { daemon } = await startBalancer(server.address, {
      mode: 'tcp',
      server: CHECKED,
      backend: {
        'option': { 'tcp-check': true },
        'tcp-check': [
          'connect',
          'expect string hello',
          ...Array.from({ length: ROUNDS }, () => ['send next', 'expect string round']).flat(),
        ],
      },
    })
    await until('a check to pass', () => rounds >= ROUNDS || undefined)
    greets = false
    const { length } = server.sockets
    await until('a check to wait for its server', () => server.sockets.length > length || undefined)
    await freeze(daemon)
    for (const socket of server.sockets.slice(length)) socket.write('hello')
    greets = true
    await sleep(STANDSTILL_MS)
    await expectPassing(daemon)
  })

  it('every other timeout, of sessions at once', async () => {
    const { daemon, scenes } = await startForCases()
    const clients = await Promise.all(scenes.map(begin))
    await freeze(daemon)
    for (const [n, { one, server }] of scenes.entries()) {
      if (one.meanwhile.client !== undefined) clients[n]?.write(one.meanwhile.client)
      if (one.meanwhile.server !== undefined) server.sockets[0]?.write(one.meanwhile.server)
    }
    await sleep(STANDSTILL_MS)
    daemon.signal('SIGCONT')
    const ends = scenes.map(async ({ one }, n) => {
      const { text } = await readUntil(clients[n] as Socket, (read) => read === one.ends)
      return [one.what, text]
    })
    expect(await Promise.all(ends)).toEqual(CASES.map((one) => [one.what, one.ends]))
  })
})
