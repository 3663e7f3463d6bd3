import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { untilAllSleep } from './support/process-state.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** `ulimit -n` of the daemons here. */
const OPEN_FILES_MAX = 256
const launcher = ['sh', '-c', `ulimit -n ${OPEN_FILES_MAX} && exec "$@"`, 'sh'] as const
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const CLIENTS = 300

const isServed = (text: string): boolean => text.endsWith('served')

/** No worker was lost, nobody was turned away, and the daemon serves. */
async function expectHealthy({ log, adminUrl }: Daemon, port: number): Promise<void> {
  const events = log.map(({ event }) => event)
  expect(events).not.toContain('worker-lost')
  expect(events).not.toContain('accept-failed')
  const { status } = await fetch(`${adminUrl}/readyz`)
  expect(status).toBe(200)
  expect((await rawExchange(port, GET, { until: isServed })).text).toMatch(/^HTTP\/1\.1 200 /)
}

async function expectServed(clients: readonly Socket[]): Promise<void> {
  for (const client of clients) client.write(GET)
  for (const client of clients) {
    expect((await readUntil(client, isServed)).text).toMatch(/^HTTP\/1\.1 200 /)
  }
}

/** Connects somewhere and asks, before it is read. */
async function askAt(where: NetConnectOpts, question: string): Promise<Socket> {
  const socket = connect(where)
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  socket.pause().write(question)
  return socket
}

/** Sets the limit of open files of a running process. */
function limitTo({ pid }: Daemon, soft: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`])
}

function hardLimitOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/limits`, 'latin1')
  return Number(/^Max open files +\d+ +(\d+)/m.exec(text)?.[1])
}

it.each([
  ['a frontend at its maxconn', { maxconn: 40 }],
  ['as many clients as the limit allows', {}],
])('serves %s, and who waits, with few descriptors', async (_, frontend) => {
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const daemon = await startDaemon({
    launcher,
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app', ...frontend } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  const low = daemon.log.filter(({ event }) => event === 'descriptors-low')
  expect(low).toMatchObject([{ level: 'warn', limit: OPEN_FILES_MAX, maxconn: 10_000 }])
  expect(low[0]?.['message']).toMatch(/256.*ulimit -n, LimitNOFILE=/)
  // Each that is served makes room for another by leaving.
  const answers = Array.from({ length: CLIENTS }, async () => {
    const socket = await openSocket(port)
    socket.write(GET)
    const { text } = await readUntil(socket, isServed)
    socket.destroy()
    return text
  })
  for (const text of await Promise.all(answers)) expect(text).toMatch(/^HTTP\/1\.1 200 /)
  await expectHealthy(daemon, port)
})

it('warns of few descriptors when a reload asks for more clients than they allow', async () => {
  const limit = 4096
  // Not even root may raise it beyond the hard limit then.
  const drop = '$(test $(id -u) != 0 || echo setpriv --bounding-set=-sys_resource)'
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const config = (global: object) => ({
    global: { nbthread: 1, log: { access: 'off' }, ...global },
    defaults: { mode: 'http' },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: { app: { servers: { s1: server.address } } },
  })
  const daemon = await startDaemon({
    launcher: ['sh', '-c', `ulimit -n ${limit} && exec ${drop} "$@"`, 'sh'],
    config: config({}),
  })
  const told = () => daemon.log.filter(({ event }) => event === 'descriptors-low')
  expect(told()).toEqual([])
  await daemon.reload(config({ maxconn: 3000 }))
  await daemon.reload(config({ maxconn: 3000, grace: '7s' }))
  await daemon.reload(config({ maxconn: 4000 }))
  expect(told()).toMatchObject([
    { limit, maxconn: 3000 },
    { limit, maxconn: 4000 },
  ])
})

describe('a process that has no descriptor left', () => {
  beforeEach(requires('linux'))

  it('serves who is there, leaves others waiting, and takes no server down', async () => {
    const server = await startHttpServer({ body: 'served' })
    const port = await freePort()
    const checks = { check: true, inter: '50ms', fall: 1 }
    const daemon = await startDaemon({
      config: {
        global: { nbthread: 2, log: { access: 'off' } },
        // A session has all that it needs once it is there.
        defaults: { mode: 'tcp' },
        frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
        backends: {
          app: { servers: { s1: { address: server.address, ...checks } } },
          other: {
            option: { httpchk: true },
            servers: { s2: { address: server.address, ...checks } },
          },
        },
      },
    })
    const known = await Promise.all(Array.from({ length: 10 }, () => openSocket(port)))
    await expectServed(known)
    const limit = hardLimitOf(daemon.pid)
    limitTo(daemon, 1)
    await expectServed(known)
    const late = await Promise.all(Array.from({ length: 20 }, () => openSocket(port)))
    for (const client of late) client.write(GET)
    await daemon.event('descriptors-exhausted')
    // Nothing spins, and every check has met the limit by now.
    await sleep(1000)
    await untilAllSleep(daemon.pid)
    expect(late.filter(({ destroyed }) => destroyed)).toEqual([])
    await expectServed(known)
    limitTo(daemon, limit)
    for (const client of late) {
      expect((await readUntil(client, isServed)).text).toMatch(/^HTTP\/1\.1 200 /)
    }
    await expectHealthy(daemon, port)
    const events = daemon.log.map(({ event }) => event)
    expect(events).not.toContain('server-down')
    expect(events.filter((event) => event === 'descriptors-exhausted')).toHaveLength(1)
    const samples = await scrape(daemon)
    expect(samples('sluice_server_check_failures_total')).toBe(0)
  })

  it('leaves those waiting who ask the node, or are its peers', async () => {
    const [peerPort, adminPort] = [await freePort(), await freePort()]
    const daemon = await startDaemon({
      adminPort,
      config: {
        global: { nbthread: 1, log: { access: 'off' } },
        cluster: {
          'node': 'lb1',
          'peers': { lb1: `127.0.0.1:${peerPort}` },
          'data-dir': temporaryFolder(),
        },
        frontends: { web: { bind: `127.0.0.1:${await freePort()}`, default_backend: 'app' } },
        backends: { app: { servers: { s1: '127.0.0.1:1' } } },
      },
    })
    const limit = hardLimitOf(daemon.pid)
    limitTo(daemon, 1)
    const ask = 'GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const path = daemon.admin.slice('unix:'.length)
    const doors = [
      { port: adminPort, host: '127.0.0.1' },
      { path },
      { port: peerPort, host: '127.0.0.1' },
    ]
    const clients = await Promise.all(doors.map((door) => askAt(door, ask)))
    await untilAllSleep(daemon.pid)
    limitTo(daemon, limit)
    const answers = await Promise.all(clients.map((client) => readUntil(client)))
    expect(answers.map(({ text }) => text.slice(0, 'HTTP/1.1 200'.length))).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      'HTTP/1.1 404',
    ])
    const events = daemon.log.map(({ event }) => event)
    expect(events.filter((event) => event === 'descriptors-exhausted')).toHaveLength(1)
    expect(events).not.toContain('admin-failed')
  })
})

it('gives up idle server connections before a session lacks a descriptor', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const daemon = await startDaemon({
    launcher,
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http', 'http-reuse': 'always' },
      frontends: {
        web: {
          bind: `127.0.0.1:${port}`,
          use_backend: names.map((name) => `${name} if { path /${name} }`),
          default_backend: 'a',
        },
      },
      backends: Object.fromEntries(
        names.map((name) => [name, { servers: { [name]: server.address } }]),
      ),
    },
  })
  const clients = await Promise.all(Array.from({ length: 50 }, () => openSocket(port)))
  for (const name of names) {
    for (const client of clients) client.write(GET.replace('/', `/${name}`))
    const answers = await Promise.all(clients.map((client) => readUntil(client, isServed)))
    for (const { text } of answers) expect(text).toMatch(/^HTTP\/1\.1 200 /)
  }
  for (const client of clients) client.destroy()
  await expectHealthy(daemon, port)
})
