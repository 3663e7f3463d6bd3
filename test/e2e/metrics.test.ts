import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { type Samples, scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange } from './support/raw-client.ts'
import { startEchoServer } from './support/tcp-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

interface Setup {
  readonly daemon: Daemon
  readonly webPort: number
  readonly rawPort: number
}

/** A daemon with an HTTP frontend before servers s1 and s2, and a TCP frontend before an echo. */
async function startSetup(): Promise<Setup> {
  const answer = { body: 'x'.repeat(1000) }
  const one = await startHttpServer({ name: 's1', ...answer })
  const two = await startHttpServer({ name: 's2', ...answer, status: 404 })
  const echo = await startEchoServer()
  const webPort = await freePort()
  const rawPort = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2 },
      frontends: {
        web: { mode: 'http', bind: `127.0.0.1:${webPort}`, default_backend: 'app' },
        raw: { mode: 'tcp', bind: `127.0.0.1:${rawPort}`, default_backend: 'stream' },
      },
      backends: {
        app: { mode: 'http', servers: { s1: one.address, s2: two.address } },
        stream: { mode: 'tcp', servers: { echo: echo.address } },
      },
    },
  })
  return { daemon, webPort, rawPort }
}

/** Scrapes until a sample has the value: a session is counted when it ends, after its last byte. */
async function scrapeWhen(
  daemon: Daemon,
  value: number,
  ...sample: Parameters<Samples>
): Promise<Samples> {
  return until(`${sample[0]} to be ${value}`, async () => {
    const samples = await scrape(daemon)
    return samples(...sample) === value ? samples : undefined
  })
}

describe('/metrics', () => {
  it('counts HTTP requests, responses and bytes of frontend, backend and servers', async () => {
    const { daemon, webPort } = await startSetup()
    const get = httpClient(webPort, 2)
    for (let i = 0; i < 20; i++) await get('/', { method: 'POST', body: 'y'.repeat(100) })

    const web = { proxy: 'web' }
    const sample = await scrapeWhen(daemon, 20, 'sluice_frontend_http_requests_total', web)
    expect(sample('sluice_backend_http_requests_total', { proxy: 'app' })).toBe(20)
    // Each thread has a turn of its own, so that one server may be ahead of the other by two.
    const ok = sample('sluice_frontend_http_responses_total', { ...web, code: '2xx' })
    const missing = sample('sluice_frontend_http_responses_total', { ...web, code: '4xx' })
    expect(ok + missing).toBe(20)
    expect(Math.abs(ok - missing)).toBeLessThanOrEqual(2)
    const s1 = { proxy: 'app', server: 's1' }
    const s2 = { proxy: 'app', server: 's2' }
    expect(sample('sluice_server_http_responses_total', { ...s1, code: '2xx' })).toBe(ok)
    expect(sample('sluice_server_http_responses_total', { ...s1, code: '4xx' })).toBe(0)
    expect(sample('sluice_server_http_responses_total', { ...s2, code: '4xx' })).toBe(missing)
    expect(sample('sluice_frontend_bytes_in_total', web)).toBeGreaterThan(20 * 100)
    expect(sample('sluice_frontend_bytes_out_total', web)).toBeGreaterThan(20 * 1000)
    expect(sample('sluice_server_current_sessions', s1)).toBe(0)
  })

  it('counts TCP sessions and bytes', async () => {
    const { daemon, rawPort } = await startSetup()
    const bytes = 'z'.repeat(500)
    for (let i = 0; i < 10; i++) await rawExchange(rawPort, bytes, { halfClose: true })
    const server = { proxy: 'stream', server: 'echo' }
    const sample = await scrapeWhen(daemon, 10, 'sluice_server_sessions_total', server)
    expect(sample('sluice_frontend_sessions_total', { proxy: 'raw' })).toBe(10)
    expect(sample('sluice_frontend_bytes_in_total', { proxy: 'raw' })).toBe(5000)
    expect(sample('sluice_server_bytes_out_total', server)).toBe(5000)
  })

  it('shows the sessions that are open now', async () => {
    const { daemon, rawPort } = await startSetup()
    const server = { proxy: 'stream', server: 'echo' }
    const socket = await openSocket(rawPort)
    await scrapeWhen(daemon, 1, 'sluice_server_current_sessions', server)
    socket.destroy()
    await scrapeWhen(daemon, 0, 'sluice_server_current_sessions', server)
  })

  it('is Prometheus text', async () => {
    const { daemon } = await startSetup()
    const response = await fetch(`${daemon.adminUrl}/metrics`)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(await response.text()).toMatch(/^# TYPE sluice_frontend_http_requests_total counter$/m)
  })
})

describe('the admin address', () => {
  it.each(['/healthz', '/readyz'])('answers 200 on %s', async (path) => {
    const { daemon } = await startSetup()
    expect((await fetch(`${daemon.adminUrl}${path}`)).status).toBe(200)
  })

  it('answers 404 on what it does not have', async () => {
    const { daemon } = await startSetup()
    expect((await fetch(`${daemon.adminUrl}/nonsense`, { headers: ADMIN_HEADERS })).status).toBe(
      404,
    )
  })
})

it('an admin address that others reach asks for the token of its file', async () => {
  const port = await freePort()
  const file = join(temporaryFolder(), 'token')
  writeFileSync(file, 'open-sesame\n')
  await startDaemon({
    config: {
      admin: { 'bind': `0.0.0.0:${port}`, 'token-file': file, 'ssl': 'off' },
      frontends: { web: { bind: `127.0.0.1:${await freePort()}` } },
    },
  })
  const ask = async (path: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
    await response.arrayBuffer()
    return response.status
  }
  expect(await ask('/healthz')).toBe(200)
  expect(await ask('/metrics')).toBe(401)
  expect(await ask('/metrics', 'open')).toBe(401)
  expect(await ask('/metrics', 'open-sesame')).toBe(200)
})

describe('the access log', () => {
  it('has a line for each request and session', async () => {
    const { daemon, webPort, rawPort } = await startSetup()
    await httpClient(webPort)('/some/path')
    await rawExchange(rawPort, 'hello', { halfClose: true })
    await until('two lines', () => (daemon.accessLog.length === 2 ? true : undefined))
    expect(daemon.accessLog.filter((line) => line.includes('/some/path'))).toHaveLength(1)
    expect(daemon.accessLog.filter((line) => line.includes('stream'))).toHaveLength(1)
  })
})
