import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon, type TestConfig } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

/** Clients that a frontend takes at once; each thread may take one more. */
const MAXCONN = 2
const THREADS = 2
const CLIENTS = 40

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const isServed = (text: string): boolean => text.endsWith('served')

interface Crowd {
  readonly daemon: Daemon
  /** Each has sent a request, and most of them wait in the queue of the kernel. */
  readonly clients: readonly Socket[]
  /** The config without the address that they came to. */
  readonly without: TestConfig
}

/** A frontend that is full of clients who stay, and more that wait to be accepted. */
async function startCrowded(mode: 'http' | 'tcp'): Promise<Crowd> {
  const server = await startHttpServer({ body: 'served' })
  const [port, other] = [await freePort(), await freePort()]
  const config = (ports: readonly number[]) => ({
    global: { nbthread: THREADS, log: { access: 'off' }, grace: '10s' },
    defaults: { mode },
    frontends: {
      web: {
        bind: ports.map((each) => `127.0.0.1:${each}`),
        maxconn: MAXCONN,
        // All of them are in the queue of the kernel: who is not has no whole connection yet.
        backlog: CLIENTS,
        default_backend: 'app',
      },
    },
    backends: { app: { servers: { s1: server.address } } },
  })
  const daemon = await startDaemon({ config: config([port, other]) })
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => openSocket(port)))
  for (const client of clients) client.write(GET)
  await until('the frontend to be full', async () => {
    const samples = await scrape(daemon)
    const sessions = samples('sluice_frontend_current_sessions', { proxy: 'web' })
    return sessions >= MAXCONN ? true : undefined
  })
  return { daemon, clients, without: config([other]) }
}

async function expectAllServed(clients: readonly Socket[]): Promise<void> {
  const answers = await Promise.all(clients.map((client) => readUntil(client, isServed)))
  expect(answers.filter(({ text }) => !isServed(text))).toEqual([])
}

describe.each(['http', 'tcp'] as const)('clients of mode %s that wait to be accepted', (mode) => {
  it('are served though a reload removes the address that they came to', async () => {
    const { daemon, clients, without } = await startCrowded(mode)
    expect((await daemon.reload(without)).event).toBe('config-reloaded')
    await expectAllServed(clients)
    expect(daemon.log.map(({ event }) => event)).not.toContain('worker-lost')
  })

  it('are served though the daemon is told to stop', async () => {
    const { daemon, clients } = await startCrowded(mode)
    const exit = daemon.stop()
    await expectAllServed(clients)
    for (const client of clients) client.destroy()
    expect(await exit).toBe(0)
  })
})
