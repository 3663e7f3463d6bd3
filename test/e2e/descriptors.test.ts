import { expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'

/** `ulimit -n` of the daemons here. */
const OPEN_FILES_MAX = 256
const launcher = ['sh', '-c', `ulimit -n ${OPEN_FILES_MAX} && exec "$@"`, 'sh'] as const
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const CLIENTS = 300

const isServed = (text: string): boolean => text.endsWith('served')

/** No worker was lost, nobody was turned away, and the daemon serves. */
async function expectHealthy({ log, adminUrl }: Daemon, port: number): Promise<void> {
  const events = log.map(({ event }) => event)
  expect(events).not.toContain('worker-lost')
  expect(events).not.toContain('accept-failed')
  const { status } = await fetch(`${adminUrl}/readyz`)
  expect(status).toBe(200)
  expect((await rawExchange(port, GET, { until: isServed })).text).toMatch(/^HTTP\/1\.1 200 /)
}

it.each([
  ['a frontend at its maxconn', { maxconn: 40 }],
  ['as many clients as the limit allows', {}],
])('serves %s, and who waits, with few descriptors', async (_, frontend) => {
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const daemon = await startDaemon({
    launcher,
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app', ...frontend } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  const low = daemon.log.filter(({ event }) => event === 'descriptors-low')
  expect(low).toMatchObject([{ level: 'warn', limit: OPEN_FILES_MAX, maxconn: 10_000 }])
  expect(low[0]?.['message']).toMatch(/256.*ulimit -n, LimitNOFILE=/)
  // Each that is served makes room for another by leaving.
  const answers = Array.from({ length: CLIENTS }, async () => {
    const socket = await openSocket(port)
    socket.write(GET)
    const { text } = await readUntil(socket, isServed)
    socket.destroy()
    return text
  })
  for (const text of await Promise.all(answers)) expect(text).toMatch(/^HTTP\/1\.1 200 /)
  await expectHealthy(daemon, port)
})

it('gives up idle server connections before a session lacks a descriptor', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const daemon = await startDaemon({
    launcher,
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http', 'http-reuse': 'always' },
      frontends: {
        web: {
          bind: `127.0.0.1:${port}`,
          use_backend: names.map((name) => `${name} if { path /${name} }`),
          default_backend: 'a',
        },
      },
      backends: Object.fromEntries(
        names.map((name) => [name, { servers: { [name]: server.address } }]),
      ),
    },
  })
  const clients = await Promise.all(Array.from({ length: 50 }, () => openSocket(port)))
  for (const name of names) {
    for (const client of clients) client.write(GET.replace('/', `/${name}`))
    const answers = await Promise.all(clients.map((client) => readUntil(client, isServed)))
    for (const { text } of answers) expect(text).toMatch(/^HTTP\/1\.1 200 /)
  }
  for (const client of clients) client.destroy()
  await expectHealthy(daemon, port)
})
