import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { expectSamples } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { startStuckServer } from './support/stuck-server.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

const CROWD = 20

/** A daemon before one server, whose log lines tell how sessions ended. */
async function startProxy(mode: 'http' | 'tcp', server: unknown) {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: {
        mode,
        timeout: { connect: '60s', queue: '60s', client: '60s', server: '60s' },
      },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: server } } },
    },
  })
  return { daemon, port }
}

function untilWaiting(daemon: Daemon, count: number): Promise<void> {
  return expectSamples(daemon, { sluice_backend_current_queue: count }, { proxy: 'app' })
}

/** Termination states of the log lines so far, as `CQ`. */
function endsOf(daemon: Daemon): string[] {
  return daemon.accessLog.map((line) => / ([a-zA-Z-]{2})(?:--)? \d+\/\d+\//.exec(line)?.[1] ?? line)
}

/** What clients send while they wait, beyond what makes them wait. */
const CLIENTS: readonly (readonly [name: string, mode: 'http' | 'tcp', first: string])[] = [
  ['a silent client in mode tcp', 'tcp', ''],
  ['a client that has sent a little in mode tcp', 'tcp', 'hello'],
  ['a client that has sent much in mode tcp', 'tcp', 'x'.repeat(200_000)],
  ['a client with a request', 'http', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  [
    'a client with a body that is not read yet',
    'http',
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(200_000)}`,
  ],
  ['a client with requests ahead', 'http', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(8_000)],
]

describe('a client that waits in line', () => {
  it.each(CLIENTS)('leaves it with a reset: %s', async (_, mode, first) => {
    const server = await startTcpServer(() => {})
    const { daemon, port } = await startProxy(mode, { address: server.address, maxconn: 1 })
    const holder = await openSocket(port)
    holder.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('the place to be taken', () => server.sockets[0])
    const crowd = await Promise.all(Array.from({ length: CROWD }, () => openSocket(port)))
    for (const client of crowd) client.write(first)
    await untilWaiting(daemon, CROWD)
    for (const client of crowd) client.resetAndDestroy()
    await untilWaiting(daemon, 0)
    await until('their log lines', () => (daemon.accessLog.length === CROWD ? true : undefined))
    expect(endsOf(daemon)).toEqual(new Array(CROWD).fill('CQ'))
    await expectSamples(daemon, { sluice_backend_client_aborts_total: CROWD }, { proxy: 'app' })
    holder.resetAndDestroy()
    await expectSamples(daemon, { sluice_backend_current_sessions: 0 }, { proxy: 'app' })
    expect(server.sockets).toHaveLength(1)
  })

  it('keeps its place with a FIN, and is served', async () => {
    const server = await startTcpServer((socket) => {
      socket.on('data', (chunk) => socket.write(chunk))
      socket.on('end', () => socket.end('bye'))
    })
    const { daemon, port } = await startProxy('tcp', { address: server.address, maxconn: 1 })
    const holder = await openSocket(port)
    await until('the place to be taken', () => server.sockets[0])
    const client = await openSocket(port, true)
    client.end('words')
    await untilWaiting(daemon, 1)
    // Long enough for it to be looked at several times.
    await sleep(500)
    await untilWaiting(daemon, 1)
    holder.resetAndDestroy()
    expect((await readUntil(client)).text).toBe('wordsbye')
  })
})

describe('a client whose server is connected to', () => {
  const SERVERS: readonly (readonly [string, () => Promise<string>])[] = [
    ['that does not answer', startStuckServer],
    [
      'that refuses, and is tried again a second later',
      async () => `127.0.0.1:${await freePort()}`,
    ],
  ]

  it.each(SERVERS)('is given up with its reset: one %s', async (_, start) => {
    const { daemon, port } = await startProxy('tcp', await start())
    const client = await openSocket(port)
    await expectSamples(daemon, { sluice_backend_current_sessions: 1 }, { proxy: 'app' })
    client.resetAndDestroy()
    await until('its log line', () => daemon.accessLog[0])
    expect(endsOf(daemon)).toEqual(['CC'])
    await expectSamples(daemon, { sluice_backend_current_sessions: 0 }, { proxy: 'app' })
  })
})
