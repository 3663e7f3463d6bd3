import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import * as h1 from 'node:http'
import * as h2 from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createAuthority } from '../fixtures/certificates.ts'
import { type Daemon, startDaemon, type TestConfig } from './support/daemon.ts'
import { answerOf, askH2, openH2 } from './support/h2-client.ts'
import { startH2Server } from './support/h2-server.ts'
import { whenOver } from './support/lifetime.ts'
import { freePort } from './support/ports.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const LARGE_BYTES = 3_000_000

type Version = 'h1' | 'h2'
type SiteRequest = h1.IncomingMessage | h2.Http2ServerRequest
type SiteResponse = h1.ServerResponse | h2.Http2ServerResponse
type Headers = Readonly<Record<string, string>>

/** A request that a test makes, in either version. */
interface Call {
  readonly method?: string
  readonly headers?: Headers
  readonly body?: Buffer
  readonly trailers?: Headers
  /** The body is begun and never ends. */
  readonly isEndless?: boolean
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
  readonly interim: readonly number[]
  readonly trailers: Readonly<Record<string, unknown>>
}

interface Asked {
  /** The whole response; throws where it is broken off. */
  readonly answer: Promise<Answer>
  giveUp(): void
}

type Ask = (path: string, call?: Call) => Asked

interface Site {
  readonly address: string
  /** Paths of requests that have come. */
  readonly came: string[]
  /** Paths of requests whose clients have gone before the response was whole. */
  readonly gone: string[]
  /** Ends the responses to `/slow`. */
  readonly goOn: () => void
}

/** Answers on Node's own servers of both versions, by what is asked. */
function serve(request: SiteRequest, response: SiteResponse, slow: SiteResponse[]): void {
  const [path = '', query] = (request.url ?? '').split('?')
  if (path === '/echo') echo(request, response, query === 'counted')
  else if (path === '/hundred') {
    response.writeHead(200, { 'content-length': '100' })
    if (request.method === 'HEAD') response.end()
    else response.end(Buffer.alloc(100, 'x'))
  } else if (path === '/204' || path === '/304') {
    response.writeHead(Number(path.slice(1)), { etag: '"a"' })
    response.end()
  } else if (path === '/hints') {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.end('late')
  } else if (path === '/refuse') {
    response.writeHead(403, { 'content-length': '2' })
    response.end('no')
  } else if (path === '/slow') slow.push(response)
  else if (path === '/reset') breakOff(response)
  else if (path === '/break') {
    response.writeHead(200, { 'content-length': '100' })
    if (response instanceof h1.ServerResponse) response.write('some')
    else response.write('some')
    setImmediate(() => breakOff(response))
  }
}

/** Sends the body back, and what has come behind it. */
function echo(request: SiteRequest, response: SiteResponse, isCounted: boolean): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks)
    const length = isCounted ? { 'content-length': String(body.length) } : {}
    const seen = request.headers['content-length'] ?? 'unknown'
    response.writeHead(200, { ...length, 'x-length': seen, 'x-method': request.method ?? '' })
    if (!isCounted) {
      response.addTrailers({ 'x-sum': sumOf(body), 'x-got': String(request.trailers['x-sent']) })
    }
    response.end(body)
  })
}

function breakOff(response: SiteResponse): void {
  if (response instanceof h1.ServerResponse) response.socket?.destroy()
  else response.stream.close(h2.constants.NGHTTP2_INTERNAL_ERROR)
}

async function startSite(version: Version): Promise<Site> {
  const slow: SiteResponse[] = []
  const came: string[] = []
  const gone: string[] = []
  const onRequest = (request: SiteRequest, response: SiteResponse): void => {
    came.push(request.url ?? '')
    response.on('close', () => {
      if (!response.writableEnded) gone.push(request.url ?? '')
    })
    request.on('error', () => {})
    response.on('error', () => {})
    serve(request, response, slow)
  }
  const server: Server = version === 'h1' ? h1.createServer(onRequest) : h2.createServer(onRequest)
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  whenOver(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const goOn = (): void => {
    for (const response of slow.splice(0)) response.end('slow')
  }
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, came, gone, goOn }
}

/** A client of HTTP/1.1 that keeps its connections. */
function h1Client(port: number): Ask {
  const agent = new h1.Agent({ keepAlive: true })
  whenOver(() => agent.destroy())
  return (path, { method = 'GET', headers = {}, body, trailers, isEndless = false } = {}) => {
    const chunked = trailers === undefined ? {} : { 'transfer-encoding': 'chunked' }
    const request = h1.request({ port, agent, path, method, headers: { ...headers, ...chunked } })
    const interim: number[] = []
    request.on('information', ({ statusCode }) => interim.push(statusCode))
    const failed = once(request, 'error').then(([error]) => Promise.reject(error))
    const answered = once(request, 'response').then(async ([response]) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      const { statusCode: status, headers: fields, trailers: last } = response
      return { status, headers: fields, body: Buffer.concat(chunks), interim, trailers: last }
    })
    if (body !== undefined || isEndless) request.write(body ?? 'x')
    if (trailers !== undefined) request.addTrailers(trailers)
    if (!isEndless) request.end()
    const answer = Promise.race([answered, failed])
    for (const one of [answer, answered, failed]) one.catch(() => {})
    // Whoever merely ends its side of HTTP/1.1 may still wait for the response.
    return { answer, giveUp: () => request.socket?.resetAndDestroy() }
  }
}

/** A client of HTTP/2 with one connection. */
async function h2Client(port: number): Promise<Ask> {
  const session = await openH2(port)
  return (path, { method = 'GET', headers = {}, body, trailers, isEndless = false } = {}) => {
    const stream = session.request(
      { ':method': method, ':path': path, ...headers },
      { endStream: body === undefined && !isEndless, waitForTrailers: trailers !== undefined },
    )
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    if (isEndless) stream.write(body ?? 'x')
    else if (body !== undefined) stream.end(body)
    const failed = once(stream, 'close').then(() => {
      if (stream.rstCode !== 0) throw new Error(`reset with ${stream.rstCode}`)
      return answered
    })
    const answered = answerOf(stream).then((answer) => ({
      ...answer,
      trailers: answer.trailers ?? {},
    }))
    const answer = Promise.race([answered, failed]).then(async (whole) => {
      // A response that is cut off ends for Node's client, too.
      if (!stream.closed && !isEndless) await once(stream, 'close')
      if (stream.rstCode !== 0) throw new Error(`reset with ${stream.rstCode}`)
      return whole
    })
    for (const one of [answer, answered, failed]) one.catch(() => {})
    return { answer, giveUp: () => stream.close(h2.constants.NGHTTP2_CANCEL) }
  }
}

async function startPairing(
  client: Version,
  server: Version,
): Promise<{ ask: Ask; site: Site; port: number; daemon: Daemon }> {
  const site = await startSite(server)
  const { port, daemon } = await startFor(site.address, server)
  return { ask: client === 'h1' ? h1Client(port) : await h2Client(port), site, port, daemon }
}

async function startFor(
  address: string,
  proto: Version,
): Promise<{ port: number; daemon: Daemon }> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { retries: 0, servers: { s1: { address, proto } } } },
    },
  })
  return { port, daemon }
}

function sumOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe.each<[Version, Version]>([
  ['h2', 'h2'],
  ['h1', 'h2'],
  ['h2', 'h1'],
])('a client in %s before a server in %s', (client, server) => {
  it('gets what has no body, and says so in the same way', async () => {
    const { ask } = await startPairing(client, server)
    for (let turn = 0; turn < 2; turn++) {
      const got = await ask('/hundred').answer
      expect([got.status, got.body.length, got.headers['content-length']]).toEqual([
        200,
        100,
        '100',
      ])
      const head = await ask('/hundred', { method: 'HEAD' }).answer
      expect([head.status, head.body.length, head.headers['content-length']]).toEqual([
        200,
        0,
        '100',
      ])
      for (const status of [204, 304]) {
        const { headers, body, ...rest } = await ask(`/${status}`).answer
        expect([rest.status, body.length, headers['etag']]).toEqual([status, 0, '"a"'])
      }
    }
  })

  it('sends and gets large bodies, whether their lengths are known or not', async () => {
    const { ask } = await startPairing(client, server)
    const body = randomBytes(LARGE_BYTES)
    const length = String(LARGE_BYTES)
    const calls = [
      ask('/echo?counted', { method: 'POST', body, headers: { 'content-length': length } }),
      ask('/echo', { method: 'PUT', body, trailers: { 'x-sent': 'yes' } }),
    ]
    const [counted, chunked] = await Promise.all(calls.map(({ answer }) => answer))
    expect(counted?.headers).toMatchObject({
      'content-length': length,
      'x-length': length,
      'x-method': 'POST',
    })
    expect(chunked?.headers).toMatchObject({ 'x-length': 'unknown', 'x-method': 'PUT' })
    expect(chunked?.trailers).toMatchObject({ 'x-sum': sumOf(body), 'x-got': 'yes' })
    for (const answer of [counted, chunked]) expect(sumOf(answer?.body ?? body)).toBe(sumOf(body))
  })

  it('gets the trailers of an empty body, and sends them behind one', async () => {
    const { ask } = await startPairing(client, server)
    const { body, trailers } = await ask('/echo', {
      method: 'POST',
      body: Buffer.from('x'),
      trailers: { 'x-sent': 'yes' },
    }).answer
    expect([body.toString(), trailers]).toMatchObject(['x', { 'x-got': 'yes' }])
    const empty = await ask('/echo', { method: 'POST', trailers: { 'x-sent': 'yes' } }).answer
    expect([empty.body.length, empty.trailers['x-sum']]).toEqual([0, sumOf(Buffer.of())])
  })

  it('gets interim responses', async () => {
    const { ask } = await startPairing(client, server)
    const { status, interim, body } = await ask('/hints').answer
    expect([status, interim, body.toString()]).toEqual([200, [103], 'late'])
  })

  it('is answered before its upload is whole, and is served on', async () => {
    const { ask } = await startPairing(client, server)
    const early = await ask('/refuse', { method: 'POST', isEndless: true }).answer
    expect([early.status, early.body.toString()]).toEqual([403, 'no'])
    expect((await ask('/hundred').answer).body.length).toBe(100)
  })

  it('that gives up is seen to be gone, and its neighbours go on', async () => {
    const { ask, site } = await startPairing(client, server)
    const kept = ask('/slow')
    await until('the first request', () => site.came.length === 1 || undefined)
    const given = ask('/slow?given')
    await until('the second request', () => site.came.length === 2 || undefined)
    given.giveUp()
    await until('the end of it', () => site.gone[0])
    expect(site.gone).toEqual(['/slow?given'])
    expect((await ask('/hundred').answer).status).toBe(200)
    site.goOn()
    expect((await kept.answer).body.toString()).toBe('slow')
  })

  it('is told of a server that breaks off, and its neighbours go on', async () => {
    const { ask, site } = await startPairing(client, server)
    const kept = ask('/slow')
    await until('the first request', () => site.came.length === 1 || undefined)
    expect((await ask('/reset', { method: 'POST' }).answer).status).toBe(502)
    await expect(ask('/break').answer).rejects.toThrow()
    expect((await ask('/hundred').answer).status).toBe(200)
    site.goOn()
    expect((await kept.answer).body.toString()).toBe('slow')
  })
})

describe('an exchange as gRPC has it', () => {
  async function startGrpc(
    onStream: (stream: h2.ServerHttp2Stream, headers: h2.IncomingHttpHeaders) => void,
  ): Promise<h2.ClientHttp2Session> {
    const server = h2.createServer()
    const sessions: h2.ServerHttp2Session[] = []
    server.on('session', (session) => sessions.push(session))
    server.on('stream', onStream)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    whenOver(() => {
      for (const session of sessions) session.destroy()
      server.close()
    })
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    return await openH2((await startFor(address, 'h2')).port)
  }

  const call: h2.OutgoingHttpHeaders = {
    ':method': 'POST',
    ':path': '/pets.Pets/List',
    'content-type': 'application/grpc',
    'te': 'trailers',
    'grpc-timeout': '5S',
  }

  it('has its status in the head alone where there is nothing else', async () => {
    const session = await startGrpc((stream, { te }) => {
      const fields = { 'content-type': 'application/grpc', 'grpc-status': '5', 'x-te': te }
      stream.respond({ ':status': 200, ...fields }, { endStream: true })
    })
    const stream = session.request(call)
    stream.end('message')
    const [headers, flags] = await once(stream, 'response')
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '5', 'x-te': 'trailers' })
    expect(flags & h2.constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0)
    stream.resume()
    await once(stream, 'close')
    expect(stream.rstCode).toBe(0)
  })

  it('has messages both ways at once, each as it comes, and its status behind them', async () => {
    const session = await startGrpc((stream) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc' },
        { waitForTrailers: true },
      )
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.on('data', (message: Buffer) => stream.write(`got ${message}`))
      stream.on('end', () => stream.end('bye'))
    })
    const stream = session.request(call)
    let said = ''
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const trailed = once(stream, 'trailers')
    for (let n = 0; n < 5; n++) {
      said = ''
      stream.write(`message ${n}`)
      await until('its echo', () => said === `got message ${n}` || undefined)
    }
    said = ''
    stream.end()
    expect((await trailed)[0]).toMatchObject({ 'grpc-status': '0' })
    await once(stream, 'close')
    expect([said, stream.rstCode]).toEqual(['bye', 0])
  })
})

it('the example configs/http2.yaml speaks HTTP/2 on both sides, and HTTP/1.1 with who wants that', async () => {
  const authority = createAuthority()
  const site = authority.issue({ names: ['localhost'] })
  const name = (who: string) => (stream: h2.ServerHttp2Stream, headers: h2.IncomingHttpHeaders) => {
    stream.respond({ ':status': 200, 'x-server': who, 'x-client': headers['x-client-speaks'] })
    stream.end()
  }
  const plain = await startH2Server(name('app1'))
  const secure = await startH2Server(name('app2'), authority.issue({ names: ['app.example'] }))
  const ports = [await freePort(), await freePort()] as const
  const text = readFileSync(new URL('../../configs/http2.yaml', import.meta.url), 'utf8')
    .replace('127.0.0.1:8080', `127.0.0.1:${ports[0]}`)
    .replace('127.0.0.1:8443', `127.0.0.1:${ports[1]}`)
    .replace('/etc/sluice/site.pem', writePem(site.cert + site.key))
    .replace('/etc/sluice/ca.pem', writePem(authority.cert))
    .replace('127.0.0.1:9001', plain.address)
    .replace('127.0.0.1:9002', secure.address)
  // Each thread takes turns of its own: of two requests in one thread each server gets one.
  const oneThread = text.replace('defaults:\n', 'global: {nbthread: 1}\ndefaults:\n')
  await startDaemon({ config: parse(oneThread) as TestConfig })
  const agreed = await openH2(ports[1], { ca: authority.cert, servername: 'localhost' }, 'https')
  expect(agreed.alpnProtocol).toBe('h2')
  for (const session of [await openH2(ports[0]), agreed]) {
    const answers = [await askH2(session, {}), await askH2(session, {})]
    const servers = answers.map(({ headers }) => headers['x-server'])
    expect(new Set(servers)).toEqual(new Set(['app1', 'app2']))
    for (const { headers } of answers) expect(headers['x-client']).toBe('2.0')
  }
  const { status, headers } = await fetch(`http://127.0.0.1:${ports[0]}/`)
  expect([status, headers.get('x-client')]).toEqual([200, '1.1'])
})
