import { expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { until, untilSteady } from './support/waiting.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

it.each([
  ['frontend', {}, { maxconn: 4 }],
  ['process', { maxconn: 4 }, {}],
])('a full %s leaves clients in the queue of the kernel until there is room', async (_, g, f) => {
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2, log: { access: 'off' }, ...g },
      frontends: { web: { mode: 'http', bind: `127.0.0.1:${port}`, default_backend: 'app', ...f } },
      backends: { app: { mode: 'http', servers: { s1: server.address } } },
    },
  })
  const isServed = (text: string) => text.endsWith('served')
  const sockets = await Promise.all(Array.from({ length: 12 }, () => openSocket(port)))
  const answers = sockets.map(async (socket, n) => {
    socket.write(GET)
    await readUntil(socket, isServed)
    return n
  })
  const served = new Set<number>()
  for (const answer of answers) void answer.then((n) => served.add(n))
  await until('the places to be taken', () => (served.size >= 4 ? true : undefined))
  await untilSteady('who is served', () => served.size)
  // Each thread may have taken one more before it saw that the last place was gone.
  expect(served.size).toBeLessThanOrEqual(5)
  const samples = await scrape(daemon)
  expect(samples('sluice_frontend_current_sessions', { proxy: 'web' })).toBe(served.size)
  // Each client that leaves makes room for the next, to the last.
  const gone = new Set<number>()
  await until('all to be served', () => {
    for (const n of served) {
      if (!gone.has(n)) sockets[n]?.destroy()
      gone.add(n)
    }
    return served.size === sockets.length ? true : undefined
  })
})
