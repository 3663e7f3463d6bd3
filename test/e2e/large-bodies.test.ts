import { once } from 'node:events'
import { createServer, get, type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { residentBytes, watchMemory } from './support/memory.ts'
import { freePort } from './support/ports.ts'
import { startProxy } from './support/proxy.ts'
import { requires } from './support/requirements.ts'
import { drain, pour, type TalliedSource, type Tally } from './support/source.ts'
import { untilSteady } from './support/waiting.ts'

const MIB = 1024 * 1024
const BODY_BYTES = 1024 * MIB
/** Before the measurement: buffers and compiled code are there afterwards. */
const WARM_UP_BYTES = 128 * MIB
/** What the daemon may grow by while a body passes through. */
const GROWTH_BYTES_MAX = 32 * MIB
/** What is under way when nobody reads: the buffers of the kernel for two connections, and ours. */
const UNDER_WAY_BYTES_MAX = BODY_BYTES / 8

type Framing = 'length' | 'chunked'
const FRAMINGS: readonly Framing[] = ['length', 'chunked']

/** A proxy before a server that sends `/FRAMING/BYTES` and tells what it was sent. */
interface Site {
  readonly port: number
  readonly pid: number
  /** What the server sends, or has sent last. */
  readonly sent: () => TalliedSource
  /** Lets the server read the bodies that it left unread: those sent to `/unread`. */
  readonly letRead: () => void
}

async function startSite(): Promise<Site> {
  let sent: TalliedSource
  const unread: (() => void)[] = []
  const server = createServer({ requestTimeout: 0 }, (incoming, response) => {
    const [, kind, bytes] = incoming.url?.split('/') ?? []
    if (incoming.method === 'GET') {
      if (kind === 'length') response.setHeader('Content-Length', Number(bytes))
      sent = pour(response, Number(bytes))
      return
    }
    const read = async (): Promise<void> => {
      response.end(JSON.stringify(await drain(incoming)))
    }
    // A body that is cut shows in the answer that its sender misses.
    if (kind === 'unread') unread.push(() => void read().catch(() => {}))
    else void read().catch(() => {})
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  const proxy = await startProxy(`127.0.0.1:${port}`)
  return {
    port: proxy.port,
    pid: proxy.daemon.pid,
    sent: () => sent,
    letRead: () => {
      for (const read of unread) read()
    },
  }
}

/** Asks for a body; resolves before it is read. */
async function openDownload(
  port: number,
  framing: Framing,
  bytes: number,
): Promise<IncomingMessage> {
  const asked = get({ port, host: '127.0.0.1', path: `/${framing}/${bytes}`, agent: false })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(200)
  return response
}

/** An upload that has begun. */
interface Upload {
  readonly source: TalliedSource
  /** What the server says that it received. */
  readonly received: Promise<Tally>
}

function startUpload(port: number, framing: Framing, bytes: number, path = '/read'): Upload {
  const headers = framing === 'length' ? { 'Content-Length': bytes } : {}
  const upload = request({
    ...{ port, host: '127.0.0.1', path, method: 'PUT', headers, agent: false },
  })
  const received = once(upload, 'response').then(([response]) =>
    json(response as IncomingMessage),
  ) as Promise<Tally>
  // That it was cut is for whoever waits for the answer.
  upload.on('error', () => {})
  received.catch(() => {})
  return { source: pour(upload, bytes), received }
}

beforeEach(requires('linux'))

describe.each(FRAMINGS)('1 GB, framed by %s,', (framing) => {
  it('waits at its server while its client does not read, and is then downloaded', async () => {
    const { port, pid, sent } = await startSite()
    await drain(await openDownload(port, framing, WARM_UP_BYTES))
    const beforeBytes = residentBytes(pid)
    const mostBytes = watchMemory(pid)
    const response = await openDownload(port, framing, BODY_BYTES)
    const source = sent()
    expect(await untilSteady('the server', source.written)).toBeLessThan(UNDER_WAY_BYTES_MAX)
    expect(mostBytes() - beforeBytes).toBeLessThan(GROWTH_BYTES_MAX)
    const received = await drain(response)
    expect(received).toEqual({ bytes: BODY_BYTES, checksum: source.tally().checksum })
    expect(mostBytes() - beforeBytes).toBeLessThan(GROWTH_BYTES_MAX)
  })

  it('waits at its client while its server does not read, and is then uploaded', async () => {
    const { port, pid, letRead } = await startSite()
    await startUpload(port, framing, WARM_UP_BYTES).received
    const beforeBytes = residentBytes(pid)
    const mostBytes = watchMemory(pid)
    const { source, received } = startUpload(port, framing, BODY_BYTES, '/unread')
    expect(await untilSteady('the client', source.written)).toBeLessThan(UNDER_WAY_BYTES_MAX)
    expect(mostBytes() - beforeBytes).toBeLessThan(GROWTH_BYTES_MAX)
    letRead()
    const tally = await received
    expect(tally).toEqual({ bytes: BODY_BYTES, checksum: source.tally().checksum })
    expect(mostBytes() - beforeBytes).toBeLessThan(GROWTH_BYTES_MAX)
  })
})
