import { readdirSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { expectSamples } from './support/metrics.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { readRequests, readResponses, statusOf, targetOf } from './support/strict-messages.ts'
import { startTcpServer, type TcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const MODES = ['never', 'safe', 'aggressive', 'always'] as const

/** A daemon of one thread in front of one server. */
async function startProxy(
  server: string | Readonly<Record<string, unknown>>,
  backend: Readonly<Record<string, unknown>> = {},
): Promise<{ daemon: Daemon; port: number }> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: server }, ...backend } },
    },
  })
  return { daemon, port }
}

/** A server in the raw, and the requests that came to it. */
interface RawServer extends TcpServer {
  /** Targets of the whole requests in the order in which they came, with the connection's number. */
  readonly received: (readonly [target: string, connection: number])[]
}

/** Starts a server that reads what comes, and answers each whole request as it is told. */
async function startRawServer(
  answer: (socket: Socket) => void = (socket) => socket.write(OK),
): Promise<RawServer> {
  const received: (readonly [string, number])[] = []
  const connections = new Map<Socket, number>()
  const server = await startTcpServer((socket) => {
    connections.set(socket, connections.size)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const { messages, rest } = readRequests(text)
      text = rest
      for (const message of messages) {
        received.push([targetOf(message), connections.get(socket) ?? -1])
        answer(socket)
      }
    })
    socket.on('end', () => socket.end())
  })
  return { ...server, received }
}

function isOpen(socket: Socket): boolean {
  return !socket.destroyed && !socket.readableEnded && !socket.writableEnded
}

function request(method: string, target: string): string {
  const body = method === 'GET' ? '\r\n' : 'Content-Length: 5\r\n\r\nhello'
  return `${method} ${target} HTTP/1.1\r\nHost: a\r\n${body}`
}

function isAnswered(text: string): boolean {
  return readResponses(text).messages.length > 0 || text.includes('\r\nConnection: close\r\n')
}

/** Sends a request on a client connection; returns the status of the answer. */
async function ask(client: Socket, method: string, target: string): Promise<number> {
  client.write(request(method, target))
  const { text } = await readUntil(client, isAnswered)
  const [message] = readResponses(text, { ended: true }).messages
  return message === undefined ? 0 : statusOf(message)
}

/**
 * Does something while the daemon stands still: it then hears of all of it at once, in the order
 * in which it happened, and what happened last is known to the kernel from the start.
 */
async function whileStopped<T>(daemon: Daemon, act: () => Promise<T>): Promise<T> {
  const tasks = `/proc/${daemon.pid}/task`
  const isStopped = (task: string): boolean =>
    / T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'))
  daemon.signal('SIGSTOP')
  try {
    await until('the daemon to stand still', () => {
      return readdirSync(tasks).every(isStopped) ? true : undefined
    })
    return await act()
  } finally {
    daemon.signal('SIGCONT')
  }
}

describe('http-reuse', () => {
  it.each([
    ['never', [0, 0, 1, 1, 0, 2]],
    ['safe', [0, 0, 1, 0, 0, 2]],
    ['aggressive', [0, 0, 0, 0, 0, 0]],
    ['always', [0, 0, 0, 0, 0, 0]],
  ])('%s: requests of three clients come on connections %j', async (mode, connections) => {
    const server = await startRawServer()
    const { daemon, port } = await startProxy(server.address, { 'http-reuse': mode })
    const clients = await Promise.all([openSocket(port), openSocket(port), openSocket(port)])
    for (const [n, client] of [0, 0, 1, 1, 0, 2].entries()) {
      expect(await ask(clients[client] as Socket, 'GET', `/${n}`)).toBe(200)
    }
    expect(server.received.map(([, connection]) => connection)).toEqual(connections)
    const count = new Set(connections).size
    await expectSamples(daemon, {
      sluice_server_connection_attempts_total: count,
      sluice_server_connection_reuses_total: connections.length - count,
      sluice_server_idle_connections_current: count,
    })
  })

  it.each(MODES)('%s opens no more connections than there are clients', async (mode) => {
    const server = await startHttpServer({ delayMs: 2 })
    const { port } = await startProxy(server.address, { 'http-reuse': mode })
    const clients = Array.from({ length: 8 }, () => httpClient(port))
    await Promise.all(
      clients.map(async (get) => {
        for (let n = 0; n < 20; n++) expect((await get('/')).status).toBe(200)
      }),
    )
    const connections = new Set(server.requests.map(({ remotePort }) => remotePort)).size
    expect(server.requests).toHaveLength(160)
    expect(connections).toBeLessThanOrEqual(8)
    // Here each client has begun with a connection that was new.
    if (mode === 'never' || mode === 'safe') expect(connections).toBe(8)
  })

  it('never closes the connections of a client that leaves', async () => {
    const server = await startRawServer()
    const { port } = await startProxy(server.address, { 'http-reuse': 'never' })
    const [first, second] = await Promise.all([openSocket(port), openSocket(port)])
    for (const client of [first, second]) await ask(client, 'GET', '/')
    expect(server.sockets.map(isOpen)).toEqual([true, true])
    first.destroy()
    await until('its connection to be closed', () => {
      return server.sockets.filter(isOpen).length === 1 ? true : undefined
    })
    expect(await ask(second, 'GET', '/')).toBe(200)
    expect(server.received.at(-1)?.[1]).toBe(1)
  })
})

describe('the pool', () => {
  it('keeps as many connections as pool-max-conn', async () => {
    const waiting: Socket[] = []
    const server = await startRawServer((socket) => waiting.push(socket))
    const { daemon, port } = await startProxy({ address: server.address, 'pool-max-conn': 2 })
    const clients = await Promise.all(Array.from({ length: 5 }, () => openSocket(port)))
    const answers = clients.map((client) => ask(client, 'GET', '/'))
    await until('all requests', () => (waiting.length === 5 ? true : undefined))
    for (const socket of waiting) socket.write(OK)
    expect(await Promise.all(answers)).toEqual([200, 200, 200, 200, 200])
    await until('three to be closed', () => {
      return server.sockets.filter(isOpen).length === 2 ? true : undefined
    })
    await expectSamples(daemon, { sluice_server_idle_connections_current: 2 })
  })

  it('closes what nobody needs, bit by bit', async () => {
    const waiting: Socket[] = []
    const server = await startRawServer((socket) => waiting.push(socket))
    const { port } = await startProxy({ address: server.address, 'pool-purge-delay': '100ms' })
    const clients = await Promise.all(Array.from({ length: 4 }, () => openSocket(port)))
    const answers = clients.map((client) => ask(client, 'GET', '/'))
    await until('all requests', () => (waiting.length === 4 ? true : undefined))
    for (const socket of waiting) socket.write(OK)
    expect(await Promise.all(answers)).toEqual([200, 200, 200, 200])
    const open = (): number => server.sockets.filter(isOpen).length
    for (const left of [2, 1, 0]) {
      await until(`${left} to be left`, () => (open() <= left ? true : undefined))
    }
  })
})

describe('a server that closes idle connections', () => {
  /** Each is done when what it sends has been handed to the kernel. */
  const closings: Readonly<Record<string, (socket: Socket) => unknown>> = {
    'with a FIN': (socket) => new Promise<void>((resolve) => socket.end(resolve)),
    'wholly': (socket) => socket.destroy(),
    'with a RST': (socket) => socket.resetAndDestroy(),
  }

  it.each(Object.keys(closings))('%s just after a request has arrived', async (how) => {
    const close = closings[how] as (socket: Socket) => unknown
    const server = await startRawServer()
    const { daemon, port } = await startProxy(server.address)
    const client = await openSocket(port)
    const sent: string[] = []
    for (let round = 0; round < 10; round++) {
      for (const method of ['GET', 'POST', 'PUT', 'POST']) {
        const target = `/${method}/${round}/${sent.length}`
        sent.push(target)
        const asking = await whileStopped(daemon, async () => {
          const status = ask(client, method, target)
          await Promise.all(server.sockets.filter(isOpen).map(close))
          return { status }
        })
        expect(await asking.status, target).toBe(200)
      }
    }
    const received = server.received.map(([target]) => target)
    expect([...new Set(received)]).toEqual(sent)
    // Of the others, a server that has closed its side only may have read one twice.
    const isPost = (target: string): boolean => target.startsWith('/POST')
    expect(received.filter(isPost)).toEqual(sent.filter(isPost))
  })

  it('some time after each answer', async () => {
    let answers = 0
    const server = await startRawServer((socket) => {
      socket.write(OK)
      const waitMs = answers++ % 5
      if (waitMs === 0) socket.destroy()
      else setTimeout(() => socket.destroy(), waitMs)
    })
    const { port } = await startProxy(server.address)
    const statuses = new Map<string, number>()
    await Promise.all(
      ['GET', 'PUT', 'POST'].map(async (method, n) => {
        for (let round = 0; round < 150; round++) {
          const target = `/${method}/${round}`
          const client = await openSocket(port)
          statuses.set(target, await ask(client, method, target))
          client.destroy()
          await sleep((round + n) % 6)
        }
      }),
    )
    for (const [target, status] of statuses) {
      // A POST that was on its way when its server closed is lost, and is not sent again.
      const fine = target.startsWith('/POST') ? [200, 502] : [200]
      expect(fine, target).toContain(status)
    }
    const posts = server.received.map(([target]) => target).filter((it) => it.startsWith('/POST'))
    expect(new Set(posts).size).toBe(posts.length)
  })
})

describe('send-proxy', () => {
  it('names its client once on each connection, and shares none', async () => {
    const headers: string[] = []
    const requests: number[] = []
    const server = await startTcpServer((socket) => {
      const n = headers.push('') - 1
      let text = ''
      requests.push(0)
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
        if (headers[n] === '') {
          const end = text.indexOf('\r\n') + 2
          headers[n] = text.slice(0, end)
          text = text.slice(end)
        }
        const { messages, rest, wrong } = readRequests(text)
        text = rest
        for (const _ of messages) socket.write(OK)
        requests[n] = (requests[n] ?? 0) + (wrong === null ? messages.length : Number.NaN)
      })
      socket.on('end', () => socket.end())
    })
    const { port } = await startProxy({ address: server.address, 'send-proxy': true })
    const clients = await Promise.all([openSocket(port), openSocket(port)])
    for (let round = 0; round < 3; round++) {
      for (const client of clients) expect(await ask(client, 'GET', '/')).toBe(200)
    }
    expect(requests).toEqual([3, 3])
    expect(headers).toEqual(
      clients.map(({ localPort }) => `PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${port}\r\n`),
    )
    clients[0]?.destroy()
    await until('its connection to be closed', () => {
      return server.sockets.filter(isOpen).length === 1 ? true : undefined
    })
  })
})
