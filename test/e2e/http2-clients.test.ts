import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createAuthority } from '../fixtures/certificates.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { answerOf, askH2, openH2 } from './support/h2-client.ts'
import { whenOver } from './support/lifetime.ts'
import { freePort } from './support/ports.ts'
import { runProgram } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

type Settings = Readonly<Record<string, unknown>>
type Answer = (request: IncomingMessage, response: ServerResponse) => void

const MIB = 1_048_576

/** Long enough for all buffers on the way to fill. */
const STOP_MS = 200

/** What its clients ask for says how it answers. */
const answer: Answer = (request, response) => {
  const url = request.url ?? ''
  if (url === '/trailers') {
    response.writeHead(200, { trailer: 'x-sum' })
    response.write('some')
    response.addTrailers({ 'x-sum': '4' })
    response.end()
  } else if (url === '/early') {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('late'))
  } else if (url.startsWith('/bytes/')) {
    const body = Buffer.alloc(Number(url.slice('/bytes/'.length)), 'x')
    response.writeHead(200, { 'content-length': body.length })
    response.end(body)
  } else if (url === '/refuse') {
    response.writeHead(403)
    response.end('no')
  } else if (url !== '/never') {
    const hash = createHash('sha256')
    request.on('data', (chunk: Buffer) => hash.update(chunk))
    request.on('end', () => {
      const { headers, method, trailers } = request
      response.end(JSON.stringify({ url, method, headers, trailers, sum: hash.digest('hex') }))
    })
  }
}

async function startServer(): Promise<{ address: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  server.on('upgrade', (request: IncomingMessage, socket) => {
    requests.push(request)
    const key = request.headers['sec-websocket-key'] ?? ''
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
    )
    socket.pipe(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  whenOver(() => {
    server.closeAllConnections()
    server.close()
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

async function start(
  bind: Settings = {},
  frontend: Settings = {},
): Promise<{ daemon: Daemon; port: number; requests: IncomingMessage[] }> {
  const { address, requests } = await startServer()
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http', timeout: { client: '5s' } },
      frontends: {
        web: {
          bind: { address: `127.0.0.1:${port}`, ...bind },
          default_backend: 'app',
          ...frontend,
        },
      },
      backends: { app: { servers: { s1: address } } },
    },
  })
  return { daemon, port, requests }
}

const get = (path: string) => ({ ':path': path })

/** Passes bytes on, but takes none from the daemon for a while, again and again. */
async function startStoppingRelay(port: number): Promise<number> {
  const relay = createTcpServer((client) => {
    const daemon = connect(port, '127.0.0.1')
    client.pipe(daemon)
    daemon.on('data', (data) => client.write(data))
    const stops = setInterval(() => {
      if (daemon.isPaused()) daemon.resume()
      else daemon.pause()
    }, STOP_MS)
    daemon.on('error', () => {})
    client.on('error', () => {})
    client.on('close', () => {
      clearInterval(stops)
      daemon.destroy()
    })
  })
  onTestFinished(() => void relay.close())
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  return (relay.address() as AddressInfo).port
}

describe('clients in HTTP/2', () => {
  it('ask servers in HTTP/1.1, and the log says what they speak', async () => {
    const { daemon, port } = await start(
      {},
      { 'http-request': ['set-header x-ver %[req.ver]'], 'option': { forwardfor: true } },
    )
    const session = await openH2(port)
    const { status, body, headers } = await askH2(session, {
      ...get('/a?b=c'),
      'cookie': 'one=1; two=2',
      'x-mine': 'yes',
    })
    expect(status).toBe(200)
    expect(headers).not.toHaveProperty('connection')
    expect(JSON.parse(body.toString())).toMatchObject({
      url: '/a?b=c',
      method: 'GET',
      headers: {
        'host': `127.0.0.1:${port}`,
        'x-ver': '2.0',
        'x-mine': 'yes',
        'cookie': 'one=1; two=2',
        'x-forwarded-for': '127.0.0.1',
      },
    })
    const line = await until('the log', () => daemon.accessLog.at(-1))
    expect(line).toContain('"GET /a?b=c HTTP/2.0"')
  })

  it('send bodies of any length, with trailers', async () => {
    const { port } = await start()
    const session = await openH2(port)
    const big = randomBytes(3 * MIB)
    const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    const path = { ':method': 'POST', ':path': '/' }
    const chunked = session.request(path, { waitForTrailers: true })
    chunked.on('wantTrailers', () => chunked.sendTrailers({ 'x-sum': '1', 'cookie': 'x' }))
    chunked.end(big)
    const counted = askH2(session, { ...path, 'content-length': big.length }, big)
    const [one, two] = [await answerOf(chunked), await counted].map(({ body }) =>
      JSON.parse(body.toString()),
    )
    expect(one).toMatchObject({
      sum: sum(big),
      headers: { 'transfer-encoding': 'chunked' },
      trailers: { 'x-sum': '1' },
    })
    expect(one.trailers).not.toHaveProperty('cookie')
    expect(two).toMatchObject({ sum: sum(big), headers: { 'content-length': String(big.length) } })
  })

  it('get trailers, interim responses, and heads alone', async () => {
    const { port } = await start()
    const session = await openH2(port)
    const { body, trailers } = await askH2(session, get('/trailers'))
    expect([body.toString(), trailers]).toMatchObject(['some', { 'x-sum': '4' }])
    expect(await askH2(session, get('/early'))).toMatchObject({ status: 200, interim: [103] })
    const head = await askH2(session, { ':method': 'HEAD', ':path': '/bytes/100' })
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '100', 0])
  })

  it('have many streams at once, each of which gets its own', async () => {
    const { port, daemon } = await start()
    const session = await openH2(port)
    const sizes = Array.from({ length: 60 }, (_, n) => n * 7919)
    const answers = await Promise.all(sizes.map((size) => askH2(session, get(`/bytes/${size}`))))
    expect(answers.map(({ body }) => body.length)).toEqual(sizes)
    await until('the log', () => daemon.accessLog.length === sizes.length || undefined)
  })

  it('that do not read one stream hold back no other', async () => {
    const { port } = await start()
    const session = await openH2(port)
    const slow = session.request(get(`/bytes/${8 * MIB}`))
    await once(slow, 'response')
    slow.pause()
    for (let n = 0; n < 20; n++) {
      expect((await askH2(session, get(`/bytes/${n * 10_000}`))).body.length).toBe(n * 10_000)
    }
    let bytes = 0
    slow.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    slow.resume()
    await once(slow, 'end')
    expect(bytes).toBe(8 * MIB)
  })

  it('get all that waited while their connection took nothing', async () => {
    const { port } = await start()
    const session = await openH2(await startStoppingRelay(port), {
      settings: { initialWindowSize: 32 * MIB },
    })
    session.setLocalWindowSize(64 * MIB)
    for (const mebibytes of [24, 8, 24]) {
      const { body } = await askH2(session, get(`/bytes/${mebibytes * MIB}`))
      expect(body.length).toBe(mebibytes * MIB)
    }
  })

  it('give up one stream, and keep the others', async () => {
    const { port, daemon } = await start()
    const session = await openH2(port)
    const given = session.request(get('/never'))
    given.on('error', () => {})
    const kept = askH2(session, get(`/bytes/${MIB}`))
    given.close(constants.NGHTTP2_CANCEL)
    expect((await kept).body.length).toBe(MIB)
    const line = await until('the log', () =>
      daemon.accessLog.find((entry) => entry.includes('/never')),
    )
    expect(line).toMatch(/ -1 .* C[CHQ]-- /)
  })

  it('are answered before their request is whole, and go on', async () => {
    const { port } = await start({}, { 'http-request': ['deny deny_status 429 if { path /deny }'] })
    const session = await openH2(port)
    for (const [path, status] of [
      ['/deny', 429],
      ['/refuse', 403],
    ] as const) {
      const early = session.request({ ':method': 'POST', ':path': path })
      early.on('error', () => {})
      early.write('x')
      expect((await answerOf(early)).status).toBe(status)
    }
    expect((await askH2(session, get('/bytes/5'))).body.length).toBe(5)
  })

  it('are let finish when the daemon ends, and told to go', async () => {
    const { port, daemon, requests } = await start()
    const session = await openH2(port)
    const goaway = once(session, 'goaway')
    const busy = session.request({ ':method': 'POST', ':path': '/' })
    busy.write('a')
    await until('the request', () => requests.length === 1 || undefined)
    const over = daemon.stop()
    await goaway
    busy.end('b')
    const { status, body } = await answerOf(busy)
    expect([status, JSON.parse(body.toString()).method]).toEqual([200, 'POST'])
    expect(await over).toBe(0)
  })

  it('open WebSockets to servers that speak HTTP/1.1', async () => {
    const { port, daemon } = await start()
    const session = await openH2(port)
    if (!session.remoteSettings.enableConnectProtocol) await once(session, 'remoteSettings')
    const tunnel = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/chat',
      ':scheme': 'http',
      ':authority': 'a.test',
      'sec-websocket-version': '13',
    })
    tunnel.write('early ')
    const [headers] = await once(tunnel, 'response')
    expect(headers).toMatchObject({ ':status': 200 })
    expect(headers).not.toHaveProperty('sec-websocket-accept')
    let echoed = ''
    tunnel.on('data', (chunk: Buffer) => {
      echoed += chunk.toString()
    })
    tunnel.write('hello')
    await until('the echo', () => echoed === 'early hello' || undefined)
    expect((await askH2(session, get('/bytes/5'))).body.length).toBe(5)
    tunnel.end()
    await once(tunnel, 'close')
    const line = await until('the log', () => daemon.accessLog.find((one) => one.includes('/chat')))
    expect(line).toMatch(/ 101 .*"GET \/chat HTTP\/2.0"/)
  })

  it('that are too slow with a body are told so', async () => {
    const { port } = await start({}, { timeout: { client: '200ms' } })
    const session = await openH2(port)
    const slow = session.request({ ':method': 'POST', ':path': '/' })
    slow.on('error', () => {})
    slow.write('a')
    expect((await answerOf(slow)).status).toBe(408)
  })
})

describe('what is spoken on a bind', () => {
  it('is HTTP/2 or HTTP/1.1, as clients choose by ALPN', async () => {
    const authority = createAuthority()
    const { cert, key } = authority.issue({ names: ['127.0.0.1'] })
    const { port } = await start({ ssl: { crt: writePem(cert + key) } })
    const session = await openH2(port, { rejectUnauthorized: false }, 'https')
    expect(session.alpnProtocol).toBe('h2')
    expect((await askH2(session, get('/bytes/5'))).status).toBe(200)
  })

  it('is HTTP/2 without being agreed on where proto says so', async () => {
    const { port } = await start({ proto: 'h2' })
    const session = await openH2(port)
    expect((await askH2(session, get('/bytes/5'))).status).toBe(200)
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  })

  it('is HTTP/1.1 alone where proto says so', async () => {
    const { port } = await start({ proto: 'h1' })
    expect((await fetch(`http://127.0.0.1:${port}/bytes/5`)).status).toBe(200)
    const session = await openH2(port)
    const [error] = await once(session, 'error')
    expect(error).toMatchObject({ code: 'ERR_HTTP2_ERROR' })
  })
})

describe('curl', () => {
  beforeEach(requires('curl'))

  it('speaks HTTP/2 by prior knowledge, and by ALPN', async () => {
    const { cert, key } = createAuthority().issue({ names: ['127.0.0.1'] })
    const plain = await start()
    const secure = await start({ ssl: { crt: writePem(cert + key) } })
    const ask = async (...args: string[]) =>
      (
        await runProgram('curl', [
          '-sk',
          '-m',
          '20',
          '-o',
          '/dev/null',
          '-w',
          '%{http_version} %{http_code} %{size_download}',
          ...args,
        ])
      ).stdout
    expect(
      await ask('--http2-prior-knowledge', `http://127.0.0.1:${plain.port}/bytes/100000`),
    ).toBe('2 200 100000')
    expect(await ask(`http://127.0.0.1:${plain.port}/bytes/5`)).toBe('1.1 200 5')
    expect(await ask('--http2', `https://127.0.0.1:${secure.port}/bytes/5`)).toBe('2 200 5')
    expect(await ask('--http1.1', `https://127.0.0.1:${secure.port}/bytes/5`)).toBe('1.1 200 5')
  })
})
