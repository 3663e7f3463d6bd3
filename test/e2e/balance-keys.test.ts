import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'

interface Call {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Where the client connects from: any of 127.0.0.0/8. */
  readonly from?: string
}

/** Sends a request on a connection of its own; gives the name of the server that answered. */
async function ask(port: number, { path = '/', headers = {}, from }: Call): Promise<string> {
  const options = { port, host: '127.0.0.1', path, headers, agent: false }
  const call = request(from === undefined ? options : { ...options, localAddress: from }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  expect(response.statusCode).toBe(200)
  return String(response.headers['x-server'])
}

async function askAll(port: number, calls: readonly Call[]): Promise<string[]> {
  const names: string[] = []
  for (const call of calls) names.push(await ask(port, call))
  return names
}

/** Calls for many users, from many addresses, for many paths: no two of one key. */
const CALLS: readonly Call[] = Array.from({ length: 60 }, (_, n) => ({
  path: `/dir${n}/page${n % 7}/end?x=1&id=user${n * 31}&y=2`,
  headers: { 'X-User': `user-${n}`, 'Host': `www.site${n}.example` },
  from: `127.0.${n % 4}.${n + 10}`,
}))

function startServers(count: number): Promise<HttpServer[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => startHttpServer({ name: `app${n + 1}` })),
  )
}

interface Settings {
  readonly mode?: 'http' | 'tcp'
  readonly servers: readonly { readonly name: string; readonly address: string }[]
  readonly [key: string]: unknown
}

function configOf(port: number, { mode = 'http', servers, ...backend }: Settings) {
  const entries = servers.map(({ name, address }) => [name, address])
  return {
    global: { nbthread: 2 },
    defaults: { mode },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: { app: { ...backend, servers: Object.fromEntries(entries) } },
  }
}

async function start(settings: Settings): Promise<{ port: number; daemon: Daemon }> {
  const port = await freePort()
  return { port, daemon: await startDaemon({ config: configOf(port, settings) }) }
}

describe('beside HAProxy', () => {
  beforeEach(requires('haproxy'))

  it.each([
    { balance: 'uri', type: 'map-based' },
    { balance: 'uri depth 1 whole', type: 'map-based djb2' },
    { balance: 'uri len 9 path-only', type: 'map-based wt6 avalanche' },
    { balance: 'url_param id', type: 'map-based crc32' },
    { balance: 'hdr(x-user)', type: 'map-based sdbm avalanche' },
    { balance: 'hdr(host) use_domain_only', type: 'map-based djb2 avalanche' },
    { balance: 'source', type: 'map-based' },
    { balance: 'source', type: 'map-based sdbm avalanche' },
    { balance: 'hash req.hdr(x-user),upper', type: 'map-based wt6' },
  ])('sends every key of $balance by $type to the same server', async ({ balance, type }) => {
    const servers = await startServers(5)
    const { port } = await start({ balance, 'hash-type': type, servers })
    const otherPort = await freePort()
    const lines = servers.map(({ name, address }) => `  server ${name} ${address}`)
    await startHaproxy(
      `defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
listen web
  bind 127.0.0.1:${otherPort}
  balance ${balance}
  hash-type ${type}
${lines.join('\n')}`,
      otherPort,
    )
    const names = await askAll(port, CALLS)
    expect(new Set(names).size).toBeGreaterThan(2)
    expect(names).toEqual(await askAll(otherPort, CALLS))
  })
})

it('sends keys where they went before a restart, and only those of a lost server elsewhere', async () => {
  const servers = await startServers(4)
  const settings = { balance: 'hdr(x-user)', 'hash-type': 'consistent', servers }
  const first = await start(settings)
  const before = await askAll(first.port, CALLS)
  expect(new Set(before).size).toBe(4)
  expect(await askAll(first.port, CALLS)).toEqual(before)
  const { event } = await first.daemon.reload(
    configOf(first.port, { ...settings, servers: servers.slice(1) }),
  )
  expect(event).toBe('config-reloaded')
  const during = await askAll(first.port, CALLS)
  expect(during).not.toContain('app1')
  expect(during.every((name, n) => name === before[n] || before[n] === 'app1')).toBe(true)
  const second = await start(settings)
  expect(await askAll(second.port, CALLS)).toEqual(before)
})

it('lets requests without a key take turns', async () => {
  const servers = await startServers(3)
  const { port } = await start({ balance: 'url_param basket', servers })
  const names = await askAll(port, new Array<Call>(30).fill({ path: '/' }))
  expect(new Set(names).size).toBe(3)
  const withKey = await askAll(port, new Array<Call>(10).fill({ path: '/?basket=7' }))
  expect(new Set(withKey).size).toBe(1)
})

it('takes a key as the rules have left it', async () => {
  const servers = await startServers(4)
  const { port } = await start({
    balance: 'hash req.hdr(x-key)',
    'http-request': ['set-header X-Key %[path]'],
    servers,
  })
  const paths = Array.from({ length: 20 }, (_, n) => `/p${n}`)
  const before = await askAll(
    port,
    paths.map((path) => ({ path, headers: { 'X-Key': 'one' } })),
  )
  expect(new Set(before).size).toBeGreaterThan(1)
  const after = await askAll(
    port,
    paths.map((path) => ({ path, headers: { 'X-Key': 'two' } })),
  )
  expect(after).toEqual(before)
})

it('sends the sessions of a client to one server in mode tcp', async () => {
  const servers = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => ({
      name,
      address: (await startTcpServer((socket) => socket.end(name))).address,
    })),
  )
  const { port } = await start({
    mode: 'tcp',
    balance: 'source',
    'hash-type': 'consistent',
    servers,
  })
  const nameFor = async (localAddress: string): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  }
  const addresses = Array.from({ length: 20 }, (_, n) => `127.0.0.${n + 2}`)
  const names: string[] = []
  for (const address of addresses) names.push(await nameFor(address))
  expect(new Set(names)).toEqual(new Set(['a', 'b', 'c']))
  for (const [n, address] of addresses.entries()) expect(await nameFor(address)).toBe(names[n])
})

it('retries a key always at the same other server', async () => {
  const servers = await startServers(3)
  const { port } = await start({
    balance: 'hdr(x-user)',
    'hash-type': 'consistent',
    option: { redispatch: true },
    servers,
  })
  const before = await askAll(port, CALLS)
  await servers[0]?.stop()
  const during = await askAll(port, CALLS)
  expect(during).not.toContain('app1')
  expect(during.every((name, n) => name === before[n] || before[n] === 'app1')).toBe(true)
  expect(await askAll(port, CALLS)).toEqual(during)
})

it('gives a server no more than its factor of the sessions', async () => {
  let most = 0
  let total = 0
  const servers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => {
      let now = 0
      return startHttpServer({
        name,
        answer: async (_, response) => {
          most = Math.max(most, ++now)
          total++
          // All are there at once before the first one is answered.
          while (total < 20) await sleep(5)
          now--
          response.setHeader('X-Server', name).end()
        },
      })
    }),
  )
  const { port } = await start({
    balance: 'hdr(x-user)',
    'hash-type': 'consistent',
    'hash-balance-factor': 120,
    servers,
  })
  const call = { headers: { 'X-User': 'everybody' } }
  const names = await Promise.all(Array.from({ length: 20 }, () => ask(port, call)))
  expect(new Set(names).size).toBe(4)
  // 120% of a quarter of twenty.
  expect(most).toBeLessThanOrEqual(6)
})

it('peak-ewma leaves a server alone that answers late', async () => {
  const servers = [
    await startHttpServer({ name: 'late', delayMs: 1000 }),
    await startHttpServer({ name: 'quick', delayMs: 2 }),
  ]
  const { port } = await start({ balance: 'peak-ewma', servers })
  const client = async (): Promise<string[]> => askAll(port, new Array<Call>(50).fill({}))
  const names = (await Promise.all([client(), client(), client(), client()])).flat()
  expect(names.filter((name) => name === 'late').length).toBeLessThan(names.length / 5)
})
