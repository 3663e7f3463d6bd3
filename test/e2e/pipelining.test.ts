import { expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

interface Setup {
  readonly port: number
  readonly server: HttpServer
  readonly daemon: Daemon
  /** Lets the oldest held answer go. */
  readonly letGo: () => void
}

/** A proxy before a server that holds answers to `/held` back and tells the bodies of others. */
async function start(): Promise<Setup> {
  const held: (() => void)[] = []
  const server = await startHttpServer({
    answer: ({ url, body }, response) => {
      if (url === '/streamed') {
        response.write('first ')
        held.push(() => response.end('last'))
      } else if (url === '/held') held.push(() => response.end('held'))
      else response.end(`<${body.toString()}>`)
    },
  })
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      frontends: { web: { mode: 'http', bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { mode: 'http', servers: { s1: server.address } } },
    },
  })
  return { port, server, daemon, letGo: () => held.shift()?.() }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

it('takes the body of a request that was sent ahead of its turn', async () => {
  const { port, server, letGo } = await start()
  const socket = await openSocket(port)
  socket.write(`${get('/held')}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf`)
  await until('the first request', () => server.requests[0])
  letGo()
  await readUntil(socket, (text) => text.endsWith('held'))
  socket.write('half')
  expect((await readUntil(socket, (text) => text.endsWith('>'))).text).toContain('<halfhalf>')
})

it('reads no further than one buffer ahead of a request that is worked on', async () => {
  const { port, server, letGo } = await start()
  const socket = await openSocket(port)
  let taken = 0
  const ahead = get('/').repeat(1000)
  socket.write(get('/held'))
  await until('the first request', () => server.requests[0])
  // What the proxy does not read fills the kernel's buffers, and then ours.
  for (let n = 0; n < 400; n++) socket.write(ahead, () => taken++)
  await until('the proxy to stop reading', async () => {
    const before = taken
    await new Promise((resolve) => setTimeout(resolve, 300))
    return taken === before ? true : undefined
  })
  expect(taken).toBeLessThan(400)
  expect(server.requests).toHaveLength(1)
  letGo()
  // As many as may be sent ahead in a row: `http.max-pipelined`.
  await until('the next requests', () => (server.requests.length === 1000 ? true : undefined))
})

it('answers all that was sent before a client half-closed, then closes', async () => {
  const { port } = await start()
  const { text, ending } = await rawExchange(port, get('/1') + get('/2') + get('/3'), {
    halfClose: true,
  })
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(3)
  expect(ending).toBe('ended')
})

it('ends a drain soon after a response that had begun before it', async () => {
  const { port, daemon, letGo } = await start()
  const socket = await openSocket(port)
  socket.write(get('/streamed'))
  await readUntil(socket, (text) => text.includes('first'))
  const stopped = daemon.stop()
  await daemon.event('draining')
  letGo()
  const { text, ending } = await readUntil(socket)
  expect(text).toContain('last')
  expect(ending).toBe('ended')
  expect(await stopped).toBe(0)
  expect(daemon.log.map(({ event }) => event)).not.toContain('grace-exceeded')
})
