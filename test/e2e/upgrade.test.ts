import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

/** A proxy before a WebSocket server that sends back what it gets, and greets first. */
async function startEcho(tunnel = '20s'): Promise<{ port: number; daemon: Daemon }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  onTestFinished(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  server.on('connection', (socket, request) => {
    socket.send(`welcome ${request.headers['x-forwarded-for']}`)
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  const port = await freePort()
  const { port: serverPort } = server.address() as { port: number }
  const daemon = await startDaemon({
    config: {
      defaults: { mode: 'http', option: { forwardfor: true }, timeout: { tunnel } },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: `127.0.0.1:${serverPort}` } } },
    },
  })
  return { port, daemon }
}

it('carries a WebSocket both ways, the first message with the handshake', async () => {
  const { port, daemon } = await startEcho()
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  const messages: string[] = []
  socket.on('message', (data) => messages.push(data.toString()))
  await once(socket, 'open')
  const long = 'x'.repeat(300_000)
  socket.send('hello')
  socket.send(long)
  await until('three messages', () => (messages.length === 3 ? true : undefined))
  expect(messages).toEqual(['welcome 127.0.0.1', 'hello', long])
  socket.close(1000, 'done')
  const [code] = (await once(socket, 'close')) as [number]
  expect(code).toBe(1000)
  const line = await until('the access log', () => daemon.accessLog[0])
  expect(line).toMatch(/ web app\/s1 .* 101 \d+ - - ---- .*"GET \/chat HTTP\/1\.1"$/)
  expect(Number(/ 101 (\d+) /.exec(line)?.[1])).toBeGreaterThan(300_000)
})

it('ends a tunnel on which nothing moves for the tunnel timeout', async () => {
  const { port, daemon } = await startEcho('1s')
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  await once(socket, 'open')
  const [code] = (await once(socket, 'close')) as [number]
  expect(code).toBe(1006)
  expect(await until('the access log', () => daemon.accessLog[0])).toContain(' cD-- ')
})

it('passes on the answer of a server that does not upgrade', async () => {
  const { port } = await startEcho()
  const upgrade =
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n'
  const { text } = await rawExchange(port, upgrade, {
    until: (seen) => seen.includes('Bad Request'),
  })
  expect(text).toMatch(/^HTTP\/1\.1 400 /)
})
