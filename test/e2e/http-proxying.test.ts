import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { type HttpServer, type HttpServerOptions, startHttpServer } from './support/http-server.ts'
import { sharedLanes } from './support/lanes.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { drainBytes, pour, type Source } from './support/source.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { untilSteady } from './support/waiting.ts'

const MIB = 1024 * 1024

const takeLane = sharedLanes({ count: 40 })

interface Setup {
  readonly port: number
  readonly server: HttpServer
}

/** A lane whose server answers so. */
async function startSetup(options: HttpServerOptions = {}): Promise<Setup> {
  const { port, serverPorts } = takeLane()
  const server = await startHttpServer({ name: 's1', port: serverPorts[0], ...options })
  return { port, server }
}

/** A daemon of its own, with more in its defaults, before servers that answer so. */
async function startOwnSetup(
  servers: readonly HttpServerOptions[],
  defaults: Readonly<Record<string, unknown>> = {},
): Promise<Setup> {
  const started = await Promise.all(
    servers.map((options, i) => startHttpServer({ name: `s${i + 1}`, ...options })),
  )
  const port = await freePort()
  await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'http', ...defaults },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: { servers: Object.fromEntries(started.map(({ name, address }) => [name, address])) },
      },
    },
  })
  return { port, server: started[0] as HttpServer }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** How often a pattern occurs in a text. */
function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length
}

describe('requests through the proxy', () => {
  it('reach every server of the backend', async () => {
    const { port } = await startOwnSetup([{}, {}, {}])
    const get = httpClient(port)
    const names = new Set<string>()
    for (let i = 0; i < 30; i++) names.add((await get('/')).body.toString())
    expect([...names].toSorted()).toEqual(['s1', 's2', 's3'])
  })

  it.each(['GET', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'POST'])(
    'carry the method %s',
    async (method) => {
      const { port, server } = await startSetup()
      const answer = await httpClient(port)('/path?query=1', { method })
      expect(answer.status).toBe(200)
      expect(server.requests).toMatchObject([{ method, url: '/path?query=1' }])
    },
  )

  it('carry a body with Content-Length', async () => {
    const { port, server } = await startSetup()
    await httpClient(port)('/', { method: 'POST', body: 'name=value' })
    const [request] = server.requests
    expect(request?.body.toString()).toBe('name=value')
    expect(request?.headers['content-length']).toBe('10')
  })

  it('carry a chunked body', async () => {
    const { port, server } = await startSetup()
    const pieces = [randomBytes(10), randomBytes(70_000), randomBytes(1)]
    async function* body(): AsyncGenerator<Buffer> {
      yield* pieces
    }
    await httpClient(port)('/', { method: 'POST', body: body() })
    const [request] = server.requests
    expect(request?.headers['transfer-encoding']).toBe('chunked')
    expect(sha256(request?.body ?? Buffer.of())).toBe(sha256(Buffer.concat(pieces)))
  })

  it('carry 1 MB both ways', async () => {
    const body = randomBytes(MIB)
    const reply = randomBytes(MIB)
    const { port, server } = await startSetup({ body: reply })
    const answer = await httpClient(port)('/', { method: 'POST', body })
    expect(sha256(server.requests[0]?.body ?? Buffer.of())).toBe(sha256(body))
    expect(sha256(answer.body)).toBe(sha256(reply))
  })

  it('keep end-to-end headers, with their case, order and repetitions', async () => {
    const { port, server } = await startSetup()
    const head = 'GET / HTTP/1.1\r\nHost: example.com\r\nX-One: 1\r\nx-TWO: 2\r\nX-One: 3\r\n\r\n'
    await rawExchange(port, head, { until: (text) => text.endsWith('s1') })
    const [request] = server.requests
    expect(request?.rawHeaders.join(' ')).toContain('Host example.com X-One 1 x-TWO 2 X-One 3')
  })
})

describe('responses through the proxy', () => {
  it('keep a status that is not 200', async () => {
    const { port } = await startSetup({ status: 404, body: 'no such page' })
    const answer = await httpClient(port)('/missing')
    expect(answer.status).toBe(404)
    expect(answer.body.toString()).toBe('no such page')
  })

  it('to HEAD have no body, whatever their Content-Length says', async () => {
    const { port } = await startSetup({ body: 'x'.repeat(1000) })
    const request = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'
    const next = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const { text } = await rawExchange(port, request + next)
    const [first = '', second = ''] = text.split(/(?=HTTP\/1\.1)/)
    expect(first).toMatch(/^HTTP\/1\.1 200 .*content-length: 1000\r\n.*\r\n\r\n$/is)
    expect(second).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\nx{1000}$/is)
  })

  it.each([204, 304])('with status %d have no body', async (status) => {
    const { port } = await startSetup({
      answer: (_, response) => void response.writeHead(status).end(),
    })
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    const { text } = await rawExchange(port, request.repeat(2), {
      until: (sofar) => count(sofar, /\r\n\r\n/g) === 2,
    })
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, `HTTP/1.1 ${status}`])
  })

  it('arrive whole when they are chunked', async () => {
    const body = randomBytes(300_000)
    const { port } = await startSetup({
      answer: (_, response) => {
        response.write(body.subarray(0, 5))
        response.write(body.subarray(5, 200_000))
        response.end(body.subarray(200_000))
      },
    })
    const answer = await httpClient(port)('/')
    expect(answer.headers['transfer-encoding']).toBe('chunked')
    expect(sha256(answer.body)).toBe(sha256(body))
  })

  it('arrive whole when only the end of the connection ends them', async () => {
    const { port, serverPorts } = takeLane()
    await startTcpServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end'))
    }, serverPorts[0])
    const { text, ending } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(text).toContain('until the end')
    expect(ending).toBe('ended')
  })

  it('are passed on as they come, not when they are complete', async () => {
    let finish = (): void => {}
    const { port } = await startSetup({
      answer: (_, response) => {
        response.write('first')
        finish = () => response.end('second')
      },
    })
    const socket = await openSocket(port)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await readUntil(socket, (text) => text.includes('first'))
    finish()
    expect((await readUntil(socket)).text).toContain('second')
  })

  it('follow a 100 Continue that the server sends', async () => {
    const { port, serverPorts } = takeLane()
    await startTcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone'))
      })
    }, serverPorts[0])
    const socket = await openSocket(port)
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    await readUntil(socket, (text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
    socket.write('body')
    const { text } = await readUntil(socket, (sofar) => sofar.endsWith('done'))
    expect(text).toContain('HTTP/1.1 200')
  })
})

describe('connections', () => {
  it('serve many requests each, on both sides', async () => {
    const { port, server } = await startSetup()
    const get = httpClient(port, 1)
    for (let i = 0; i < 50; i++) expect((await get('/')).status).toBe(200)
    const ports = server.requests.map(({ remotePort }) => remotePort)
    expect(ports).toHaveLength(50)
    expect(new Set(ports).size).toBe(1)
  })

  it('answer pipelined requests in their order', async () => {
    const { port } = await startOwnSetup([
      { answer: ({ url }, response) => void response.end(`<${url}>`) },
      { answer: ({ url }, response) => void setTimeout(() => response.end(`<${url}>`), 20) },
    ])
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`)
    const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')
    const { text } = await rawExchange(port, requests, {
      until: (sofar) => sofar.includes('</19>'),
    })
    expect(text.match(/<\/\d+>/g)).toEqual(paths.map((path) => `<${path}>`))
  })

  it('are closed after the response when the client asks for it', async () => {
    const { port } = await startSetup()
    const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const { text, ending } = await rawExchange(port, request)
    expect(ending).toBe('ended')
    expect(text).toMatch(/^connection: close\r$/im)
  })

  it('of HTTP/1.0 clients are closed after the response', async () => {
    const { port } = await startSetup()
    const { text, ending } = await rawExchange(port, 'GET / HTTP/1.0\r\n\r\n')
    expect(ending).toBe('ended')
    expect(text).toMatch(/^HTTP\/1\.[01] 200 /)
  })

  it('to a server that closes after each response cost no request', async () => {
    const { port } = await startSetup({ headers: { Connection: 'close' } })
    const get = httpClient(port)
    for (let i = 0; i < 20; i++) expect((await get('/')).status).toBe(200)
  })
})

describe('headers that belong to one connection', () => {
  it('do not reach the server', async () => {
    const { port, server } = await startSetup()
    const head = [
      'GET / HTTP/1.1',
      'Host: a',
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'X-End: 1',
    ]
    await rawExchange(port, `${head.join('\r\n')}\r\n\r\n`, {
      until: (text) => text.endsWith('s1'),
    })
    const headers = server.requests[0]?.headers ?? {}
    expect(headers).toHaveProperty('x-end')
    expect(headers).not.toHaveProperty('x-hop')
    expect(headers).not.toHaveProperty('keep-alive')
    expect(headers).not.toHaveProperty('proxy-connection')
  })

  it('do not reach the client', async () => {
    const { port } = await startSetup({
      headers: { 'Connection': 'X-Hop', 'X-Hop': '1', 'Keep-Alive': 'timeout=5', 'X-End': '1' },
    })
    const { headers } = await httpClient(port)('/')
    expect(headers).toHaveProperty('x-end')
    expect(headers).not.toHaveProperty('x-hop')
    expect(headers).not.toHaveProperty('keep-alive')
  })
})

describe('option forwardfor', () => {
  it('tells the server the address of the client', async () => {
    const { port, server } = await startOwnSetup([{}], { option: { forwardfor: true } })
    await httpClient(port)('/')
    expect(server.requests[0]?.headers['x-forwarded-for']).toBe('127.0.0.1')
  })

  it('adds to what the client sent', async () => {
    const { port, server } = await startOwnSetup([{}], { option: { forwardfor: true } })
    await httpClient(port)('/', { headers: { 'X-Forwarded-For': '192.0.2.1' } })
    const forwarded = server.requests[0]?.headers['x-forwarded-for']
    expect(forwarded).toMatch(/^192\.0\.2\.1, ?127\.0\.0\.1$/)
  })

  it('is off unless it is set', async () => {
    const { port, server } = await startSetup()
    await httpClient(port)('/')
    expect(server.requests[0]?.headers).not.toHaveProperty('x-forwarded-for')
  })
})

describe('what the proxy answers itself', () => {
  it.each([
    ['a request line of one word', 'GARBAGE\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n'],
    [
      'a Content-Length that is no number',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
    ],
    [
      'two lengths that differ',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    ],
  ])('400 to %s, and closes', async (_, bytes) => {
    const { port, server } = await startSetup()
    const { text, ending } = await rawExchange(port, bytes)
    expect(text).toMatch(/^HTTP\/1\.[01] 400 /)
    expect(ending).toBe('ended')
    expect(server.requests).toEqual([])
  })

  it('408 when the head does not come in time', async () => {
    const { port } = await startOwnSetup([{}], { timeout: { 'http-request': '300ms' } })
    const { text } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost:')
    expect(text).toMatch(/^HTTP\/1\.[01] 408 /)
  })

  it.each([
    ['no HTTP', 'this is not HTTP\r\n\r\n'],
    ['nothing', ''],
  ])('502 when the server answers %s', async (_, bytes) => {
    const { port, serverPorts } = takeLane()
    await startTcpServer(
      (socket) => void socket.once('data', () => socket.end(bytes)),
      serverPorts[0],
    )
    expect((await httpClient(port)('/')).status).toBe(502)
  })

  it('503 when no server can be reached', async () => {
    const { port } = takeLane()
    expect((await httpClient(port)('/')).status).toBe(503)
  })

  it('504 when the server does not answer in time', async () => {
    const { port } = await startOwnSetup([{ answer: () => {} }], { timeout: { server: '300ms' } })
    expect((await httpClient(port)('/')).status).toBe(504)
  })

  it('nothing but the end of the connection, once a response has begun', async () => {
    const { port } = await startSetup({ body: 'x'.repeat(1000), midBody: 'reset' })
    const { text, ending } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(count(text, /HTTP\/1\.1/g)).toBe(1)
    expect(text).not.toContain('x'.repeat(501))
    expect(['ended', 'reset']).toContain(ending)
  })
})

describe('backpressure', () => {
  it('holds a response back at the server while its client does not read', async () => {
    const total = 64 * MIB
    let source: Source = { written: () => 0 }
    const { port } = await startSetup({
      answer: (_, response) => {
        source = pour(response.writeHead(200, { 'Content-Length': total }), total)
      },
    })
    const socket = await openSocket(port)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await untilSteady('the server', source.written)).toBeLessThan(total / 2)
    const received = await drainBytes(socket)
    expect(received).toBeGreaterThan(total)
    expect(received).toBeLessThan(total + 1000)
  })

  it('holds a request back at the client while the server does not read', async () => {
    const total = 64 * MIB
    const { port, serverPorts } = takeLane()
    await startTcpServer((accepted) => void accepted.pause(), serverPorts[0])
    const socket = await openSocket(port)
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`)
    const source = pour(socket, total)
    expect(await untilSteady('the client', source.written)).toBeLessThan(total / 2)
  })
})
