import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { expectSamples } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { rawExchange } from './support/raw-client.ts'
import { patchServer } from './support/server-admin.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

/** A server that holds the first request, so that its one place stays taken, until it is let go. */
async function startBusyServer() {
  const held: (() => void)[] = []
  const server = await startHttpServer({
    answer: async (_, response) => {
      if (server.requests.length === 1) await new Promise<void>((resolve) => held.push(resolve))
      response.end('ok')
    },
  })
  return { server, letGo: () => held[0]?.() }
}

/** What a test's config may differ in from one busy server. */
interface Stage {
  readonly s1?: Readonly<Record<string, unknown>>
  /** Given the address of a free server, and then part of the config. */
  readonly s2?: Readonly<Record<string, unknown>>
  readonly backend?: Readonly<Record<string, unknown>>
}

function configOf(
  port: number,
  [busy, free]: readonly [HttpServer, HttpServer],
  { s1 = {}, s2, backend = {} }: Stage,
): Readonly<Record<string, unknown>> {
  const second = s2 === undefined ? {} : { s2: { address: free.address, ...s2 } }
  return {
    global: { nbthread: 2 },
    defaults: { mode: 'http', timeout: { queue: '60s', server: '60s', client: '60s' } },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: {
      app: { servers: { s1: { address: busy.address, maxconn: 1, ...s1 }, ...second }, ...backend },
    },
  }
}

const WAITING = 5

/** What may free places, from a stage on which there are none. */
interface Relief {
  readonly before?: Stage
  readonly act: (daemon: Daemon, scene: Scene) => Promise<unknown>
}

interface Scene {
  readonly free: HttpServer
  readonly reload: (stage: Stage) => Promise<unknown>
}

const RELIEFS: Readonly<Record<string, Relief>> = {
  'sluice server add': {
    act: async ({ admin }, { free }) => {
      const done = await runSluice('server', 'add', 'app/s9', free.address, '--admin', admin)
      expect(done.code, done.stderr).toBe(0)
    },
  },
  'a reload that adds a server': { act: (_, { reload }) => reload({ s2: {} }) },
  'a reload that raises maxconn': { act: (_, { reload }) => reload({ s1: { maxconn: 2 } }) },
  'a reload that takes maxconn away': { act: (_, { reload }) => reload({ s1: { maxconn: 0 } }) },
  'a reload that moves the server': {
    act: (_, { free, reload }) => reload({ s1: { address: free.address, maxconn: 2 } }),
  },
  'a reload that raises minconn': {
    before: { s1: { maxconn: 10, minconn: 1 }, backend: { fullconn: 1000 } },
    act: (_, { reload }) =>
      reload({ s1: { maxconn: 10, minconn: 3 }, backend: { fullconn: 1000 } }),
  },
  'a server that is ready again': {
    before: { s2: { disabled: true } },
    act: (daemon) => patchServer(daemon, 'app/s2', { state: 'ready' }),
  },
  'a weight raised from 0': {
    before: { s2: { weight: 0 } },
    act: (daemon) => patchServer(daemon, 'app/s2', { weight: 1 }),
  },
  'a server that is up': {
    before: { s2: { check: true, inter: '50ms', rise: 1, fall: 1 } },
    act: (_, { free }) => free.restart(),
  },
}

function untilWaiting(daemon: Daemon, count: number): Promise<void> {
  return expectSamples(daemon, { sluice_backend_current_queue: count }, { proxy: 'app' })
}

/** Asks as a client that closes; gives what it is answered. */
async function ask(port: number): Promise<string> {
  const { text } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  return text.slice(9, 12)
}

describe('who waits in line is served after', () => {
  it.each(Object.keys(RELIEFS))('%s', async (name) => {
    const { before = {}, act } = RELIEFS[name] as Relief
    const { server: busy, letGo } = await startBusyServer()
    const free = await startHttpServer()
    const isDown = before.s2?.['check'] === true
    if (isDown) await free.stop()
    const port = await freePort()
    const config = (stage: Stage) => configOf(port, [busy, free], stage)
    const daemon = await startDaemon({ config: config(before) })
    if (isDown) await daemon.event('server-down')
    const first = ask(port)
    await until('the place to be taken', () => (busy.requests.length === 1 ? true : undefined))
    const others = Array.from({ length: WAITING }, () => ask(port))
    await untilWaiting(daemon, WAITING)
    await act(daemon, { free, reload: (stage) => daemon.reload(config(stage)) })
    // The one that has the place keeps it all the while.
    expect(await Promise.all(others)).toEqual(new Array(WAITING).fill('200'))
    expect(await ask(port)).toBe('200')
    letGo()
    expect(await first).toBe('200')
  })

  it('sessions that end which began under a plan without a bound', async () => {
    const gates: (() => void)[] = []
    const server = await startHttpServer({
      answer: async (_, response) => {
        await new Promise<void>((resolve) => gates.push(resolve))
        response.end('ok')
      },
    })
    const port = await freePort()
    const config = (maxconn: number) => configOf(port, [server, server], { s1: { maxconn } })
    const daemon = await startDaemon({ config: config(0) })
    const first = [ask(port), ask(port)]
    await until('both to be there', () => (gates.length === 2 ? true : undefined))
    await daemon.reload(config(1))
    const last = ask(port)
    await untilWaiting(daemon, 1)
    for (const letGo of gates) letGo()
    expect(await Promise.all(first)).toEqual(['200', '200'])
    ;(await until('the one that waited', () => gates[2]))()
    expect(await last).toBe('200')
  })

  it('its own server is removed, in mode tcp too', async () => {
    const servers = [
      await startTcpServer((socket) => socket.on('end', () => socket.end())),
      await startTcpServer((socket) => socket.end('served')),
    ] as const
    const port = await freePort()
    const config = (names: readonly ('s1' | 's2')[]) => ({
      global: { nbthread: 2 },
      defaults: { mode: 'tcp', timeout: { queue: '60s', client: '60s', server: '60s' } },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: {
          'stick-table': 'type ip size 100 expire 1m',
          'stick': ['on src'],
          'servers': Object.fromEntries(
            names.map((name) => {
              const { address } = servers[name === 's1' ? 0 : 1]
              return [name, { address, maxconn: 1 }]
            }),
          ),
        },
      },
    })
    const daemon = await startDaemon({ config: config(['s1']) })
    const first = rawExchange(port, 'a', { until: () => false })
    await until('the place to be taken', () => servers[0].sockets[0])
    const second = rawExchange(port, 'b')
    await expectSamples(daemon, { sluice_server_current_queue: 1 }, { server: 's1' })
    expect((await daemon.reload(config(['s2']))).event).toBe('config-reloaded')
    expect((await second).text).toBe('served')
    servers[0].sockets[0]?.end()
    expect((await first).text).toBe('')
  })
})
