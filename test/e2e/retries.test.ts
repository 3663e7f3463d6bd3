import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { type HttpAnswer, httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { type Samples, scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { startServerProcess } from './support/server-process.ts'
import { readRequests } from './support/strict-messages.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

/** Retries as often as they may be, on another server. */
const EAGER = {
  'retry-on': 'all-retryable-errors',
  'retry-budget': { percent: 100, 'min-per-sec': 1000 },
  'option': { redispatch: true },
}
/** Long enough for a server that works, short enough to wait for one that does not. */
const IMPATIENT = { ...EAGER, timeout: { server: '2s' } }
/** Requests of one client in a row, to a good server and others in turn. */
const REQUESTS = 6
const BODY = 'what is to be put '.repeat(300)

/** A daemon of one thread in front of servers by name. */
async function startProxy(
  servers: Readonly<Record<string, string>>,
  backend: Readonly<Record<string, unknown>> = EAGER,
): Promise<{ daemon: Daemon; port: number }> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers, ...backend } },
    },
  })
  return { daemon, port }
}

/** A server that does something wrong to every request that it has read whole. */
async function startBadServer(
  fail: (socket: Socket) => void,
): Promise<{ address: string; requests: () => number }> {
  let requests = 0
  const { address } = await startTcpServer((socket) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const { messages, rest } = readRequests(text)
      text = rest
      requests += messages.length
      for (const _ of messages) fail(socket)
    })
    socket.on('end', () => socket.end())
  })
  return { address, requests: () => requests }
}

/** An address on which a server process was, and is no more. */
async function killedServer(): Promise<string> {
  const server = await startServerProcess('killed')
  await server.kill()
  return server.address
}

const BAD_SERVERS: Readonly<Record<string, () => Promise<string>>> = {
  'was killed': killedServer,
  'hangs': async () => (await startBadServer(() => {})).address,
  'answers 503': async () => (await startHttpServer({ name: 'busy', status: 503 })).address,
  'ends without a word': async () => (await startBadServer((socket) => socket.end())).address,
  'resets': async () => (await startBadServer((socket) => socket.resetAndDestroy())).address,
  'ends within the head': async () => {
    return (await startBadServer((socket) => socket.end('HTTP/1.1 200 OK\r\nConte'))).address
  },
  'sends junk': async () => {
    return (await startBadServer((socket) => socket.write('220 smtp.example.com\r\n'))).address
  },
}

/** The method and body of the n-th request, none of which must not be done twice. */
function idempotentCall(n: number): { method: string; body?: string } {
  const calls = [{ method: 'GET' }, { method: 'PUT', body: BODY }, { method: 'DELETE' }]
  return calls[n % calls.length] as { method: string; body?: string }
}

/** `retries` as the access log has it, with `+` after a redispatch, by the request's target. */
async function loggedRetries(daemon: Daemon, lines: number): Promise<Map<string, string>> {
  await until('the log', () => (daemon.accessLog.length >= lines ? true : undefined))
  return new Map(
    daemon.accessLog.map((line) => {
      const [, retries = '', target = ''] =
        / \d+\/\d+\/\d+\/\d+\/(\+?\d+) \d+\/\d+ "[A-Z]+ (\S+) /.exec(line) ?? []
      return [target, retries]
    }),
  )
}

async function untilReleased(daemon: Daemon): Promise<Samples> {
  return until('all sessions to be given up', async () => {
    const sample = await scrape(daemon)
    const held = ['backend', 'server'].map((of) => sample(`sluice_${of}_current_sessions`))
    return held.every((sessions) => sessions === 0) ? sample : undefined
  })
}

describe('retry-on all-retryable-errors', () => {
  it.each(Object.keys(BAD_SERVERS))('finds the server that works when one %s', async (what) => {
    const bad = await (BAD_SERVERS[what] as () => Promise<string>)()
    const good = await startHttpServer({ name: 'good' })
    const backend = what === 'hangs' ? IMPATIENT : EAGER
    const { daemon, port } = await startProxy({ bad, good: good.address }, backend)
    const ask = httpClient(port)
    for (let n = 0; n < REQUESTS; n++) {
      const { status, body } = await ask(`/${n}`, idempotentCall(n))
      expect([status, body.toString()]).toEqual([200, 'good'])
    }
    expect(good.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array.from({ length: REQUESTS }, (_, n) => `${idempotentCall(n).method} /${n}`),
    )
    const bodies = good.requests.map(({ body }) => body.toString())
    expect(bodies).toEqual(Array.from({ length: REQUESTS }, (_, n) => idempotentCall(n).body ?? ''))
    const sample = await untilReleased(daemon)
    const retries = sample('sluice_backend_retry_warnings_total')
    expect(retries).toBeGreaterThanOrEqual(2)
    expect(sample('sluice_backend_redispatch_warnings_total')).toBe(retries)
    expect(sample('sluice_backend_retry_budget_exhausted_total')).toBe(0)
    expect(sample('sluice_backend_http_responses_total', { code: '5xx' })).toBe(0)
    const logged = [...(await loggedRetries(daemon, REQUESTS)).values()]
    expect(logged.filter((text) => text === '+1')).toHaveLength(retries)
    expect(logged.filter((text) => text === '0')).toHaveLength(REQUESTS - retries)
  })

  it('finds it among all the others', async () => {
    const bad = await Promise.all(Object.values(BAD_SERVERS).map((start) => start()))
    const good = await startHttpServer({ name: 'good' })
    const addresses = [...bad, good.address].map((address, n) => [`s${n}`, address] as const)
    const servers = Object.fromEntries(addresses)
    const { daemon, port } = await startProxy(servers, {
      ...IMPATIENT,
      retries: 2 * addresses.length,
    })
    const ask = httpClient(port)
    for (let n = 0; n < REQUESTS; n++) {
      const { status, body } = await ask(`/${n}`, idempotentCall(n))
      expect([status, body.toString()]).toEqual([200, 'good'])
    }
    expect(good.requests).toHaveLength(REQUESTS)
    await untilReleased(daemon)
  })

  it('lets no client see that a server is killed', async () => {
    const [first, second] = await Promise.all([
      startServerProcess('first', 2),
      startServerProcess('second', 2),
    ])
    const { daemon, port } = await startProxy({ first: first.address, second: second.address })
    const answers: HttpAnswer[] = []
    const clients = Array.from({ length: 8 }, async () => {
      const ask = httpClient(port)
      for (let n = 0; n < 60; n++) answers.push(await ask('/', idempotentCall(n)))
    })
    await until('some answers', () => (answers.length > 100 ? true : undefined))
    await first.kill()
    await Promise.all(clients)
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 480 }, () => 200))
    const names = new Set(answers.map(({ body }) => body.toString()))
    expect(names).toEqual(new Set(['first', 'second']))
    await untilReleased(daemon)
  })

  it('does not send a POST again: it is answered 502, and arrives once', async () => {
    const bad = await startBadServer((socket) => socket.end())
    const good = await startHttpServer({ name: 'good' })
    const { daemon, port } = await startProxy({ bad: bad.address, good: good.address })
    const ask = httpClient(port)
    const statuses: number[] = []
    for (let n = 0; n < 10; n++) {
      statuses.push((await ask('/', { method: 'POST', body: BODY })).status)
    }
    expect(statuses.filter((status) => status === 502)).toHaveLength(5)
    expect(statuses.filter((status) => status === 200)).toHaveLength(5)
    expect([bad.requests(), good.requests.length]).toEqual([5, 5])
    expect((await untilReleased(daemon))('sluice_backend_retry_warnings_total')).toBe(0)
  })

  it('sends a POST elsewhere where no connection came about', async () => {
    const good = await startHttpServer({ name: 'good' })
    const { port } = await startProxy({ bad: await killedServer(), good: good.address })
    const ask = httpClient(port)
    for (let n = 0; n < 6; n++) {
      expect((await ask(`/${n}`, { method: 'POST', body: BODY })).status).toBe(200)
    }
    expect(good.requests.map(({ url }) => url)).toEqual(['/0', '/1', '/2', '/3', '/4', '/5'])
  })
})

it('without redispatch the same server is asked until the tries are spent', async () => {
  const one = await startHttpServer({ name: 'one', status: 503 })
  const two = await startHttpServer({ name: 'two', status: 503 })
  const { option: _, ...backend } = EAGER
  const { daemon, port } = await startProxy(
    { one: one.address, two: two.address },
    { ...backend, retries: 2 },
  )
  const ask = httpClient(port)
  for (let n = 0; n < 4; n++) expect((await ask(`/${n}`)).status).toBe(503)
  for (const { requests } of [one, two]) {
    expect(requests).toHaveLength(6)
    const urls = requests.map(({ url }) => url)
    expect(urls).toEqual([...urls].sort())
    expect(new Set(urls).size).toBe(2)
  }
  expect(await loggedRetries(daemon, 4)).toEqual(
    new Map([0, 1, 2, 3].map((n) => [`/${n}`, '2'] as const)),
  )
})

it('retry-budget bounds what servers see, when all of them fail', async () => {
  const one = await startHttpServer({ name: 'one', status: 503 })
  const two = await startHttpServer({ name: 'two', status: 503 })
  const { daemon, port } = await startProxy(
    { one: one.address, two: two.address },
    {
      'retry-on': 503,
      'retry-budget': { percent: 10, 'min-per-sec': 0 },
      'option': { redispatch: true },
    },
  )
  const ask = httpClient(port, 4)
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask('/')))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 200 }, () => 503))
  const seen = one.requests.length + two.requests.length
  expect(seen).toBeGreaterThan(210)
  expect(seen).toBeLessThanOrEqual(220)
  const sample = await untilReleased(daemon)
  const app = { proxy: 'app' }
  expect(sample('sluice_backend_retry_warnings_total', app)).toBe(seen - 200)
  // Every request that was not granted another try had one left, unless it had used all three.
  const exhausted = sample('sluice_backend_retry_budget_exhausted_total', app)
  expect(exhausted).toBeGreaterThan(190)
  expect(exhausted).toBeLessThanOrEqual(200)
  expect(sample('sluice_backend_http_responses_total', { ...app, code: '5xx' })).toBe(200)
})
