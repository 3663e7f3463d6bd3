import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { freeze } from './support/freezing.ts'
import { startHaproxy } from './support/haproxy.ts'
import { type HttpAnswer, type HttpCall, httpClient } from './support/http-client.ts'
import { type RecordedRequest, startHttpServer } from './support/http-server.ts'
import { type Lane, sharedLanes } from './support/lanes.ts'
import { scrape } from './support/metrics.ts'
import { startNginx } from './support/nginx.ts'
import { freePort } from './support/ports.ts'
import { startProxy } from './support/proxy.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { type Requirement, requires } from './support/requirements.ts'
import { establishedOn } from './support/tcp-table.ts'
import { until } from './support/waiting.ts'

/** How long every server keeps a connection that rests. */
const KEEP_ALIVE_MS = 1000
/**
 * Before and after the server closes. Not at that very moment: what is sent while a server closes
 * cannot be taken back.
 */
const PAUSES_MS = [KEEP_ALIVE_MS - 400, KEEP_ALIVE_MS + 300]
const TURNS = 4
/** Requests that nginx takes on a connection. */
const KEEP_ALIVE_REQUESTS = 5

const CHUNKED_TEXT = 'a line of a body whose length is not known before its end\n'.repeat(4000)
const HEADER_VALUE = 'v'.repeat(4000)
const LARGE_HEADERS = Object.fromEntries(['1', '2', '3'].map((n) => [`X-Large-${n}`, HEADER_VALUE]))

const takeLane = sharedLanes({ count: 31 })

/** A server that serves the paths of {@link startSite}. */
interface Peer {
  readonly name: string
  readonly needs: readonly Requirement[]
  /** Whether it sends 103 before the answer to `/early`, and tells at `/trailed` of trailers. */
  readonly isNode: boolean
  /** Starts it on a port. */
  readonly start: (port: number) => Promise<unknown>
}

const NGINX_SITE = `
  default_type text/plain;
  keepalive_timeout ${KEEP_ALIVE_MS}ms;
  keepalive_requests ${KEEP_ALIVE_REQUESTS};
  client_max_body_size 8m;
  large_client_header_buffers 4 16k;
  location = /stored { dav_methods PUT; }
  location = /sink { return 200 "taken\\n"; }
  location = /empty { return 204; }
  location = /early { return 200 "late\\n"; }
  location = /chunked { ssi on; ssi_types *; }
  location = /trailers { try_files /hello =404; add_trailer X-Trailer done; }
  location = /closed { try_files /hello =404; ssi on; ssi_types *; chunked_transfer_encoding off; }
  location = /large { ${Object.entries(LARGE_HEADERS)
    .map(([name, value]) => `add_header ${name} ${value};`)
    .join('\n')} return 200 "large\\n"; }
`

const PEERS: readonly Peer[] = [
  { name: 'Node.js', needs: [], isNode: true, start: startSite },
  {
    name: 'nginx',
    needs: ['nginx'],
    isNode: false,
    start: (port) => {
      const files = { hello: 'hello\n', chunked: CHUNKED_TEXT }
      return startNginx(NGINX_SITE, files, port)
    },
  },
  { name: 'HAProxy', needs: ['haproxy'], isNode: true, start: startTier },
]

/** The site on Node.js. */
async function startSite(port: number): Promise<void> {
  let stored: Buffer = Buffer.of()
  await startHttpServer({
    port,
    keepAliveTimeoutMs: KEEP_ALIVE_MS,
    answer: (request, response) => {
      if (request.url !== '/stored') answerSite(request, response)
      else if (request.method === 'PUT') {
        stored = request.body
        response.writeHead(201).end()
      } else response.end(stored)
    },
  })
}

function answerSite({ url, headers, trailers }: RecordedRequest, response: ServerResponse): void {
  switch (url) {
    case '/hello':
      response.setHeader('ETag', '"1"')
      if (headers['if-none-match'] === '"1"') response.writeHead(304).end()
      else response.writeHead(200, { 'Content-Length': 6 }).end('hello\n')
      break
    case '/sink':
      response.end('taken\n')
      break
    case '/empty':
      response.writeHead(204).end()
      break
    case '/early':
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => {
        response.end('late\n')
      })
      break
    case '/chunked':
      response.write(CHUNKED_TEXT.slice(0, 10))
      response.end(CHUNKED_TEXT.slice(10))
      break
    case '/trailers':
      response.writeHead(200, { Trailer: 'X-Trailer' }).write('hello\n')
      response.addTrailers({ 'X-Trailer': 'done' })
      response.end()
      break
    case '/closed':
      // Without it and without a length, Node.js ends the body with its connection.
      response.removeHeader('Transfer-Encoding')
      response.write('hel')
      response.end('lo\n')
      break
    case '/trailed':
      response.end(trailers['x-trailer'])
      break
    case '/large':
      response.writeHead(200, LARGE_HEADERS).end('large\n')
      break
    default:
      response.writeHead(404).end()
  }
}

/** HAProxy before the site, as one tier of balancers behind another. */
async function startTier(port: number): Promise<void> {
  const sitePort = await freePort()
  await startSite(sitePort)
  const sections = `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-keep-alive ${KEEP_ALIVE_MS}ms
listen tier
  bind 127.0.0.1:${port}
  server s1 127.0.0.1:${sitePort}`
  await startHaproxy(sections, port)
}

async function* inPieces(body: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += 50_000) yield body.subarray(at, at + 50_000)
}

/** Asks in turn GET and POST, and tells what was not answered as it should be. */
async function askInTurn(
  ask: (path: string, call?: HttpCall) => Promise<HttpAnswer>,
  turns: number,
  pauseMs: (turn: number) => number = () => 0,
): Promise<string[]> {
  const problems: string[] = []
  for (let turn = 0; turn < turns; turn++) {
    await sleep(pauseMs(turn))
    const isPost = turn % 2 === 1
    const answer = isPost
      ? ask('/sink', { method: 'POST', body: 'a body' })
      : ask('/hello', { method: 'GET' })
    const text = await answer.then(
      ({ status, body }) => `${status} ${body.toString()}`,
      (error: unknown) => String(error),
    )
    const wanted = isPost ? '200 taken\n' : '200 hello\n'
    if (text !== wanted) problems.push(`turn ${turn}: ${text}`)
  }
  return problems
}

/** Starts a server where a lane of the shared daemon looks for it. */
async function startBehind(start: Peer['start']): Promise<Lane> {
  const lane = takeLane()
  await start(lane.serverPorts[0])
  return lane
}

const PEERS_BY_NAME = PEERS.map((peer) => [peer.name, peer] as const)

describe.each(PEERS_BY_NAME)('%s as the server', (_, { needs, isNode, start }) => {
  beforeEach(requires(...needs))

  it('answers on one connection whatever has a body and whatever has none', async () => {
    const lane = await startBehind(start)
    const ask = httpClient(lane.port)
    const hello = await ask('/hello')
    expect([hello.status, hello.body.toString()]).toEqual([200, 'hello\n'])
    const head = await ask('/hello', { method: 'HEAD' })
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([200, 0, '6'])
    const fresh = await ask('/hello', {
      headers: { 'If-None-Match': String(hello.headers['etag']) },
    })
    expect([fresh.status, fresh.body.length]).toEqual([304, 0])
    const empty = await ask('/empty')
    expect([empty.status, empty.body.length]).toEqual([204, 0])
    const chunked = await ask('/chunked')
    expect(chunked.headers['transfer-encoding']).toBe('chunked')
    expect(chunked.body.toString()).toBe(CHUNKED_TEXT)
    const sample = await scrape(lane.daemon)
    const proxy = { proxy: lane.name }
    expect(sample('sluice_frontend_connections_total', proxy)).toBe(1)
    expect(sample('sluice_backend_connection_reuses_total', proxy)).toBe(4)
  })

  it('gets and sends 12 KB of headers', async () => {
    const { port } = await startBehind(start)
    const ask = httpClient(port)
    const { status, headers } = await ask('/large', { headers: LARGE_HEADERS })
    expect(status).toBe(200)
    for (const name of Object.keys(LARGE_HEADERS)) {
      expect(headers[name.toLowerCase()]).toBe(HEADER_VALUE)
    }
  })

  it.each([
    ['of known length', (body: Buffer) => body],
    ['in chunks', inPieces],
  ])('takes a body %s', async (_, sent) => {
    const { port } = await startBehind(start)
    const ask = httpClient(port)
    const body = Buffer.from(CHUNKED_TEXT)
    const { status } = await ask('/stored', { method: 'PUT', body: sent(body) })
    expect([201, 204]).toContain(status)
    expect((await ask('/stored')).body.equals(body)).toBe(true)
  })

  it('says 100 Continue to a client that waits for it', async () => {
    const { port } = await startBehind(start)
    const socket = await openSocket(port)
    const request = 'PUT /stored HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n'
    socket.write(`${request}Expect: 100-continue\r\n\r\n`)
    await readUntil(socket, (text) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('body')
    const { text } = await readUntil(socket, (got) => got.includes('\r\n\r\n'))
    expect(text).toMatch(/^HTTP\/1\.1 20[14] /)
    expect((await httpClient(port)('/stored')).body.toString()).toBe('body')
  })

  it('sends trailers', async () => {
    const { port } = await startBehind(start)
    const { body, trailers } = await httpClient(port)('/trailers')
    expect(body.toString()).toBe('hello\n')
    expect(trailers).toEqual({ 'x-trailer': 'done' })
  })

  if (isNode) {
    it('gets trailers', async () => {
      const { port } = await startBehind(start)
      const head = 'POST /trailed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n'
      const body = '4\r\nbody\r\n0\r\nX-Trailer: all of it\r\n\r\n'
      const { text } = await rawExchange(
        port,
        `${head}Connection: close\r\nTrailer: X-Trailer\r\n\r\n${body}`,
      )
      expect(text).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\nall of it$/s)
    })
  }

  it('ends a body with its connection, for clients of both versions', async () => {
    const { port } = await startBehind(start)
    const { text, ending } = await rawExchange(port, 'GET /closed HTTP/1.0\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\nhello\n$/s)
    expect(ending).toBe('ended')
    expect((await httpClient(port)('/closed')).body.toString()).toBe('hello\n')
  })

  if (isNode) {
    it('sends early hints before its answer', async () => {
      const { port } = await startBehind(start)
      const { interims, body } = await httpClient(port)('/early')
      expect(interims).toEqual([103])
      expect(body.toString()).toBe('late\n')
    })
  }

  it('closes connections under many requests, and no client sees it', async () => {
    const { port } = await startBehind(start)
    expect(await askInTurn(httpClient(port), 200)).toEqual([])
    const ask = httpClient(port, 20)
    const problems = await Promise.all(Array.from({ length: 20 }, () => askInTurn(ask, 20)))
    expect(problems.flat()).toEqual([])
  })

  it('closes connections that rest, and no client sees it', async () => {
    const { port } = await startBehind(start)
    const problems = Array.from({ length: 6 }, (_, n) =>
      askInTurn(httpClient(port), TURNS, (turn) => PAUSES_MS[(turn + n) % PAUSES_MS.length] ?? 0),
    )
    expect((await Promise.all(problems)).flat()).toEqual([])
  })
})

describe.each(PEERS_BY_NAME)('%s, which closes a connection that rests', (_, { needs, start }) => {
  beforeEach(requires('linux', ...needs))

  it.each([
    ['GET', 'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n', 'hello\n'],
    ['POST', 'POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody', 'taken\n'],
  ])('while a %s is on its way to the proxy, and no client sees it', async (_, request, body) => {
    const port = await freePort()
    await start(port)
    const { daemon, port: proxyPort } = await startProxy(`127.0.0.1:${port}`, { threads: 1 })
    const socket = await openSocket(proxyPort)
    const isAnswered = (text: string): boolean => text.endsWith(body)
    socket.write(request)
    await readUntil(socket, isAnswered)
    expect(establishedOn(port)).toBe(1)
    // The request is there before the end of the server's connection, and is read before it.
    await freeze(daemon)
    socket.write(request)
    await until('the server to close', () => (establishedOn(port) === 0 ? true : undefined))
    daemon.signal('SIGCONT')
    const { text } = await readUntil(socket, isAnswered)
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
  })
})
