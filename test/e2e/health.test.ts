import { beforeEach, describe, expect, it } from 'vitest'
import { errorCount } from '../../bench/wrk.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { underLoad } from './support/load.ts'
import { untilMoreRequests } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { requires } from './support/requirements.ts'
import { startServerProcess } from './support/server-process.ts'

interface Checked {
  readonly name: string
  readonly address: string
}

interface Setup {
  readonly daemon: Daemon
  readonly port: number
}

/** A daemon that checks these servers ten times a second. */
async function startChecked(
  servers: readonly Checked[],
  backend: Readonly<Record<string, unknown>> = {},
): Promise<Setup> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: {
        mode: 'http',
        'default-server': { check: true, inter: '100ms', rise: 2, fall: 2 },
      },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: { servers: Object.fromEntries(servers.map((s) => [s.name, s.address])), ...backend },
      },
    },
  })
  return { daemon, port }
}

/** The servers that answer, in turn, to a number of requests; every one must succeed. */
async function answerers(port: number, requests: number): Promise<Set<string>> {
  const get = httpClient(port, 4)
  const names = new Set<string>()
  for (let i = 0; i < requests; i++) {
    const { status, body } = await get('/')
    expect(status).toBe(200)
    names.add(body.toString())
  }
  return names
}

describe('a checked server', () => {
  it('gets nothing once it is down, and again when it is up', async () => {
    const one = await startHttpServer({ name: 's1' })
    const two = await startHttpServer({ name: 's2' })
    const { daemon, port } = await startChecked([one, two])

    await one.stop()
    expect(await daemon.event('server-down')).toMatchObject({ server: 'app/s1' })
    expect(await answerers(port, 50)).toEqual(new Set(['s2']))

    await one.restart()
    expect(await daemon.event('server-up')).toMatchObject({ server: 'app/s1' })
    expect(await answerers(port, 50)).toEqual(new Set(['s1', 's2']))
  })

  it('is down when it answers option httpchk with another status', async () => {
    let status = 200
    const one = await startHttpServer({
      name: 's1',
      answer: ({ url }, response) => {
        response.statusCode = url === '/healthz' ? status : 200
        response.end('s1')
      },
    })
    const two = await startHttpServer({ name: 's2' })
    const { daemon, port } = await startChecked([one, two], {
      option: { httpchk: { method: 'GET', uri: '/healthz', expect: 'status 200-399' } },
    })
    expect(await answerers(port, 20)).toEqual(new Set(['s1', 's2']))

    status = 503
    expect(await daemon.event('server-down')).toMatchObject({ server: 'app/s1' })
    expect(await answerers(port, 50)).toEqual(new Set(['s2']))

    status = 200
    expect(await daemon.event('server-up')).toMatchObject({ server: 'app/s1' })
    expect(await answerers(port, 50)).toEqual(new Set(['s1', 's2']))
  })

  it('leaves 503 as the answer when it was the last', async () => {
    const only = await startHttpServer({ name: 's1' })
    const { daemon, port } = await startChecked([only])
    await only.stop()
    await daemon.event('server-down')
    expect((await httpClient(port)('/')).status).toBe(503)
  })
})

describe('a server that is not checked', () => {
  it('costs no request while it is down, because another is tried', async () => {
    const one = await startHttpServer({ name: 's1' })
    const port = await freePort()
    await startDaemon({
      config: {
        defaults: { mode: 'http', option: { redispatch: true }, retries: 3 },
        frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
        backends: {
          app: { servers: { s1: one.address, s2: `127.0.0.1:${await freePort()}` } },
        },
      },
    })
    expect(await answerers(port, 50)).toEqual(new Set(['s1']))
  })
})

describe('under load', () => {
  beforeEach(requires('wrk'))

  it('a killed server costs at most what it was working on, and nothing after', async () => {
    const connections = 32
    const servers = await Promise.all(['s1', 's2', 's3'].map((name) => startServerProcess(name, 5)))
    const { daemon, port } = await startChecked(servers)
    const url = `http://127.0.0.1:${port}/`

    const during = await underLoad(daemon, { url, connections }, async () => {
      await servers[0]?.kill()
      await daemon.event('server-down')
      await untilMoreRequests(daemon, 1000)
    })
    expect(errorCount(during.errors)).toBeLessThanOrEqual(connections)

    const after = await underLoad(daemon, { url, connections }, async () => {
      await untilMoreRequests(daemon, 1000)
    })
    expect(errorCount(after.errors)).toBe(0)
  })
})
