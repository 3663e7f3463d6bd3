import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import { startProxy } from './support/proxy.ts'
import { until } from './support/waiting.ts'

const BIG_BYTES = 8 * 1024 * 1024
/** What does not compress is a little longer for the attempt. */
const PAYLOAD_BYTES_MAX = 2 * BIG_BYTES

/** A WebSocket through the proxy, and the server's end of it. */
interface Pair {
  readonly client: WebSocket
  readonly server: WebSocket
}

/** Opens a WebSocket through a proxy to a server that sends back every message as it came. */
async function openPair(
  ofServer: Partial<ServerOptions> = {},
  ofClient: ClientOptions = {},
): Promise<Pair> {
  const echo = new WebSocketServer({ port: 0, host: '127.0.0.1', ...ofServer })
  await once(echo, 'listening')
  onTestFinished(() => {
    for (const client of echo.clients) client.terminate()
    echo.close()
  })
  echo.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  const { port: echoPort } = echo.address() as { port: number }
  const { port } = await startProxy(`127.0.0.1:${echoPort}`)
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`, ofClient)
  onTestFinished(() => client.terminate())
  await once(client, 'open')
  const server = await until('the server', () => [...echo.clients][0])
  return { client, server }
}

/** A digest of a message as it was received. */
function digest(data: unknown): string {
  return createHash('sha256')
    .update(data as Buffer)
    .digest('hex')
}

describe('a WebSocket through the proxy', () => {
  it.each([
    ['as they are', false],
    ['compressed', true],
  ])('carries messages of every kind and size, %s', async (_, perMessageDeflate) => {
    const options = { perMessageDeflate, maxPayload: PAYLOAD_BYTES_MAX }
    const { client } = await openPair(options, options)
    expect(client.extensions).toBe(perMessageDeflate ? 'permessage-deflate' : '')
    const messages: readonly (string | Buffer)[] = [
      '',
      'text: ä €',
      ...[0, 1, 125, 126, 65_535, 65_536, BIG_BYTES].map((bytes) => randomBytes(bytes)),
      'x'.repeat(1_000_000),
    ]
    const received: { data: string; isBinary: boolean }[] = []
    client.on('message', (data, isBinary) => received.push({ data: digest(data), isBinary }))
    for (const message of messages) client.send(message)
    await until('all messages', () => (received.length === messages.length ? true : undefined))
    expect(received).toEqual(
      messages.map((message) => ({
        data: digest(Buffer.from(message)),
        isBinary: message instanceof Buffer,
      })),
    )
  })

  it('carries a message in fragments, with a ping between them', async () => {
    const { client, server } = await openPair()
    const pinged = once(server, 'ping')
    const received = once(client, 'message')
    client.send('first, ', { fin: false })
    client.ping('between')
    client.send('second, ', { fin: false })
    client.send('last')
    expect(String((await pinged)[0])).toBe('between')
    expect(String((await received)[0])).toBe('first, second, last')
  })

  it('carries pings and pongs both ways', async () => {
    const { client, server } = await openPair()
    for (const [from, word] of [
      [client, 'from the client'],
      [server, 'from the server'],
    ] as const) {
      const pong = once(from, 'pong')
      from.ping(word)
      expect(String((await pong)[0])).toBe(word)
    }
  })

  it.each(['client', 'server'] as const)('carries the close code of the %s', async (closer) => {
    const pair = await openPair()
    const other = closer === 'client' ? pair.server : pair.client
    const closed = [once(pair[closer], 'close'), once(other, 'close')]
    pair[closer].close(4001, 'enough')
    const ends = await Promise.all(closed)
    expect(ends.map(([code, reason]) => [code, String(reason)])).toEqual([
      [4001, 'enough'],
      [4001, 'enough'],
    ])
  })

  it.each(['client', 'server'] as const)('passes on that the %s is gone', async (leaver) => {
    const pair = await openPair()
    const other = leaver === 'client' ? pair.server : pair.client
    const closed = once(other, 'close')
    pair[leaver].terminate()
    expect((await closed)[0]).toBe(1006)
  })
})
