import { expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'

const CONNECTIONS = 2000
const BATCH = 100
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

it(`${CONNECTIONS} idle connections are held, and all still answer`, async () => {
  const port = await freePort()
  const server = await startHttpServer({ name: 's1' })
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  const sockets: Awaited<ReturnType<typeof openSocket>>[] = []
  while (sockets.length < CONNECTIONS) {
    sockets.push(...(await Promise.all(Array.from({ length: BATCH }, () => openSocket(port)))))
  }
  const askAll = async (): Promise<void> => {
    for (let i = 0; i < CONNECTIONS; i += BATCH) {
      const batch = sockets.slice(i, i + BATCH)
      const answers = batch.map((socket) => {
        socket.write(GET)
        return readUntil(socket, (text) => text.endsWith('\r\n\r\ns1'))
      })
      for (const { text } of await Promise.all(answers)) expect(text).toMatch(/^HTTP\/1\.1 200 /)
    }
  }
  await askAll()
  const sample = await scrape(daemon)
  expect(sample('sluice_frontend_current_sessions', { proxy: 'web' })).toBe(CONNECTIONS)
  await askAll()
})
