import { once } from 'node:events'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { ServerChange } from '../../src/operations/contract/servers.ts'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { type HttpClient, httpClient } from './support/http-client.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { shared } from './support/lifetime.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { describeServer, patchServer, untilIdle } from './support/server-admin.ts'
import { startEchoServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

type Config = Readonly<Record<string, unknown>>

interface Setup {
  readonly daemon: Daemon
  readonly port: number
  readonly config: Config
}

function configOf(port: number, servers: Readonly<Record<string, unknown>>, nbthread = 2): Config {
  return {
    global: { nbthread, log: { access: 'off' } },
    defaults: { mode: 'http', retries: 0 },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: { app: { balance: 'roundrobin', servers } },
  }
}

async function start(servers: Readonly<Record<string, unknown>>, nbthread = 2): Promise<Setup> {
  const port = await freePort()
  const config = configOf(port, servers, nbthread)
  return { daemon: await startDaemon({ config }), port, config }
}

function startServers(names: readonly string[], delayMs: number): Promise<HttpServer[]> {
  return Promise.all(names.map((name) => startHttpServer({ name, delayMs })))
}

function addressesOf(servers: readonly HttpServer[]): Record<string, string> {
  return Object.fromEntries(servers.map(({ name, address }) => [name, address]))
}

/** A request of a load, by when it was begun. */
interface Served {
  readonly begunMs: number
  readonly status: number
  readonly server: string
}

interface Load {
  /** All requests so far that have ended. */
  readonly served: readonly Served[]
  /** Waits until so many more have ended. */
  readonly more: (requests: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Asks again and again over so many connections; a request that fails is one of status 0. */
function startLoad(port: number, connections: number): Load {
  const get = httpClient(port, connections)
  const served: Served[] = []
  let isOver = false
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const begunMs = performance.now()
      const answer = await get('/').catch(() => null)
      served.push({ begunMs, status: answer?.status ?? 0, server: String(answer?.body ?? '') })
    }
  }
  const asking = Promise.all(Array.from({ length: connections }, ask))
  const stop = async (): Promise<void> => {
    isOver = true
    await asking
  }
  onTestFinished(stop)
  const more = async (requests: number): Promise<void> => {
    const enough = served.length + requests
    await until(`${requests} more requests`, () => (served.length >= enough ? true : undefined))
  }
  return { served, more, stop }
}

/** The servers that answer to so many requests, one after the other, by how many they answer. */
async function answersOf(get: HttpClient, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < requests; i++) {
    const { status, body } = await get('/')
    expect(status).toBe(200)
    counts[body.toString()] = (counts[body.toString()] ?? 0) + 1
  }
  return counts
}

describe('under load', () => {
  it.each<[ServerChange, string]>([
    [{ state: 'drain' }, 'DRAIN'],
    [{ state: 'maint' }, 'MAINT'],
    [{ weight: 0 }, 'UP'],
  ])('a server that is set to %j loses no request and gets no more', async (change, state) => {
    const servers = await startServers(['s1', 's2', 's3'], 10)
    const { daemon, port } = await start(addressesOf(servers))
    const load = startLoad(port, 16)
    await load.more(100)

    const response = await patchServer(daemon, 'app/s1', change)
    const setMs = performance.now()
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ server: 's1', state })
    await untilIdle(daemon, 'app/s1')
    await load.more(200)

    const readyMs = performance.now()
    const servedBefore = load.served.length
    await patchServer(daemon, 'app/s1', { state: 'ready', weight: 1 })
    await until('s1 to be back', () =>
      load.served.some(({ begunMs, server }) => begunMs > readyMs && server === 's1')
        ? true
        : undefined,
    )
    await load.stop()

    expect(load.served.filter(({ status }) => status !== 200)).toEqual([])
    // Begun after the one change and answered before the other.
    const while_ = load.served.slice(0, servedBefore).filter(({ begunMs }) => begunMs > setMs)
    expect(while_.length).toBeGreaterThan(100)
    expect(new Set(while_.map(({ server }) => server))).toEqual(new Set(['s2', 's3']))
    const before = load.served.filter(({ begunMs }) => begunMs < setMs)
    expect(new Set(before.map(({ server }) => server))).toEqual(new Set(['s1', 's2', 's3']))
  })
})

describe('a server that drains', () => {
  it('finishes the request that it has', async () => {
    let finish: () => void = () => {}
    const slow = await startHttpServer({
      name: 's1',
      answer: async (_request, response) => {
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        response.end('s1')
      },
    })
    const { daemon, port } = await start({ s1: slow.address })
    const answer = httpClient(port)('/')
    await until('the request', () => (slow.requests.length > 0 ? true : undefined))
    await patchServer(daemon, 'app/s1', { state: 'maint' })
    expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'MAINT', sessions: 1 })
    expect((await httpClient(port)('/')).status).toBe(503)
    finish()
    expect(await answer).toMatchObject({ status: 200 })
    await untilIdle(daemon, 'app/s1')
  })

  it('keeps its TCP sessions, and new ones go elsewhere', async () => {
    const [one, two] = await Promise.all([startEchoServer(), startEchoServer()])
    const port = await freePort()
    const daemon = await startDaemon({
      config: {
        defaults: { mode: 'tcp' },
        frontends: { db: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
        backends: { app: { balance: 'first', servers: { s1: one.address, s2: two.address } } },
      },
    })
    const early = await openSocket(port)
    early.write('early')
    await readUntil(early, (text) => text === 'early')
    await patchServer(daemon, 'app/s1', { state: 'drain' })
    const late = await openSocket(port)
    late.write('late')
    await readUntil(late, (text) => text === 'late')
    expect([one.sockets.length, two.sockets.length]).toEqual([1, 1])
    early.write('still')
    await readUntil(early, (text) => text === 'still')
    early.end()
    await once(early.resume(), 'close')
    await untilIdle(daemon, 'app/s1')
  })

  it('is checked, and not in maintenance', async () => {
    const [one, two] = await startServers(['s1', 's2'], 0)
    if (one === undefined || two === undefined) throw new Error('not started')
    const check = { check: true, inter: '50ms', fall: 1, rise: 1 }
    const { daemon } = await start({
      s1: { address: one.address, ...check },
      s2: { address: two.address, ...check },
    })
    await patchServer(daemon, 'app/s1', { state: 'drain' })
    await patchServer(daemon, 'app/s2', { state: 'maint' })
    await one.stop()
    await two.stop()
    expect(await daemon.event('server-down')).toMatchObject({ server: 'app/s1', cause: 'check' })
    expect(await describeServer(daemon, 'app/s1')).toMatchObject({
      state: 'DOWN',
      adminState: 'drain',
    })
    expect(await describeServer(daemon, 'app/s2')).toMatchObject({ state: 'MAINT', check: null })
    const from = daemon.log.length
    await patchServer(daemon, 'app/s2', { state: 'ready' })
    expect(await daemon.event('server-down', from)).toMatchObject({ server: 'app/s2' })
  })
})

it('weights shift the distribution, exactly', async () => {
  const servers = await startServers(['s1', 's2'], 0)
  const { daemon, port } = await start(addressesOf(servers), 1)
  const get = httpClient(port)
  expect(await answersOf(get, 40)).toEqual({ s1: 20, s2: 20 })
  await patchServer(daemon, 'app/s1', { weight: 3 })
  expect(await answersOf(get, 40)).toEqual({ s1: 30, s2: 10 })
  await patchServer(daemon, 'app/s2', { weight: 9 })
  expect(await answersOf(get, 48)).toEqual({ s1: 12, s2: 36 })
})

it('what was set is kept over reloads, until one does not name the server', async () => {
  const [one, two, three] = await startServers(['s1', 's2', 's3'], 0)
  if (one === undefined || two === undefined || three === undefined) throw new Error('not started')
  const { daemon, port } = await start({ s1: one.address, s2: two.address })
  await patchServer(daemon, 'app/s1', { state: 'drain' })
  await patchServer(daemon, 'app/s2', { weight: 7 })
  const next = { s1: one.address, s2: two.address, s3: three.address }
  expect(await daemon.reload(configOf(port, next))).toMatchObject({ event: 'config-reloaded' })
  expect(await answersOf(httpClient(port, 4), 32)).toEqual({
    s2: expect.any(Number),
    s3: expect.any(Number),
  })
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({
    state: 'DRAIN',
    setAtRunTime: ['state'],
  })
  expect(await describeServer(daemon, 'app/s2')).toMatchObject({
    weight: 7,
    setAtRunTime: ['weight'],
  })
  const without = { s2: two.address }
  expect(await daemon.reload(configOf(port, without))).toMatchObject({ event: 'config-reloaded' })
  expect(await daemon.reload(configOf(port, next))).toMatchObject({ event: 'config-reloaded' })
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'UP', setAtRunTime: [] })
})

it('what is set to what the config says is left to the config again', async () => {
  const [one] = await startServers(['s1'], 0)
  if (one === undefined) throw new Error('not started')
  const { address } = one
  const { daemon, port } = await start({ s1: { address, weight: 3 } })
  await patchServer(daemon, 'app/s1', { state: 'drain', weight: 7 })
  await patchServer(daemon, 'app/s1', { state: 'ready', weight: 3, address })
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({
    state: 'UP',
    weight: 3,
    setAtRunTime: [],
  })
  await daemon.reload(configOf(port, { s1: { address, weight: 5, disabled: true } }))
  expect(await describeServer(daemon, 'app/s1')).toMatchObject({ state: 'MAINT', weight: 5 })
})

describe('sluice server set', () => {
  const unchanged = shared(async () => start({ s1: `127.0.0.1:${await freePort()}` }))

  it('sets a server, and server list shows it', async () => {
    const [one] = await startServers(['s1'], 0)
    const { daemon } = await start({ s1: one?.address })
    const admin = ['--admin', daemon.admin]
    const set = await runSluice('server', 'set', 'app/s1', '--state', 'drain', ...admin)
    expect(set).toMatchObject({ code: 0, stderr: '' })
    expect(set.stdout).toMatch(/^app\/s1 .* DRAIN {2}drain .* state$/m)
    const weight = ['--weight', '9', '--json', ...admin]
    const json = await runSluice('server', 'set', 'app/s1', ...weight)
    expect(JSON.parse(json.stdout)).toMatchObject({ weight: 9, setAtRunTime: ['state', 'weight'] })
    const list = await runSluice('server', 'list', ...admin)
    expect(list.stdout).toMatch(/^SERVER .* ADMIN .* SET$/m)
    expect(list.stdout).toMatch(/^app\/s1 .* drain .* state,weight$/m)
    expect(await daemon.event('server-drain')).toMatchObject({
      server: 'app/s1',
      reason: 'set to drain at run time',
    })
  })

  it.each<[readonly string[], number, string]>([
    [['app/s9', '--state', 'drain'], 1, 'server-unknown'],
    [['app/s1', '--state', 'down'], 2, 'usage'],
    [['app/s1', '--weight', '300'], 2, 'usage'],
    [['app/s1'], 2, 'usage'],
    [['s1', '--weight', '3'], 2, 'usage'],
    [[], 2, 'missing required argument'],
  ])('%j ends with %i (%s)', async (args, code, word) => {
    const { daemon } = unchanged()
    const ended = await runSluice('server', 'set', ...args, '--admin', daemon.admin)
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(word)
  })

  it('ends with 1 where nobody answers', async () => {
    const nobody = ['--admin', `http://127.0.0.1:${await freePort()}`]
    const ended = await runSluice('server', 'set', 'app/s1', '--weight', '1', ...nobody)
    expect(ended).toMatchObject({ code: 1 })
    expect(ended.stderr).toContain('admin-unreachable')
  })
})

describe('/stats;csv', () => {
  it('tells the states to readers of HAProxy', async () => {
    const servers = await startServers(['s1', 's2'], 0)
    const { daemon, port } = await start(addressesOf(servers))
    await answersOf(httpClient(port), 10)
    await patchServer(daemon, 'app/s1', { state: 'drain' })
    const [names = [], ...lines] = await readStatistics(daemon.adminUrl)
    const column = (name: string): (string | undefined)[] =>
      lines.map((line) => line[names.indexOf(name)])
    expect(column('svname')).toEqual(['FRONTEND', 's1', 's2', 'BACKEND'])
    expect(column('status')).toEqual(['OPEN', 'DRAIN', 'no check', 'UP'])
    expect(column('req_tot')).toEqual(['10', '', '', '10'])
  })

  describe('beside a real HAProxy', () => {
    beforeEach(requires('haproxy'))

    it('has its columns in its order', async () => {
      const haproxyPort = await freePort()
      const sections = `defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
listen stats
  bind 127.0.0.1:${haproxyPort}
  stats enable
  stats uri /stats`
      await startHaproxy(sections, haproxyPort)
      const [theirs = []] = await readStatistics(`http://127.0.0.1:${haproxyPort}`)
      const [one] = await startServers(['s1'], 0)
      const { daemon } = await start({ s1: one?.address })
      const [ours = []] = await readStatistics(daemon.adminUrl)
      // Later columns are those of its modules; newer versions have more before them.
      const own = ours.slice(0, -1)
      expect(own.length).toBeGreaterThan(90)
      expect(theirs.slice(0, own.length)).toEqual(own)
    })
  })
})

/** The lines of a CSV without quotes, the first the names of the columns. */
async function readStatistics(url: string): Promise<string[][]> {
  const text = await (await fetch(`${url}/stats;csv`, { headers: ADMIN_HEADERS })).text()
  const lines = text.replace(/^# /, '').trimEnd().split('\n')
  return lines.map((line) => line.split(','))
}
