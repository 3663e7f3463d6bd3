import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { type HttpClient, httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { expectSamples } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { until } from './support/waiting.ts'

/** Labels of the backend's samples. */
const APP = { proxy: 'app' }

/** A server that answers nobody until it is told to. */
async function startHeldServer() {
  const held: (() => void)[] = []
  const server = await startHttpServer({
    answer: async (_, response) => {
      await new Promise<void>((resolve) => held.push(resolve))
      response.end('done')
    },
  })
  return { server, held }
}

/** A daemon with this backend, and a client with more connections than it lets in. */
async function start(
  backend: Readonly<Record<string, unknown>>,
): Promise<{ daemon: Daemon; get: HttpClient }> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'http', timeout: { queue: '20s' } },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: backend },
    },
  })
  return { daemon, get: httpClient(port, 8) }
}

describe('circuit-breaker', () => {
  it('max-requests refuses at once what is too much, and nothing later', async () => {
    const { server, held } = await startHeldServer()
    const { daemon, get } = await start({
      'servers': { s1: server.address },
      'circuit-breaker': { 'max-requests': 2 },
    })
    const first = [get('/'), get('/')]
    await until('both requests', () => (held.length === 2 ? true : undefined))

    const refused = await Promise.all([get('/'), get('/'), get('/')])
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503])
    await until('three lines', () => {
      const lines = daemon.accessLog.filter((line) => line.includes(' PC'))
      return lines.length === 3 ? true : undefined
    })
    await expectSamples(daemon, { sluice_backend_refused_sessions_total: 3 }, APP)

    for (const release of held) release()
    const answers = await Promise.all(first)
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    await expectSamples(daemon, { sluice_backend_current_sessions: 0 }, APP)
    const next = get('/')
    await until('the next request', () => (held.length === 3 ? true : undefined))
    held[2]?.()
    expect((await next).status).toBe(200)
  })

  it('max-pending bounds who waits', async () => {
    const { server, held } = await startHeldServer()
    const { daemon, get } = await start({
      'servers': { s1: { address: server.address, maxconn: 1 } },
      'circuit-breaker': { 'max-pending': 1 },
    })
    const served = get('/')
    await until('the first request', () => (held.length === 1 ? true : undefined))
    const waiting = get('/')
    await expectSamples(daemon, { sluice_backend_current_queue: 1 }, APP)

    expect((await get('/')).status).toBe(503)

    held[0]?.()
    expect((await served).status).toBe(200)
    await until('the second request', () => (held.length === 2 ? true : undefined))
    held[1]?.()
    expect((await waiting).status).toBe(200)
    await expectSamples(daemon, { sluice_backend_current_sessions: 0 }, APP)
  })

  it('with max-pending of 0 lets nobody wait', async () => {
    const { server, held } = await startHeldServer()
    const { get } = await start({
      'servers': { s1: { address: server.address, maxconn: 1 } },
      'circuit-breaker': { 'max-pending': 0 },
    })
    const served = get('/')
    await until('the first request', () => (held.length === 1 ? true : undefined))
    expect((await get('/')).status).toBe(503)
    held[0]?.()
    expect((await served).status).toBe(200)
  })
})
