import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { expectSamples, scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** A server that answers no request before it is told to. */
async function startGatedServer() {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const server = await startHttpServer({
    answer: async ({ method }, response) => {
      if (method === 'GET') await opened
      response.end('done')
    },
  })
  return { server, open }
}

/** A server that counts how many requests it works on at once. */
async function startCountingServer(workMs: number) {
  const seen = { now: 0, most: 0 }
  const server = await startHttpServer({
    answer: async (_, response) => {
      seen.now++
      seen.most = Math.max(seen.most, seen.now)
      await sleep(workMs)
      seen.now--
      response.end('done')
    },
  })
  return { server, seen }
}

async function start(backend: Record<string, unknown>, nbthread = 2) {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: backend },
    },
  })
  return { port, daemon }
}

async function queueOf(daemon: Daemon): Promise<number> {
  return (await scrape(daemon))('sluice_backend_current_queue', { proxy: 'app' })
}

it('gives a server no more sessions than it may have, over all threads, and loses none', async () => {
  const one = await startCountingServer(5)
  const other = await startCountingServer(3)
  const { port, daemon } = await start({
    timeout: { queue: '20s' },
    servers: {
      s1: { address: one.server.address, maxconn: 3 },
      s2: { address: other.server.address, maxconn: 2 },
    },
  })
  const answers = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const texts: string[] = []
      for (let n = 0; n < 10; n++) texts.push((await rawExchange(port, GET)).text)
      return texts
    }),
  )
  expect(answers.flat().filter((text) => !text.startsWith('HTTP/1.1 200 '))).toEqual([])
  expect([one.seen.most, other.seen.most]).toEqual([3, 2])
  expect(one.server.requests.length + other.server.requests.length).toBe(400)
  await expectSamples(daemon, {
    sluice_backend_current_queue: 0,
    sluice_server_current_sessions: 0,
  })
  const samples = await scrape(daemon)
  expect(samples('sluice_backend_queue_time_average_seconds', { proxy: 'app' })).toBeGreaterThan(0)
})

it('answers 503 to who waits longer than the queue timeout', async () => {
  const { server, open } = await startGatedServer()
  const { port, daemon } = await start({
    timeout: { queue: '300ms' },
    servers: { s1: { address: server.address, maxconn: 1 } },
  })
  const first = rawExchange(port, GET)
  await until('the first request', () => server.requests[0])
  const second = await rawExchange(port, GET)
  expect(second.text).toMatch(/^HTTP\/1\.1 503 /)
  open()
  expect((await first).text).toMatch(/^HTTP\/1\.1 200 /)
  expect(server.requests).toHaveLength(1)
  await until('both lines', () => (daemon.accessLog.length === 2 ? true : undefined))
  expect(daemon.accessLog[0]).toMatch(
    / app\/<NOSRV> \d+\/\d+\/-1\/-1\/\d+ 503 \d+ - - sQ-- .* 0\/1 /,
  )
})

it('serves in the order of coming, and goes past a client that left', async () => {
  const gates: (() => void)[] = []
  const server = await startHttpServer({
    answer: async ({ url }, response) => {
      await new Promise<void>((resolve) => gates.push(resolve))
      response.end(url)
    },
  })
  const { port, daemon } = await start({
    timeout: { queue: '20s' },
    servers: { s1: { address: server.address, maxconn: 1 } },
  })
  const order: string[] = []
  const ask = async (path: string) => {
    const socket = await openSocket(port)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    const isServed = (text: string): boolean => text.endsWith(path)
    void readUntil(socket, isServed).then(({ text }) => {
      if (isServed(text)) order.push(path)
    })
    return socket
  }
  await ask('/first')
  await until('the first request', () => server.requests[0])
  const sockets = []
  for (const [n, path] of ['/b', '/leaver', '/c', '/d'].entries()) {
    sockets.push(await ask(path))
    await until('the line', async () => ((await queueOf(daemon)) === n + 1 ? true : undefined))
  }
  // A client that only ends its side may still read, and keeps its place.
  sockets[1]?.resetAndDestroy()
  await until('the leaver', async () => ((await queueOf(daemon)) === 3 ? true : undefined))
  for (let served = 1; served <= 4; served++) {
    await until('the next request', () => gates[served - 1])
    gates[served - 1]?.()
    await until('its answer', () => (order.length === served ? true : undefined))
  }
  expect(order).toEqual(['/first', '/b', '/c', '/d'])
  await until('the lines', () => (daemon.accessLog.length >= 2 ? true : undefined))
  expect(daemon.accessLog.some((line) => / -1 \d+ - - CQ-- /.test(line))).toBe(true)
})

it('lets those that wait have a server that comes up', async () => {
  const slow = await startGatedServer()
  const other = await startHttpServer({ body: 'other' })
  await other.stop()
  const { port, daemon } = await start({
    timeout: { queue: '20s' },
    'default-server': { check: true, inter: '100ms', rise: 1, fall: 1, maxconn: 1 },
    servers: { s1: slow.server.address, s2: other.address },
  })
  await until('s2 to be down', async () => {
    const samples = await scrape(daemon)
    return samples('sluice_server_status', { server: 's2', state: 'DOWN' }) === 1 ? true : undefined
  })
  const first = rawExchange(port, GET)
  await until('the first request', () =>
    slow.server.requests.find(({ method }) => method === 'GET'),
  )
  const second = rawExchange(port, GET)
  await until('the line', async () => ((await queueOf(daemon)) === 1 ? true : undefined))
  await other.restart()
  expect((await second).text).toMatch(/other$/)
  slow.open()
  expect((await first).text).toMatch(/done$/)
})
