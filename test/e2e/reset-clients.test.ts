import type { Socket } from 'node:net'
import { beforeEach, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { freeze } from './support/freezing.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

/*
 * A client that connects, sends and resets before it is accepted: the system no longer tells its
 * address where it is asked for the peer of the connection (getpeername(2), ENOTCONN).
 */

const CLIENTS = 20

beforeEach(requires('linux'))

/** Sends bytes over connections that are all reset by the time that the daemon sees them. */
async function sendAndReset(daemon: Daemon, port: number, bytes: string): Promise<string[]> {
  const ends: string[] = []
  await freeze(daemon)
  for (let client = 0; client < CLIENTS; client++) {
    const socket = await openSocket(port)
    ends.push(`127.0.0.1:${socket.localPort}`)
    await new Promise<void>((resolve) => socket.write(bytes, () => resolve()))
    socket.resetAndDestroy()
  }
  daemon.signal('SIGCONT')
  return ends
}

it('is held against rules on src, and named in the log', async () => {
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http', option: { forwardfor: true } },
      frontends: {
        web: {
          'bind': [`127.0.0.1:${port}`],
          'http-request': ['deny if { src 127.0.0.0/8 } !{ path /open }'],
          'default_backend': 'app',
        },
      },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  const post = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nContent-Length: 0\r\n\r\n`
  const denied = await sendAndReset(daemon, port, post('/denied'))
  // With a connection to the server that rests, a request goes out at once.
  const { text } = await rawExchange(port, post('/open'), { until: (got) => /served$/.test(got) })
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
  const open = await sendAndReset(daemon, port, post('/open'))
  const lines = await until('a line for each client', () => {
    return daemon.accessLog.length === 2 * CLIENTS + 1 ? daemon.accessLog : undefined
  })
  const clientOf = (line: string): string => line.slice(0, line.indexOf(' '))
  const logged = (path: string): string[] =>
    lines.filter((line) => line.includes(`"POST ${path} `)).map(clientOf)
  expect(logged('/denied').sort()).toEqual(denied.sort())
  expect(logged('/open')).toEqual(expect.arrayContaining(open))
  expect(server.requests.length).toBeGreaterThan(1)
  for (const { url, headers } of server.requests) {
    expect([url, headers['x-forwarded-for']]).toEqual(['/open', '10.0.0.1, 127.0.0.1'])
  }
})

it('is named to a server that wants the PROXY protocol', async () => {
  const received = new Map<Socket, string>()
  const server = await startTcpServer((socket) => {
    received.set(socket, '')
    socket.on('data', (data) => {
      received.set(socket, received.get(socket) + data.toString('latin1'))
    })
    socket.on('end', () => socket.end())
  })
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'tcp' },
      frontends: { raw: { bind: [`127.0.0.1:${port}`], default_backend: 'app' } },
      backends: { app: { servers: { s1: { 'address': server.address, 'send-proxy': true } } } },
    },
  })
  const ends = await sendAndReset(daemon, port, 'last words')
  await until('a line for each client', () => daemon.accessLog.length === CLIENTS || undefined)
  expect(daemon.accessLog.map((line) => line.slice(0, line.indexOf(' '))).sort()).toEqual(
    ends.sort(),
  )
  for (const text of received.values()) {
    expect(text).toMatch(/^(PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n|$)/)
  }
})
