import { describe, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { readResponses, type StrictMessage, statusOf } from './support/strict-messages.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

const PIPELINED_MAX_DEFAULT = 1000
const HEAD_BYTES_DEFAULT = 15_360

/** Bounds that differ from their defaults, each from the others. */
const TUNE = {
  'bufsize': 8192,
  'maxrewrite': 1024,
  'http.maxhdr': 10,
  'http.max-request-line': 2048,
  'http.max-chunk-ext': 20,
  'http.max-trailers': 1100,
}

/** Starts the daemon with one thread before one server. */
async function startProxy(
  server: string,
  tune: Readonly<Record<string, number>> = {},
  rules: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  const port = await freePort()
  await startDaemon({
    config: {
      global: { nbthread: 1, tune },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app', ...rules } },
      backends: { app: { servers: { s1: server } } },
    },
  })
  return port
}

/** A proxy before a server that answers with the target of the request. */
async function startMirror(tune: Readonly<Record<string, number>> = {}): Promise<number> {
  const server = await startHttpServer({
    answer: ({ url, body }, response) => void response.end(`${url}${body.toString()}`),
  })
  return startProxy(server.address, tune)
}

function get(target: string, headerLines = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n${headerLines}\r\n`
}

/** A GET whose head has so many bytes. */
function sized(bytes: number): string {
  const rest = get('/', 'X: \r\n').length
  return get('/', `X: ${'x'.repeat(bytes - rest)}\r\n`)
}

function chunked(body: string): string {
  return `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`
}

/** The status of the answer to a request on a connection of its own. */
async function statusTo(port: number, request: string): Promise<number> {
  const { text } = await rawExchange(port, request, { until: hasFinal })
  const final = readResponses(text).messages.find((message) => statusOf(message) >= 200)
  return final === undefined ? 0 : statusOf(final)
}

function hasFinal(text: string): boolean {
  return readResponses(text).messages.some((message) => statusOf(message) >= 200)
}

function isLast({ headers }: StrictMessage): boolean {
  return headers.some(([name, value]) => name === 'connection' && value === 'close')
}

describe('requests that are sent ahead', () => {
  it.each([
    [PIPELINED_MAX_DEFAULT, 5000, {}],
    [7, 50, { 'http.max-pipelined': 7 }],
  ])('are answered up to %i of %i, in order', async (most, sent, tune) => {
    const port = await startMirror(tune)
    const ahead = Array.from({ length: sent }, (_, n) => get(`/${n}`))
    const { text, ending } = await rawExchange(port, ahead.join(''))
    const { messages, rest, wrong } = readResponses(text)
    expect([rest, wrong, ending]).toEqual(['', null, 'ended'])
    expect(messages.map(({ body }) => body)).toEqual(
      Array.from({ length: most }, (_, n) => `/${n}`),
    )
    expect(messages.flatMap((message, n) => (isLast(message) ? [n] : []))).toEqual([most - 1])
  })

  it('are counted anew once the client was waited for', async () => {
    const port = await startMirror({ 'http.max-pipelined': 3 })
    const socket = await openSocket(port)
    for (let turn = 0; turn < 5; turn++) {
      socket.write(get('/').repeat(3))
      const { ending } = await readUntil(
        socket,
        (text) => readResponses(text).messages.length === 3,
      )
      expect(ending).toBe('open')
    }
  })
})

describe('what does not fit its bound is refused, and what does is passed on', () => {
  it('with the bounds of the config', async () => {
    const port = await startMirror(TUNE)
    const line = (bytes: number): string => get(`/${'x'.repeat(bytes - 'GET / HTTP/1.1'.length)}`)
    const headers = (count: number): string => get('/', 'A: b\r\n'.repeat(count - 1))
    const extensions = (bytes: number): string =>
      chunked(`1;${'a'.repeat(9)}\r\nx\r\n1;${'b'.repeat(bytes - 9)}\r\ny\r\n0\r\n\r\n`)
    // The empty line counts, as it does for a head.
    const trailers = (bytes: number): string => chunked(`0\r\nA: ${'b'.repeat(bytes - 7)}\r\n\r\n`)
    const edges = [
      ['request line', 414, line, TUNE['http.max-request-line']],
      ['head', 431, sized, TUNE.bufsize - TUNE.maxrewrite],
      ['number of headers', 431, headers, TUNE['http.maxhdr']],
      ['chunk extensions', 400, extensions, TUNE['http.max-chunk-ext']],
      ['trailers', 431, trailers, TUNE['http.max-trailers']],
    ] as const
    for (const [what, status, requestOf, most] of edges) {
      expect(await statusTo(port, requestOf(most)), `${what} of ${most}`).toBe(200)
      expect(await statusTo(port, requestOf(most + 1)), `${what} of ${most + 1}`).toBe(status)
    }
  })

  it('with those of HAProxy where the config sets none', async () => {
    const port = await startMirror()
    expect(await statusTo(port, sized(HEAD_BYTES_DEFAULT))).toBe(200)
    expect(await statusTo(port, sized(HEAD_BYTES_DEFAULT + 1))).toBe(431)
    expect(await statusTo(port, get('/', 'A: b\r\n'.repeat(100)))).toBe(200)
    expect(await statusTo(port, get('/', 'A: b\r\n'.repeat(101)))).toBe(431)
  })

  it('in responses, where the client is told of a bad gateway or cut off', async () => {
    const responses: Record<string, string> = {
      '/fits': `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${'A: b\r\n'.repeat(9)}\r\n`,
      '/headers': `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${'A: b\r\n'.repeat(10)}\r\n`,
      '/head': `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(8000)}\r\n\r\n`,
      '/extension': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(21)}\r\nx\r\n`,
      '/trailers': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ${'b'.repeat(1100)}\r\n\r\n`,
    }
    const server = await startTcpServer((socket) => {
      socket.on('data', (request) => {
        socket.write(responses[request.toString().split(' ')[1] ?? ''] ?? '')
      })
      socket.on('end', () => socket.end())
    })
    const port = await startProxy(server.address, TUNE)
    const statuses: Record<string, number> = {}
    for (const target of Object.keys(responses)) {
      statuses[target] = await statusTo(port, get(target))
    }
    // No whole response came of those whose head had been passed on.
    expect(statuses).toEqual({
      '/fits': 200,
      '/headers': 502,
      '/head': 502,
      '/extension': 0,
      '/trailers': 0,
    })
  })

  it('where rules make a head longer than a buffer', async () => {
    const server = await startHttpServer({
      answer: ({ url }, response) => {
        response.setHeader('X-Big', 'x'.repeat(Number(url.slice(1))))
        response.end()
      },
    })
    const port = await startProxy(
      server.address,
      {},
      {
        'http-request': [
          'set-header X-Copy %[req.hdr(x-big)]',
          'add-header X-Copy %[req.hdr(x-copy)] if { req.hdr(x-times) 4 }',
          'add-header X-Copy %[req.hdr(x-copy)] if { req.hdr(x-times) 4 }',
        ],
        'http-response': ['set-header X-Copy %[res.hdr(x-big)]'],
      },
    )
    const big = (bytes: number, lines = ''): string =>
      get('/1', `X-Big: ${'x'.repeat(bytes)}\r\n${lines}`)
    expect(await statusTo(port, big(7000))).toBe(200)
    expect(await statusTo(port, big(9000))).toBe(500)
    expect(await statusTo(port, big(9000, 'X-Times: 4\r\n'))).toBe(500)
    expect(await statusTo(port, get('/7000'))).toBe(200)
    expect(await statusTo(port, get('/9000'))).toBe(500)
  })
})

describe('a head that comes in small pieces', () => {
  it('is passed on as it came, in both directions', async () => {
    const lines = Array.from({ length: 90 }, (_, n) => `H${n}: ${'x'.repeat(100)}\r\n`).join('')
    const response = `HTTP/1.1 200 OK\r\n${lines}Content-Length: 2\r\n\r\nok`
    const request = get('/', lines)
    let received = ''
    const server = await startTcpServer((socket) => {
      socket.setNoDelay(true)
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1')
        if (received.length === request.length) void drip(response, (piece) => socket.write(piece))
      })
      socket.on('end', () => socket.end())
    })
    const port = await startProxy(server.address)
    const socket = await openSocket(port)
    socket.setNoDelay(true)
    const answer = readUntil(socket, hasFinal)
    await drip(request, (piece) => socket.write(piece))
    await until('the request', () => (received.length >= request.length ? true : undefined))
    expect(received).toBe(request)
    expect((await answer).text).toBe(response)
  })
})

/** Sends a text in pieces of a few bytes, each in its own turn of the event loop. */
async function drip(text: string, send: (piece: string) => void): Promise<void> {
  for (let at = 0; at < text.length; at += 3) {
    send(text.slice(at, at + 3))
    await new Promise(setImmediate)
  }
}
