import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { startNginx } from './support/nginx.ts'
import { freePort } from './support/ports.ts'
import { readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { until } from './support/waiting.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
/** Ends the body of every server here. */
const END = '\n'

/** A client with an address of its own. */
interface Client {
  /** `ADDRESS:PORT` of its end. */
  readonly end: string
  /** Sends a request on its one connection; gives the body. */
  readonly ask: () => Promise<string>
}

async function connectFrom(localAddress: string, port: number): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const ask = async (): Promise<string> => {
    socket.write(GET)
    const { text } = await readUntil(socket, (got) => got.endsWith(END))
    return text.slice(text.indexOf('\r\n\r\n') + 4, -END.length)
  }
  return { end: `${localAddress}:${socket.localPort}`, ask }
}

/** Several clients, who ask in turn, are told who they are and where they went. */
async function expectKnown(port: number): Promise<Client[]> {
  const addresses = ['127.0.0.7', '127.0.0.8', '127.0.0.9']
  const clients = await Promise.all(addresses.map((address) => connectFrom(address, port)))
  for (let round = 1; round <= 3; round++) {
    for (const { end, ask } of clients) expect(await ask()).toBe(`${end} 127.0.0.1:${port}`)
  }
  return clients
}

/** Starts a daemon that wants a header, before a server that tells what the daemon knows. */
async function startBehind(): Promise<{ daemon: Daemon; port: number }> {
  const server = await startHttpServer({
    answer: ({ headers }, response) => {
      response.end(`${String(headers['x-ends'])}${END}`)
    },
  })
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'http' },
      frontends: {
        web: {
          'bind': [{ 'address': `127.0.0.1:${port}`, 'accept-proxy': true }],
          'http-request': ['set-header X-Ends "%[src]:%[src_port] %[dst]:%[dst_port]"'],
          'default_backend': 'app',
        },
      },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  return { daemon, port }
}

/** Starts a daemon before a server that wants a header, and waits until its checks have passed. */
async function startBefore(serverPort: number, sending: object, mode = 'http'): Promise<number> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: {
          option: { httpchk: { method: 'GET', uri: '/' } },
          servers: {
            s1: { address: `127.0.0.1:${serverPort}`, check: true, inter: '100ms', ...sending },
          },
        },
      },
    },
  })
  await until('a check to pass', async () => {
    const sample = await scrape(daemon)
    const labels = { proxy: 'app', server: 's1', state: 'L7OK' }
    return sample('sluice_server_check_status', labels) === 1 || undefined
  })
  const sample = await scrape(daemon)
  const failures = sample('sluice_server_check_failures_total', { proxy: 'app', server: 's1' })
  expect(failures).toBe(0)
  return port
}

const SENDING = [{ 'send-proxy': true }, { 'send-proxy-v2': true }] as const

describe('behind HAProxy', () => {
  beforeEach(requires('haproxy'))

  it.each(['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id'])(
    'with %s the client is known, and checks pass',
    async (option) => {
      const { daemon, port } = await startBehind()
      const front = await freePort()
      await startHaproxy(
        `defaults
        mode tcp
        timeout connect 5s
        timeout client 20s
        timeout server 20s
        timeout check 20s
      frontend front
        bind 127.0.0.1:${front}
        unique-id-format %[uuid()]
        default_backend sluice
      backend sluice
        option httpchk GET /check
        http-check expect status 200
        server s1 127.0.0.1:${port} ${option} check inter 1s`,
        front,
      )
      // Without timeout check it gives a check up after inter, and the daemon logs an aborted request.
      const clients = await expectKnown(front)
      for (const { end } of clients) {
        await until('the lines of a client in the log', () => {
          const lines = daemon.accessLog.filter((line) => line.startsWith(`${end} [`))
          return lines.length === 3 || undefined
        })
      }
      await until('checks', () => {
        const checks = daemon.accessLog.filter((line) => line.includes('"GET /check HTTP/1.0"'))
        for (const check of checks) expect(check).toMatch(/^127\.0\.0\.1:\d+ \[.* 200 /)
        return checks.length >= 3 || undefined
      })
      const sample = await scrape(daemon)
      expect(sample('sluice_frontend_request_errors_total', { proxy: 'web' })).toBe(0)
    },
  )
})

describe('before HAProxy', () => {
  beforeEach(requires('haproxy'))

  it.each(SENDING)('with %j the client is known, and checks pass', async (sending) => {
    const wanted = await freePort()
    await startHaproxy(
      `defaults
        mode http
        timeout client 20s
      frontend known
        bind 127.0.0.1:${wanted} accept-proxy
        http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port]\\n"`,
      wanted,
    )
    await expectKnown(await startBefore(wanted, sending))
    await expectKnown(await startBefore(wanted, sending, 'tcp'))
  })
})

describe('before nginx', () => {
  beforeEach(requires('nginx'))

  it.each(SENDING)('with %j the client is known, and checks pass', async (sending) => {
    const wanted = await freePort()
    const client = '$proxy_protocol_addr:$proxy_protocol_port'
    const destination = '$proxy_protocol_server_addr:$proxy_protocol_server_port'
    await startNginx(`
      listen 127.0.0.1:${wanted} proxy_protocol;
      location / { return 200 "${client} ${destination}\\n"; }
    `)
    await expectKnown(await startBefore(wanted, sending))
  })
})

describe('before another daemon', () => {
  it.each(SENDING)('with %j the client is known, and checks pass', async (sending) => {
    const { port } = await startBehind()
    await expectKnown(await startBefore(port, sending))
    await expectKnown(await startBefore(port, sending, 'tcp'))
  })
})
