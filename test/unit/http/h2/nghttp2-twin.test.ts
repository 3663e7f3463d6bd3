import http2 from 'node:http2'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { RecordedConnection, type RecordedStream } from './recorded-connection.ts'

const open: { destroy(): void }[] = []

afterEach(() => {
  for (const session of open.splice(0)) session.destroy()
})

/** The end of a connection that nghttp2 is given, with ours at the other. */
function wire(ours: RecordedConnection, cutBytes = Number.POSITIVE_INFINITY): Duplex {
  const end = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += cutBytes) {
        ours.receive(Buffer.from(chunk.subarray(at, at + cutBytes)))
      }
      flush()
      done()
    },
  })
  // Node.js does not bear an answer within the call that asks.
  function flush(): void {
    const bytes = ours.sent()
    if (bytes.length > 0) setImmediate(() => end.push(bytes))
  }
  return Object.assign(end, { flush })
}

function flush(end: Duplex): void {
  const { flush: send } = end as Duplex & { flush: () => void }
  send()
}

/** Waits until something holds that comes with the next events of nghttp2. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

/** A client of nghttp2's, with a server of ours. */
function client(cutBytes?: number): {
  ours: RecordedConnection
  session: http2.ClientHttp2Session
  end: Duplex
} {
  const ours = new RecordedConnection(true)
  const end = wire(ours, cutBytes)
  const session = http2.connect('http://sluice.test', { createConnection: () => end })
  open.push(session)
  flush(end)
  return { ours, session, end }
}

function listening(): { server: http2.Http2Server; ours: RecordedConnection; end: Duplex } {
  const server = http2.createServer()
  const ours = new RecordedConnection(false)
  const end = wire(ours)
  server.emit('connection', end)
  server.on('session', (session) => open.push(session))
  flush(end)
  return { server, ours, end }
}

const CUTS = [1, 7, Number.POSITIVE_INFINITY]

describe('a server, asked by nghttp2', () => {
  it.each(CUTS)('reads requests that come in parts of %s', async (cutBytes) => {
    const { ours, session, end } = client(cutBytes)
    const body = Buffer.alloc(150_000, 'abc')
    const request = session.request({
      ':method': 'POST',
      ':path': '/x?y',
      'x-a': 'b',
      cookie: ['c=1', 'd=2'],
      [http2.sensitiveHeaders]: ['x-a'],
    })
    request.write('first ')
    request.end('last')
    const large = session.request({ ':method': 'PUT', ':path': '/large' })
    large.end(body)
    await until(() => ours.streams.length === 2 && ours.streams[0]?.ending === 'end')
    expect(ours.streams[0]?.heads).toEqual([
      [
        ':method: POST',
        ':path: /x?y',
        ':authority: sluice.test:80',
        ':scheme: http',
        'x-a: b (secret)',
        'cookie: c=1 (secret)',
        'cookie: d=2 (secret)',
      ],
    ])
    expect(ours.streams[0]?.body.toString()).toBe('first last')
    // No more than a window comes until it is given back.
    const stream = ours.streams[1] as RecordedStream
    await until(() => stream.bodyBytes === 65_535)
    for (let used = 0; stream.ending === null; ) {
      const came = stream.bodyBytes
      ours.connection.use(stream.stream, came - used)
      used = came
      flush(end)
      await until(() => stream.bodyBytes > came || stream.ending !== null)
    }
    expect(stream.body.equals(body)).toBe(true)
    expect(ours.broken).toBeNull()
  })

  it('answers', async () => {
    const { ours, session, end } = client()
    const events: unknown[] = []
    for (const path of ['/0', '/1', '/2']) {
      const request = session.request({ ':path': path })
      request.on('headers', ({ ':status': status }) => events.push(`${path} ${status}`))
      request.on('response', ({ ':status': status, 'x-b': b }) =>
        events.push(`${path} ${status} ${b}`),
      )
      request.on('trailers', ({ 'x-t': t }) => events.push(`${path} trailer ${t}`))
      request.on('error', ({ code }: NodeJS.ErrnoException) => events.push(`${path} ${code}`))
      let length = 0
      request.on('data', (chunk: Buffer) => (length += chunk.length))
      request.on('end', () => events.push(`${path} ${length}`))
    }
    await until(() => ours.streams.length === 3)
    const [first, second, third] = ours.streams as [RecordedStream, RecordedStream, RecordedStream]
    ours.head(first.stream, { ':status': '103' }, false)
    ours.head(first.stream, { ':status': '200', 'x-b': '1' }, false)
    const body = Buffer.alloc(5)
    expect(ours.connection.sendData(first.stream, body, 0, 5, false)).toBe(5)
    ours.head(first.stream, { 'x-t': 'u' }, true)
    ours.head(second.stream, { ':status': '204', 'x-b': '1' }, true)
    ours.connection.reset(third.stream, 0x7)
    flush(end)
    await until(() => events.length === 7)
    expect(events.sort()).toEqual([
      '/0 103',
      '/0 200 1',
      '/0 5',
      '/0 trailer u',
      '/1 0',
      '/1 204 1',
      '/2 ERR_HTTP2_STREAM_ERROR',
    ])
    expect(ours.connection.openStreams).toBe(0)
  })

  it('sends within the windows, all streams in turn', async () => {
    const { ours, session, end } = client()
    const bodies = [Buffer.alloc(300_000, 'x'), Buffer.alloc(300_000, 'y')]
    const got = bodies.map(() => 0)
    for (const n of bodies.keys()) {
      const request = session.request({ ':path': `/${n}` })
      request.on('data', (chunk: Buffer) => {
        got[n] = (got[n] as number) + chunk.length
      })
    }
    await until(() => ours.streams.length === 2)
    const sent = [0, 0]
    const send = (n: number): void => {
      const { stream } = ours.streams[n] as RecordedStream
      const body = bodies[n] as Buffer
      sent[n] =
        (sent[n] as number) +
        ours.connection.sendData(stream, body, sent[n] as number, body.length, true)
    }
    for (const [n, recorded] of ours.streams.entries()) {
      ours.head(recorded.stream, { ':status': '200' }, false)
      recorded.onWritable = () => send(n)
      send(n)
    }
    expect(sent[0]).toBe(65_535)
    expect(sent[1]).toBe(0)
    flush(end)
    await until(() => {
      ours.connection.resume()
      flush(end)
      return got.every((length) => length === 300_000)
    })
    expect(ours.broken).toBeNull()
  })

  it('writes heads longer than a frame', async () => {
    const { ours, session, end } = client()
    const request = session.request({ ':path': '/' })
    let got: http2.IncomingHttpHeaders | null = null
    request.on('response', (headers) => {
      got = headers
    })
    await until(() => ours.streams.length === 1)
    const { stream } = ours.streams[0] as RecordedStream
    const long = '~'.repeat(15_000)
    ours.head(stream, { ':status': '200', 'x-a': long, 'x-b': long, 'x-c': long }, true)
    flush(end)
    await until(() => got !== null)
    expect(got).toMatchObject({ 'x-a': long, 'x-b': long, 'x-c': long })
  })

  it('leaves without losing a request', async () => {
    const { ours, session, end } = client()
    const request = session.request({ ':path': '/' })
    let status = 0
    request.on('response', (headers) => {
      status = headers[':status'] ?? 0
    })
    await until(() => ours.streams.length === 1)
    let goaway = -1
    session.on('goaway', (code) => {
      goaway = code
    })
    ours.connection.leave()
    flush(end)
    await until(() => goaway >= 0)
    ours.head((ours.streams[0] as RecordedStream).stream, { ':status': '200' }, true)
    flush(end)
    await until(() => status === 200)
    expect(goaway).toBe(0)
  })
})

describe('a client of nghttp2', () => {
  it('asks and reads', async () => {
    const { server, ours, end } = listening()
    const asked: string[] = []
    server.on('stream', (stream, headers) => {
      asked.push(`${headers[':method']} ${headers[':path']}`)
      let body = ''
      stream.on('data', (chunk: Buffer) => (body += chunk.toString()))
      stream.on('end', () => {
        stream.additionalHeaders({ ':status': 103, link: '</x>' })
        stream.respond({ ':status': 200, 'x-body': body }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-t': '1' }))
        stream.end('answer')
      })
    })
    for (const path of ['/a', '/b']) {
      const { stream } = ours.open()
      ours.head(
        stream,
        { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'a' },
        false,
      )
      ours.connection.sendData(stream, Buffer.from('hello'), 0, 5, true)
    }
    flush(end)
    await until(() => ours.streams.every(({ ending }) => ending === 'end'))
    expect(asked).toEqual(['POST /a', 'POST /b'])
    for (const { heads, body } of ours.streams) {
      expect(heads.map(([status]) => status)).toEqual([':status: 103', ':status: 200', 'x-t: 1'])
      expect(heads[1]).toContain('x-body: hello')
      expect(body.toString()).toBe('answer')
    }
    expect(ours.connection.openStreams).toBe(0)
  })

  it('is told which requests were not looked at', async () => {
    const { server, ours, end } = listening()
    server.on('stream', (stream) => {
      stream.session?.goaway(0, stream.id)
    })
    const first = ours.open()
    ours.head(
      first.stream,
      { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'a' },
      true,
    )
    flush(end)
    await until(() => ours.goaway === 0)
    expect(ours.connection.canOpen).toBe(false)
    expect(first.ending).toBeNull()
  })
})
