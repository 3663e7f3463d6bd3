import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import {
  binaryHeader,
  INET_ADDRESSES,
  withChecksum,
} from '../unit/net/proxy-protocol/binary-headers.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { startEchoServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

const LINE = 'PROXY TCP4 192.0.2.100 192.0.2.200 56324 443\r\n'
/** Of 192.0.2.1:56324 to 192.0.2.2:443. */
const BINARY = withChecksum({ addresses: INET_ADDRESSES }).toString('latin1')
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

interface Accepting {
  readonly daemon: Daemon
  readonly server: HttpServer
  readonly port: number
  /** Runs the same config with other settings of its frontend's bind. */
  readonly rebind: (bind: object) => Promise<unknown>
}

/** A daemon in mode http that wants a header, and tells its server the ends that it knows. */
async function startAccepting(defaults: object = {}): Promise<Accepting> {
  const server = await startHttpServer({ body: 'served' })
  const port = await freePort()
  const config = (bind: object): Record<string, unknown> => ({
    global: { nbthread: 2, grace: '10s' },
    defaults: { mode: 'http', option: { forwardfor: true }, ...defaults },
    frontends: {
      web: {
        'bind': [{ address: `127.0.0.1:${port}`, ...bind }],
        'acl': { banned: 'src 203.0.113.0/24' },
        'http-request': [
          'deny if banned',
          'set-header X-Ends "%[src]:%[src_port] %[dst]:%[dst_port]"',
        ],
        'default_backend': 'app',
      },
    },
    backends: { app: { servers: { s1: server.address } } },
  })
  const daemon = await startDaemon({ config: config({ 'accept-proxy': true }) })
  const rebind = (bind: object): Promise<unknown> => daemon.reload(config(bind))
  return { daemon, server, port, rebind }
}

const isServed = (text: string): boolean => text.endsWith('served')

/** Sends bytes one by one, each in a packet of its own as far as the kernel goes along. */
async function trickle(socket: Socket, text: string): Promise<void> {
  socket.setNoDelay(true)
  for (const byte of text) {
    await new Promise<void>((resolve) => socket.write(byte, 'latin1', () => resolve()))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it.each([
  ['a line', LINE, '192.0.2.100:56324', '192.0.2.200:443'],
  ['a binary header', BINARY, '192.0.2.1:56324', '192.0.2.2:443'],
  [
    'a line for IPv6',
    'PROXY TCP6 2001:DB8:0:0::1 2001:db8::2 1 2\r\n',
    '2001:db8::1:1',
    '2001:db8::2:2',
  ],
])(
  'takes the ends from %s for rules, X-Forwarded-For and the log',
  async (_, header, client, to) => {
    const { daemon, server, port } = await startAccepting()
    const socket = await openSocket(port)
    for (let request = 1; request <= 2; request++) {
      socket.write((request === 1 ? header : '') + GET, 'latin1')
      await readUntil(socket, isServed)
      const headers = server.requests.at(-1)?.headers
      expect(headers?.['x-ends']).toBe(`${client} ${to}`)
      expect(headers?.['x-forwarded-for']).toBe(client.slice(0, client.lastIndexOf(':')))
    }
    await until('two lines in the log', () => daemon.accessLog.length === 2 || undefined)
    for (const line of daemon.accessLog) expect(line.startsWith(`${client} [`)).toBe(true)
  },
)

it('lets rules refuse the client that the header names', async () => {
  const { server, port } = await startAccepting()
  const header = 'PROXY TCP4 203.0.113.7 192.0.2.200 56324 443\r\n'
  const { text } = await rawExchange(port, header + GET, { until: (got) => got.includes('\r\n') })
  expect(text).toMatch(/^HTTP\/1\.1 403 /)
  expect(server.requests).toEqual([])
})

it.each([
  ['an unknown line', 'PROXY UNKNOWN\r\n'],
  ['an unknown line with something more', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'],
  ['LOCAL', binaryHeader({ command: 0x20 }).toString('latin1')],
])('keeps the ends of the connection itself with %s', async (_, header) => {
  const { daemon, server, port } = await startAccepting()
  const socket = await openSocket(port)
  socket.write(header + GET, 'latin1')
  await readUntil(socket, isServed)
  const own = `127.0.0.1:${socket.localPort}`
  expect(server.requests[0]?.headers['x-ends']).toBe(`${own} 127.0.0.1:${port}`)
  await until('a line in the log', () => daemon.accessLog.length === 1 || undefined)
  expect(daemon.accessLog[0]?.startsWith(`${own} [`)).toBe(true)
})

it.each([
  ['a line', LINE],
  ['a binary header', BINARY],
])('takes %s that comes byte by byte, and the request too', async (_, header) => {
  const { server, port } = await startAccepting()
  const socket = await openSocket(port)
  const answer = readUntil(socket, isServed)
  await trickle(socket, header + GET)
  await answer
  expect(server.requests[0]?.headers['x-ends']).toMatch(/^192\.0\.2\.\d+:56324 /)
})

it('closes without an answer or a line in the log where the header is missing or wrong', async () => {
  const { daemon, server, port } = await startAccepting()
  const wrong = [
    GET,
    'PROXY TCP4 192.0.2.100 192.0.2.200 56324 0443\r\n',
    'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}`,
    'PROXY UNKNOWN\n',
    binaryHeader({ length: 11 }).toString('latin1'),
    binaryHeader({ command: 0x20, length: 65_535 }).toString('latin1'),
    `${BINARY.slice(0, -1)}\xff`,
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ]
  for (const bytes of wrong) {
    const { text, ending } = await rawExchange(port, bytes + GET)
    expect([text, ending], JSON.stringify(bytes)).toEqual(['', expect.not.stringMatching('open')])
  }
  const half = await rawExchange(port, LINE.slice(0, 20), { halfClose: true })
  expect(half.text).toBe('')
  await until('all of them to be counted', async () => {
    const sample = await scrape(daemon)
    const errors = sample('sluice_frontend_request_errors_total', { proxy: 'web' })
    return errors === wrong.length + 1 || undefined
  })
  const sample = await scrape(daemon)
  expect(sample('sluice_frontend_connections_total', { proxy: 'web' })).toBe(0)
  expect(sample('sluice_frontend_http_requests_total', { proxy: 'web' })).toBe(0)
  expect(sample('sluice_frontend_current_sessions', { proxy: 'web' })).toBe(0)
  // What comes after them is served, and logged alone.
  await rawExchange(port, LINE + GET, { until: isServed })
  await until('a line in the log', () => daemon.accessLog.length > 0 || undefined)
  expect(daemon.accessLog).toHaveLength(1)
  expect(server.requests).toHaveLength(1)
})

it('closes a connection whose header does not come in time', async () => {
  const { port } = await startAccepting({ timeout: { 'http-request': '1s' } })
  const silent = readUntil(await openSocket(port))
  const socket = await openSocket(port)
  const slow = readUntil(socket)
  socket.write(LINE.slice(0, -1))
  for (const answer of await Promise.all([silent, slow])) {
    expect(answer).toEqual({ text: '', ending: 'ended' })
  }
})

it('counts a connection once while and after its header is awaited', async () => {
  const { daemon, port } = await startAccepting()
  const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket(port)))
  const sessions = async (): Promise<number> => {
    const sample = await scrape(daemon)
    return sample('sluice_frontend_current_sessions', { proxy: 'web' })
  }
  await until('all to be accepted', async () => (await sessions()) === 10 || undefined)
  for (const socket of sockets) {
    socket.write(LINE + GET)
    await readUntil(socket, isServed)
  }
  expect(await sessions()).toBe(10)
  for (const socket of sockets) socket.destroy()
  await until('all to be gone', async () => (await sessions()) === 0 || undefined)
})

it('is turned on and off by a reload, for new connections', async () => {
  const { server, port, rebind } = await startAccepting()
  const isAnswered = (text: string): boolean => isServed(text) || text.endsWith('0\r\n\r\n')
  const first = await openSocket(port)
  first.write(LINE + GET)
  await readUntil(first, isServed)
  expect(await rebind({})).toMatchObject({ event: 'config-reloaded' })
  await until('a request without a header to be served', async () => {
    const { text } = await rawExchange(port, GET, { until: isAnswered })
    return isServed(text) || undefined
  })
  expect(server.requests.at(-1)?.headers['x-ends']).toMatch(/^127\.0\.0\.1:/)
  // The session from before lives on, as the client that it was.
  first.write(GET)
  await readUntil(first, isServed)
  expect(server.requests.at(-1)?.headers['x-ends']).toMatch(/^192\.0\.2\.100:/)
  expect(await rebind({ 'accept-proxy': true })).toMatchObject({ event: 'config-reloaded' })
  await until('a header to be wanted', async () => {
    const { text } = await rawExchange(port, GET, { until: isAnswered })
    return text === '' || undefined
  })
})

it('does not wait for headers beyond a second when it stops', async () => {
  const { daemon, port } = await startAccepting()
  const silent = await openSocket(port)
  const sockets = await scrape(daemon)
  expect(sockets('sluice_frontend_request_errors_total', { proxy: 'web' })).toBe(0)
  const ending = readUntil(silent)
  expect(await daemon.stop()).toBe(0)
  expect(await ending).toEqual({ text: '', ending: 'ended' })
})

it('relays in mode tcp what comes behind the header, at once or later', async () => {
  const server = await startEchoServer()
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'tcp', timeout: { client: '10s' } },
      frontends: {
        raw: {
          bind: [{ 'address': `127.0.0.1:${port}`, 'accept-proxy': true }],
          default_backend: 'stream',
        },
      },
      backends: { stream: { servers: { s1: server.address } } },
    },
  })
  const socket = await openSocket(port)
  socket.write(LINE.slice(0, 30))
  await until('the connection to be accepted', async () => {
    const sample = await scrape(daemon)
    return sample('sluice_frontend_current_sessions', { proxy: 'raw' }) === 1 || undefined
  })
  expect(server.sockets).toHaveLength(0)
  socket.write(`${LINE.slice(30)}first`)
  await readUntil(socket, (text) => text === 'first')
  socket.end(', second')
  expect(await readUntil(socket)).toEqual({ text: ', second', ending: 'ended' })
  const later = await openSocket(port)
  later.write(LINE)
  await until('a server connection', () => server.sockets.length === 2 || undefined)
  later.end('third')
  expect(await readUntil(later)).toEqual({ text: 'third', ending: 'ended' })
  await until('two lines in the log', () => daemon.accessLog.length === 2 || undefined)
  for (const line of daemon.accessLog) expect(line).toMatch(/^192\.0\.2\.100:56324 \[/)
})
