import type { ServerHttp2Stream } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { createAuthority } from '../fixtures/certificates.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { type H2Server, type OnStream, startH2Server } from './support/h2-server.ts'
import { httpClient } from './support/http-client.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

type Settings = Readonly<Record<string, unknown>>

interface Pair {
  readonly daemon: Daemon
  readonly port: number
  readonly server: H2Server
}

/** A daemon of one thread before one server that speaks HTTP/2. */
async function startPair(
  onStream: OnStream,
  {
    backend = {},
    server = { proto: 'h2' },
    options = {},
    defaults = {},
  }: {
    readonly backend?: Settings
    readonly server?: Settings
    readonly options?: Parameters<typeof startH2Server>[1]
    readonly defaults?: Settings
  } = {},
): Promise<Pair> {
  const h2 = await startH2Server(onStream, options)
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http', ...defaults },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: { address: h2.address, ...server } }, ...backend } },
    },
  })
  return { daemon, port, server: h2 }
}

async function bodyOf(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Says what it was asked, and with what. */
const echo: OnStream = (stream, headers) => {
  void bodyOf(stream).then((body) => {
    stream.respond({ ':status': 200, 'x-seen': JSON.stringify(headers) }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(body.length) }))
    stream.end(body)
  })
}

describe('a server with proto h2', () => {
  it('is asked over few connections, whatever comes of clients', async () => {
    const { port, server } = await startPair(echo)
    const ask = httpClient(port, 20)
    const body = Buffer.alloc(10_000, 'abc')
    const calls = Array.from({ length: 100 }, async (_, n) => {
      const answer = await ask(`/p?n=${n}`, { method: 'POST', body, headers: { 'X-N': `${n}` } })
      expect(answer.status).toBe(200)
      expect(answer.body.equals(body)).toBe(true)
      expect(answer.trailers).toMatchObject({ 'x-sum': '10000' })
      expect(JSON.parse(String(answer.headers['x-seen']))).toMatchObject({
        ':method': 'POST',
        ':path': `/p?n=${n}`,
        ':scheme': 'http',
        ':authority': `127.0.0.1:${port}`,
        'content-length': '10000',
        'x-n': `${n}`,
      })
    })
    await Promise.all(calls)
    const before = server.sessions.length
    for (let n = 0; n < 10; n++) await ask('/again')
    expect(server.sessions.length).toBe(before)
  })

  it.each<[string, number, Settings, Buffer | undefined]>([
    ['GET', 200, {}, undefined],
    ['HEAD', 200, { 'content-length': '5' }, undefined],
    ['GET', 204, {}, undefined],
    ['GET', 304, { etag: '"x"' }, undefined],
    ['GET', 200, { 'content-length': '5' }, Buffer.from('hello')],
    ['GET', 200, {}, Buffer.from('hello')],
    ['GET', 503, { 'retry-after': '1' }, Buffer.from('busy')],
  ])('answers %s with %s and %j', async (method, status, fields, body) => {
    const { port } = await startPair((stream) => {
      stream.respond({ ':status': status, ...fields }, { endStream: body === undefined })
      if (body !== undefined) stream.end(body)
    })
    const ask = httpClient(port)
    for (let n = 0; n < 2; n++) {
      const answer = await ask('/', { method })
      expect([answer.status, answer.body.toString()]).toEqual([status, body?.toString() ?? ''])
      expect(answer.headers).toMatchObject(fields)
    }
  })

  it('sends interim responses, and takes what waits for one', async () => {
    const { port } = await startPair((stream) => {
      stream.additionalHeaders({ ':status': 103, 'link': '</a>; rel=preload' })
      echo(stream, {})
    })
    const answer = await httpClient(port)('/')
    expect([answer.interims, answer.status]).toEqual([[103], 200])
    const { text: said } = await rawExchange(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
    )
    expect(said).toMatch(/^HTTP\/1\.1 (100|103)/)
    expect(said).toMatch(/HTTP\/1\.1 200 \r\n.*hi\r\n/s)
  })

  it('takes bodies in chunks, with their trailers', async () => {
    const { port } = await startPair((stream) => {
      let trailers: unknown
      stream.on('trailers', (fields) => {
        trailers = fields['x-t']
      })
      void bodyOf(stream).then((body) => {
        stream.respond({ ':status': 200 })
        stream.end(`${body} ${trailers}`)
      })
    })
    const { text: said } = await rawExchange(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n yo\r\n0\r\nX-T: 1\r\n\r\n',
    )
    expect(said).toMatch(/hi yo 1\r\n0\r\n\r\n$/)
  })

  it('resets one stream, and its neighbours go on', async () => {
    const waiting: ServerHttp2Stream[] = []
    const { port, server } = await startPair((stream, { ':path': path }) => {
      if (path === '/slow') waiting.push(stream)
      else if (path === '/reset') stream.close(2)
      else stream.respond({ ':status': 200 }, { endStream: true })
    })
    const ask = httpClient(port, 3)
    await ask('/first')
    const slow = ask('/slow')
    await until('the slow request', () => waiting[0])
    expect((await ask('/reset', { method: 'POST' })).status).toBe(502)
    expect((await ask('/other')).status).toBe(200)
    waiting[0]?.respond({ ':status': 200 })
    waiting[0]?.end('slow')
    expect((await slow).body.toString()).toBe('slow')
    expect(server.sessions.length).toBe(1)
  })

  it('repeats what a server that leaves has not begun with, whatever its method', async () => {
    let refusals = 0
    const { port } = await startPair((stream) => {
      if (refusals++ < 2) stream.close(7)
      else stream.respond({ ':status': 200 }, { endStream: true })
    })
    const answer = await httpClient(port)('/', { method: 'POST', body: 'x' })
    expect([answer.status, refusals]).toEqual([200, 3])
  })

  it('goes elsewhere after a GOAWAY, and what it carries comes to its end', async () => {
    const waiting: ServerHttp2Stream[] = []
    const { port, server } = await startPair((stream, { ':path': path }) => {
      if (path === '/slow') waiting.push(stream)
      else stream.respond({ ':status': 200 }, { endStream: true })
    })
    const ask = httpClient(port, 2)
    await ask('/first')
    const slow = ask('/slow')
    await until('the slow request', () => waiting[0])
    server.sessions[0]?.goaway(0)
    await until('a second connection', async () => {
      await ask('/next')
      return server.sessions[1]
    })
    waiting[0]?.respond({ ':status': 200 })
    waiting[0]?.end('slow')
    expect((await slow).body.toString()).toBe('slow')
  })
})

describe('a server with ssl and alpn', () => {
  const authority = createAuthority()
  const { cert, key } = authority.issue({ names: ['a.example'] })
  const ssl = (): Settings => ({
    'ca-file': writePem(authority.cert),
    'sni': 'a.example',
    'alpn': ['h2', 'http/1.1'],
  })

  it('is asked in HTTP/2 where it chooses that', async () => {
    const { port, server } = await startPair(echo, {
      server: { ssl: ssl() },
      options: { cert, key },
    })
    const { headers, status } = await httpClient(port)('/')
    expect([status, JSON.parse(String(headers['x-seen']))[':scheme']]).toEqual([200, 'https'])
    expect(server.sessions.length).toBe(1)
  })
})
