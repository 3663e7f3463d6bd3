import { expect, it } from 'vitest'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './support/daemon.ts'
import { type HttpClient, httpClient } from './support/http-client.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'
import { startEchoServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

const TRIES = 8

/** A client that keeps its cookies, as a browser does. */
class Jar {
  readonly #ask: HttpClient
  cookies = new Map<string, string>()

  constructor(port: number) {
    this.#ask = httpClient(port)
  }

  /** Sends one request. */
  async visit(): Promise<{ server: string; set: readonly string[]; cacheControl: unknown }> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await this.#ask('/', cookie === '' ? {} : { headers: { cookie } })
    const set = [answer.headers['set-cookie'] ?? []].flat()
    for (const line of set) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? []
      this.cookies.set(name, value)
    }
    const cacheControl = answer.headers['cache-control']
    return { server: String(answer.headers['x-server']), set, cacheControl }
  }

  /** The servers of some requests one after another. */
  async servers(): Promise<Set<string>> {
    const names = new Set<string>()
    for (let n = 0; n < TRIES; n++) names.add((await this.visit()).server)
    return names
  }
}

interface Setting {
  readonly servers: readonly HttpServer[]
  readonly backend: Readonly<Record<string, unknown>>
  readonly server?: Readonly<Record<string, unknown>>
  readonly weights?: Readonly<Record<string, number>>
}

function configOf(port: number, { servers, backend, server, weights = {} }: Setting) {
  const entries = servers.map(({ name, address }, index) => {
    const cookie = backend['cookie'] === undefined ? {} : { cookie: `c${index + 1}` }
    return [name, { address, ...cookie, ...server, weight: weights[name] ?? 1 }]
  })
  return {
    global: { nbthread: 2 },
    defaults: { mode: 'http', option: { redispatch: true } },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: { app: { ...backend, servers: Object.fromEntries(entries) } },
  }
}

async function startServers(setCookie?: string): Promise<HttpServer[]> {
  return Promise.all(
    ['app1', 'app2', 'app3'].map((name) =>
      startHttpServer({ name, ...(setCookie && { headers: { 'Set-Cookie': setCookie } }) }),
    ),
  )
}

/** The termination states in the access log so far, without those of other servers. */
const lettersIn = (daemon: Daemon): string[] =>
  daemon.accessLog.map((line) => / - - (\S{4}) /.exec(line)?.[1] ?? line)

it('insert gives a client a cookie once, keeps it at its server, and hides that', async () => {
  const port = await freePort()
  const servers = await startServers()
  const backend = { cookie: 'SRV insert indirect nocache httponly' }
  const daemon = await startDaemon({ config: configOf(port, { servers, backend }) })
  const jar = new Jar(port)
  jar.cookies.set('theme', 'dark')
  const { server, set, cacheControl } = await jar.visit()
  expect(set).toEqual([`SRV=c${server.slice(3)}; path=/; HttpOnly`])
  expect(cacheControl).toBe('private')
  const again = await jar.visit()
  expect([again.server, again.set, again.cacheControl]).toEqual([server, [], undefined])
  expect(await jar.servers()).toEqual(new Set([server]))
  const seen = servers.flatMap(({ requests }) => requests.map(({ headers }) => headers.cookie))
  expect(new Set(seen)).toEqual(new Set(['theme=dark']))
  await until('the log', () => (daemon.accessLog.length === TRIES + 2 ? true : undefined))
  expect(lettersIn(daemon).slice(0, 3)).toEqual(['--NI', '--VN', '--VN'])

  // Other clients are not bound to this server: each thread takes all of them in turn.
  const others = new Set<string>()
  for (let n = 0; n < TRIES; n++) others.add((await new Jar(port).visit()).server)
  expect(others.size).toBe(3)
})

it.each([
  { mode: 'rewrite', own: 'SRV=x; path=/app', given: 'SRV=NAME; path=/app', seen: 'NAME' },
  { mode: 'prefix', own: 'SRV=x; path=/app', given: 'SRV=NAME~x; path=/app', seen: 'x' },
])('$mode makes the cookie of the server its own', async ({ mode, own, given, seen }) => {
  const port = await freePort()
  const servers = await startServers(own)
  await startDaemon({ config: configOf(port, { servers, backend: { cookie: `SRV ${mode}` } }) })
  const jar = new Jar(port)
  const { server, set } = await jar.visit()
  const name = `c${server.slice(3)}`
  expect(set).toEqual([given.replace('NAME', name)])
  expect(await jar.servers()).toEqual(new Set([server]))
  const asked = servers.find((one) => one.name === server)?.requests.at(-1)
  expect(asked?.headers.cookie).toBe(`SRV=${seen.replace('NAME', name)}`)
})

it('dynamic needs nothing but a secret, and gives the same cookie on another node', async () => {
  const [port, otherPort] = [await freePort(), await freePort()]
  const servers = await startServers()
  const setting = {
    servers,
    backend: { 'cookie': 'SRV insert dynamic', 'dynamic-cookie-key': 'only for us' },
    server: { cookie: undefined },
  }
  const daemon = await startDaemon({ config: configOf(port, setting) })
  const other = await startDaemon({ config: configOf(otherPort, setting) })
  const jar = new Jar(port)
  const { server } = await jar.visit()
  expect(await jar.servers()).toEqual(new Set([server]))
  const elsewhere = new Jar(otherPort)
  elsewhere.cookies = jar.cookies
  expect(await elsewhere.servers()).toEqual(new Set([server]))
  for (const { log, accessLog } of [daemon, other]) {
    expect(JSON.stringify([log, accessLog])).not.toContain('only for us')
  }
})

it('a reload that takes the weight from a server leaves it its clients, and no others', async () => {
  const port = await freePort()
  const servers = await startServers()
  const setting = { servers, backend: { cookie: 'SRV insert indirect' } }
  const daemon = await startDaemon({ config: configOf(port, setting) })
  const jar = new Jar(port)
  const { server } = await jar.visit()
  const { event } = await daemon.reload(configOf(port, { ...setting, weights: { [server]: 0 } }))
  expect(event).toBe('config-reloaded')
  expect(await jar.servers()).toEqual(new Set([server]))
  for (let n = 0; n < TRIES; n++) expect((await new Jar(port).visit()).server).not.toBe(server)
})

it('a server that an operator drains keeps its clients, and gets no others', async () => {
  const port = await freePort()
  const servers = await startServers()
  const backend = { cookie: 'SRV insert indirect' }
  const { adminUrl } = await startDaemon({ config: configOf(port, { servers, backend }) })
  const jar = new Jar(port)
  const { server } = await jar.visit()
  const change = async (state: string): Promise<void> => {
    const response = await fetch(`${adminUrl}/api/v1/servers/app/${server}`, {
      method: 'PATCH',
      headers: { ...ADMIN_HEADERS, 'content-type': 'application/json' },
      body: JSON.stringify({ state }),
    })
    expect(response.status).toBe(200)
  }
  await change('drain')
  expect(await jar.servers()).toEqual(new Set([server]))
  for (let n = 0; n < TRIES; n++) expect((await new Jar(port).visit()).server).not.toBe(server)
  await change('maint')
  expect(await jar.servers()).not.toContain(server)
})

it('the clients of a server that is gone move, and are told of their new one', async () => {
  const port = await freePort()
  const servers = await startServers()
  const setting = { servers, backend: { cookie: 'SRV insert indirect', retries: 3 } }
  const daemon = await startDaemon({ config: configOf(port, setting) })
  const jar = new Jar(port)
  const { server } = await jar.visit()
  await servers.find(({ name }) => name === server)?.stop()
  const moved = await jar.visit()
  expect(moved.server).not.toBe(server)
  expect(moved.set).toEqual([`SRV=c${moved.server.slice(3)}; path=/`])
  expect(await jar.servers()).toEqual(new Set([moved.server]))
  await until('the log', () => (daemon.accessLog.length === TRIES + 2 ? true : undefined))
  expect(lettersIn(daemon).slice(0, 3)).toEqual(['--NI', '--DI', '--VN'])
})

it('a server that checks have found down has no clients, until force-persist asks for it', async () => {
  const port = await freePort()
  const servers = await startServers()
  const setting = {
    servers,
    backend: {
      'cookie': 'SRV insert indirect',
      'retries': 0,
      'force-persist': ['if { path /test }'],
    },
    server: { check: true, inter: '50ms', fall: 1, rise: 1 },
  }
  const daemon = await startDaemon({ config: configOf(port, setting) })
  const jar = new Jar(port)
  const { server } = await jar.visit()
  const { cookies } = jar
  await servers.find(({ name }) => name === server)?.stop()
  await daemon.event('server-down')
  const ask = httpClient(port)
  const cookie = `SRV=${cookies.get('SRV')}`
  expect((await ask('/test', { headers: { cookie } })).status).toBe(503)
  const moved = await jar.visit()
  expect(moved.server).not.toBe(server)
  expect(moved.set).toHaveLength(1)
})

it('stick on src keeps a client at its server over all threads and over a reload', async () => {
  const port = await freePort()
  const servers = await startServers()
  const backend = { 'stick-table': 'type ip size 1k expire 30m', 'stick': ['on src'] }
  const setting = { servers, backend }
  const daemon = await startDaemon({ config: configOf(port, setting) })
  const { server } = await new Jar(port).visit()
  const all = async (): Promise<Set<string>> => {
    // Each client has a connection of its own: both threads have some.
    const clients = Array.from({ length: 24 }, () => new Jar(port).visit())
    return new Set((await Promise.all(clients)).map((visit) => visit.server))
  }
  expect(await all()).toEqual(new Set([server]))
  const changed = { ...setting, backend: { ...backend, balance: 'leastconn' } }
  expect((await daemon.reload(configOf(port, changed))).event).toBe('config-reloaded')
  expect(await all()).toEqual(new Set([server]))

  // The table is another one: it knows nobody yet, and soon does.
  const larger = { 'stick-table': 'type ip size 2k expire 30m', 'stick': ['on src'] }
  await daemon.reload(configOf(port, { ...setting, backend: larger, weights: { [server]: 0 } }))
  const { server: next } = await new Jar(port).visit()
  expect(next).not.toBe(server)
  expect(await all()).toEqual(new Set([next]))
})

it('stick on src works in mode tcp', async () => {
  const port = await freePort()
  const servers = [await startEchoServer(), await startEchoServer()]
  await startDaemon({
    config: {
      global: { nbthread: 2 },
      frontends: { in: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: {
          'stick-table': 'type ip size 100 expire 1m',
          'stick': ['on src'],
          'servers': Object.fromEntries(servers.map(({ address }, n) => [`s${n}`, address])),
        },
      },
    },
  })
  for (let n = 0; n < TRIES; n++) {
    const { text } = await rawExchange(port, 'hello', { halfClose: true })
    expect(text).toBe('hello')
  }
  expect(servers.map(({ sockets }) => sockets.length).sort()).toEqual([0, TRIES])
})
