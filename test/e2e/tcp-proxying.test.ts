import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { sharedLanes } from './support/lanes.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { drainBytes, pour, type Source } from './support/source.ts'
import { startEchoServer, startTcpServer } from './support/tcp-server.ts'
import { until, untilSteady } from './support/waiting.ts'

const MIB = 1024 * 1024

const takeLane = sharedLanes({ count: 9, mode: 'tcp' })

/** A daemon of its own, with these timeouts, before one server. Returns the frontend's port. */
async function startOwnRelay(
  address: string,
  timeout: Readonly<Record<string, string>>,
): Promise<number> {
  const port = await freePort()
  await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'tcp', timeout },
      frontends: { raw: { bind: `127.0.0.1:${port}`, default_backend: 'stream' } },
      backends: { stream: { servers: { s1: address } } },
    },
  })
  return port
}

it('relays bytes both ways', async () => {
  const { port, serverPorts } = takeLane()
  await startEchoServer(serverPorts[0])
  const bytes = 'any bytes, \r\n\r\n \x00\xff even these'
  const { text } = await rawExchange(port, bytes, { until: (got) => got.length === bytes.length })
  expect(text).toBe(bytes)
})

it('lets the server speak first', async () => {
  const { port, serverPorts } = takeLane()
  await startTcpServer((socket) => void socket.write('220 ready\r\n'), serverPorts[0])
  const socket = await openSocket(port)
  const { text } = await readUntil(socket, (got) => got.endsWith('\n'))
  expect(text).toBe('220 ready\r\n')
})

it('passes on that the client is done, and the answer that comes after it', async () => {
  const { port, serverPorts } = takeLane()
  await startTcpServer((socket) => {
    socket.on('data', () => {}).once('end', () => socket.end('after your end'))
  }, serverPorts[0])
  const answer = await rawExchange(port, 'question', { halfClose: true })
  expect(answer).toEqual({ text: 'after your end', ending: 'ended' })
})

it('passes on that the server is done, and what the client says after it', async () => {
  const { port, serverPorts } = takeLane()
  const server = await startTcpServer((socket) => void socket.end('goodbye'), serverPorts[0])
  const socket = await openSocket(port, true)
  expect(await readUntil(socket)).toEqual({ text: 'goodbye', ending: 'ended' })
  socket.end('and thanks')
  const [accepted] = server.sockets as [Socket]
  expect((await buffer(accepted)).toString()).toBe('and thanks')
})

it('ends the other side when one side is reset', async () => {
  const { port, serverPorts } = takeLane()
  const server = await startEchoServer(serverPorts[0])
  const socket = await openSocket(port)
  socket.write('hello')
  await readUntil(socket, (text) => text === 'hello')
  socket.resetAndDestroy()
  await until('the server to see it', () => server.sockets[0]?.destroyed || undefined)
})

it('ends the client when no server can be reached', async () => {
  const { port } = takeLane()
  const { text, ending } = await rawExchange(port, 'hello')
  expect(text).toBe('')
  expect(['ended', 'reset']).toContain(ending)
})

it('ends a session on which nothing moves for the tunnel timeout', async () => {
  const server = await startEchoServer()
  const port = await startOwnRelay(server.address, { tunnel: '2s' })
  const { text } = await rawExchange(port, 'hello')
  expect(text).toBe('hello')
})

it.each(['client', 'server'])(
  'ends it for timeout %s too, where no tunnel is given',
  async (side) => {
    const server = await startEchoServer()
    const port = await startOwnRelay(server.address, { [side]: '2s' })
    const { text } = await rawExchange(port, 'hello')
    expect(text).toBe('hello')
  },
)

it('keeps every byte of 32 MB in each direction at once', async () => {
  const { port, serverPorts } = takeLane()
  await startEchoServer(serverPorts[0])
  const block = randomBytes(MIB)
  const sent = createHash('sha256')
  const received = createHash('sha256')
  const socket = await openSocket(port)
  socket.on('data', (chunk: Buffer) => received.update(chunk)).resume()
  for (let i = 0; i < 32; i++) {
    block.writeUInt32BE(i)
    sent.update(block)
    if (!socket.write(Buffer.from(block))) await once(socket, 'drain')
  }
  socket.end()
  await once(socket, 'end')
  expect(received.digest('hex')).toBe(sent.digest('hex'))
})

it('holds a fast sender back while its peer does not read', async () => {
  const total = 64 * MIB
  let source: Source | undefined
  const { port, serverPorts } = takeLane()
  await startTcpServer((accepted) => {
    source = pour(accepted, total)
  }, serverPorts[0])
  const socket = await openSocket(port)
  const { written } = await until('the server to be reached', () => source)
  expect(await untilSteady('the server', written)).toBeLessThan(total / 2)
  expect(await drainBytes(socket)).toBe(total)
})

it('serves many sessions at once', async () => {
  const { port, serverPorts } = takeLane()
  await startEchoServer(serverPorts[0])
  const texts = Array.from({ length: 200 }, (_, i) => `session ${i}`)
  const answers = await Promise.all(
    texts.map((text) => rawExchange(port, text, { halfClose: true })),
  )
  expect(answers.map(({ text }) => text)).toEqual(texts)
})
