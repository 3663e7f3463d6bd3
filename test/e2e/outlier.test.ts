import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { type HttpClient, httpClient } from './support/http-client.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { until } from './support/waiting.ts'

type Settings = Readonly<Record<string, unknown>>

/** Answers one of so many requests with 500 while it is sick, and is well otherwise. */
interface SickServer extends HttpServer {
  /** Every so many requests fail; 0: none. */
  failsEvery: number
}

async function startSickServer(name: string, failsEvery: number): Promise<SickServer> {
  let asked = 0
  const sick = { failsEvery }
  const server = await startHttpServer({
    name,
    answer: (_, response) => {
      asked++
      if (sick.failsEvery > 0 && asked % sick.failsEvery === 0) response.statusCode = 500
      response.end(name)
    },
  })
  return Object.assign(sick, server)
}

/** A daemon with these servers in backend `app`, and a client of it. */
async function startObserved(
  servers: readonly { readonly name: string; readonly address: string }[],
  backend: Settings,
): Promise<{ daemon: Daemon; get: HttpClient; configOf: (settings: Settings) => Settings }> {
  const port = await freePort()
  const configOf = (settings: Settings): Settings => ({
    global: { nbthread: 2, log: { access: 'off' } },
    defaults: { mode: backend['mode'] ?? 'http' },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: {
      app: { servers: Object.fromEntries(servers.map((s) => [s.name, s.address])), ...settings },
    },
  })
  const daemon = await startDaemon({ config: configOf(backend) })
  return { daemon, get: httpClient(port, 8), configOf }
}

/** Asks, eight at a time, until something is so; gives who has answered. */
async function askUntil<T>(
  get: HttpClient,
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  return until(what, async () => {
    await Promise.all(Array.from({ length: 8 }, () => get('/')))
    return probe()
  })
}

/** The names and the statuses of the answers to a number of requests. */
async function answers(get: HttpClient, requests: number): Promise<[Set<string>, Set<number>]> {
  const names = new Set<string>()
  const statuses = new Set<number>()
  for (let i = 0; i < requests; i++) {
    const { status, body } = await get('/')
    names.add(body.toString())
    statuses.add(status)
  }
  return [names, statuses]
}

function eventIn(daemon: Daemon, event: string, from = 0): object | undefined {
  return daemon.log.slice(from).find((entry) => entry.event === event)
}

async function stateOf(daemon: Daemon, server: string): Promise<number> {
  const sample = await scrape(daemon)
  return sample('sluice_server_status', { proxy: 'app', server, state: 'UP' })
}

describe('outlier-detection', () => {
  it('ejects a server that fails half of its requests, and takes it back', async () => {
    const sick = await startSickServer('sick', 2)
    const well = await Promise.all(['s1', 's2', 's3'].map((name) => startHttpServer({ name })))
    const { daemon, get } = await startObserved([sick, ...well], {
      'outlier-detection': { 'base-ejection-time': '2s' },
    })

    const ejected = await askUntil(get, 'an ejection', () => eventIn(daemon, 'server-ejected'))
    expect(ejected).toMatchObject({
      server: 'app/sick',
      cause: 'success-rate',
      ejectionMs: 2000,
      reason: expect.stringMatching(/^[0-9.]+% of \d+ tries went well, 100.0% in the pool$/),
    })
    // What was sent before it was ejected may still be on its way.
    await until('the state', async () => ((await stateOf(daemon, 'sick')) === 0 ? true : undefined))
    const labels = { proxy: 'app', server: 'sick' }
    const sample = await scrape(daemon)
    expect(sample('sluice_server_ejected', labels)).toBe(1)
    const ofRate = { ...labels, cause: 'success-rate' }
    expect(sample('sluice_server_ejections_total', ofRate)).toBe(1)
    expect(sample('sluice_server_ejections_total', { proxy: 'app' })).toBe(1)

    sick.failsEvery = 0
    expect(await daemon.event('server-returned')).toMatchObject({ server: 'app/sick' })
    await askUntil(get, 'the server to answer again', async () => {
      const [names] = await answers(get, 8)
      return names.has('sick') ? true : undefined
    })
    expect((await scrape(daemon))('sluice_server_ejected', labels)).toBe(0)
  })

  it('sends nothing to a server that is ejected for errors in a row', async () => {
    const sick = await startSickServer('sick', 1)
    const well = await startHttpServer({ name: 'well' })
    const { daemon, get } = await startObserved([sick, well], {
      'outlier-detection': { 'success-rate': false },
    })
    const ejected = await askUntil(get, 'an ejection', () => eventIn(daemon, 'server-ejected'))
    expect(ejected).toMatchObject({ server: 'app/sick', cause: 'consecutive-errors' })
    await daemon.event('server-down')
    const asked = sick.requests.length
    expect(await answers(get, 40)).toEqual([new Set(['well']), new Set([200])])
    expect(sick.requests.length).toBe(asked)
  })

  it('ejects for errors a server that answers nobody', async () => {
    const gone = { name: 'gone', address: `127.0.0.1:${await freePort()}` }
    const well = await startHttpServer({ name: 'well' })
    const { daemon, get } = await startObserved([gone, well], {
      'option': { redispatch: true },
      'outlier-detection': true,
    })
    const ejected = await askUntil(get, 'an ejection', () => eventIn(daemon, 'server-ejected'))
    expect(ejected).toMatchObject({ server: 'app/gone' })
    expect(await answers(get, 20)).toEqual([new Set(['well']), new Set([200])])
  })

  it('ejects a server that is far slower than the others', async () => {
    const slow = await startHttpServer({ name: 'slow', delayMs: 100 })
    const well = await Promise.all(['s1', 's2'].map((name) => startHttpServer({ name })))
    const { daemon, get } = await startObserved([slow, ...well], {
      'outlier-detection': { latency: { 'min-requests': 10 } },
    })
    const ejected = await askUntil(get, 'an ejection', () => eventIn(daemon, 'server-ejected'))
    expect(ejected).toMatchObject({ server: 'app/slow', cause: 'latency' })
  })

  it('ignores ejections where all servers fail', async () => {
    const sick = await Promise.all(['s1', 's2', 's3'].map((name) => startSickServer(name, 1)))
    const { daemon, get } = await startObserved(sick, {
      'outlier-detection': { 'max-ejection-percent': 100, 'base-ejection-time': '1m' },
    })
    const ignored = await askUntil(get, 'a panic', () => eventIn(daemon, 'ejections-ignored'))
    expect(ignored).toMatchObject({ backend: 'app', servers: 3 })
    await until('all servers to be up', async () => {
      const sample = await scrape(daemon)
      return sample('sluice_backend_active_servers', { proxy: 'app' }) === 3 ? true : undefined
    })
    const [names, statuses] = await answers(get, 60)
    expect(names).toEqual(new Set(['s1', 's2', 's3']))
    expect(statuses).toEqual(new Set([500]))
  })

  it('lets go of who is ejected when a reload turns it off', async () => {
    const sick = await startSickServer('sick', 1)
    const well = await startHttpServer({ name: 'well' })
    const { daemon, get, configOf } = await startObserved([sick, well], {
      'outlier-detection': { 'base-ejection-time': '1h', 'max-ejection-time': '1h' },
    })
    await askUntil(get, 'an ejection', () => eventIn(daemon, 'server-ejected'))
    await daemon.event('server-down')

    expect((await daemon.reload(configOf({ retries: 1, 'outlier-detection': true }))).event).toBe(
      'config-reloaded',
    )
    expect(await stateOf(daemon, 'sick')).toBe(0)

    await daemon.reload(configOf({}))
    await until('the state', async () => ((await stateOf(daemon, 'sick')) === 1 ? true : undefined))
    const [names] = await answers(get, 20)
    expect(names).toEqual(new Set(['sick', 'well']))
  })
})

describe('observe', () => {
  const checked = { check: true, inter: '1h', fastinter: '50ms', rise: 1, fall: 3 }

  it('takes a server down for what it answers, until its checks pass', async () => {
    const sick = await startSickServer('sick', 1)
    const well = await startHttpServer({ name: 'well' })
    const { daemon, get } = await startObserved([sick, well], {
      'default-server': {
        ...checked,
        observe: 'layer7',
        'error-limit': 3,
        'on-error': 'mark-down',
      },
    })
    const fault = await askUntil(get, 'a fault', () => eventIn(daemon, 'server-fault'))
    expect(fault).toMatchObject({ server: 'app/sick', onError: 'mark-down' })
    expect(await daemon.event('server-down')).toMatchObject({
      server: 'app/sick',
      reason: '3 errors in a row in its traffic',
    })
    // Its checks only connect, and pass.
    expect(await daemon.event('server-up')).toMatchObject({ server: 'app/sick' })
  })

  it('counts the tries that go to another server', async () => {
    const sick = await startSickServer('sick', 1)
    const well = await startHttpServer({ name: 'well' })
    const { daemon, get } = await startObserved([sick, well], {
      'default-server': {
        ...checked,
        observe: 'layer7',
        'error-limit': 3,
        'on-error': 'mark-down',
      },
      'retry-on': [500],
      'option': { redispatch: true },
    })
    const fault = await askUntil(get, 'a fault', () => eventIn(daemon, 'server-fault'))
    expect(fault).toMatchObject({ server: 'app/sick' })
  })

  it('looks at connections in mode tcp, and hastens the checks', async () => {
    const gone = await startHttpServer({ name: 'gone' })
    const well = await startHttpServer({ name: 'well' })
    const { daemon, get } = await startObserved([gone, well], {
      'mode': 'tcp',
      'option': { redispatch: true },
      'default-server': { ...checked, 'observe': 'layer4', 'error-limit': 2 },
    })
    const labels = { proxy: 'app', server: 'gone', state: 'L4OK' }
    await until('the first check', async () => {
      const sample = await scrape(daemon)
      return sample('sluice_server_check_status', labels) === 1 ? true : undefined
    })
    await gone.stop()
    const once: HttpClient = (path) => get(path, { headers: { connection: 'close' } })
    const fault = await askUntil(once, 'a fault', () => eventIn(daemon, 'server-fault'))
    expect(fault).toMatchObject({ server: 'app/gone', onError: 'fail-check' })
    // The next check would be due in an hour.
    expect(await daemon.event('server-down')).toMatchObject({ server: 'app/gone' })
    expect(daemon.log.filter(({ server }) => server === 'app/well')).toEqual([])
  })
})
