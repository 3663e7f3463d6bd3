import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { FLAG, FRAME, H2_ERROR, SETTING } from '../../src/http/h2/frames/frame-types.ts'
import { Frames, type PlainFrame } from '../unit/http/h2/plain-frames.ts'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { askH2, openH2 } from './support/h2-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { residentBytes, watchMemory } from './support/memory.ts'
import { freePort } from './support/ports.ts'
import { openSocket } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

const MIB = 1_048_576
/** What a flood may cost the daemon in memory, a heap that has grown for other reasons included. */
const GROWTH_BYTES_MAX = 40 * MIB
/**
 * What a flood sends: the bounds of `glitches-threshold`, and of windows that grow, are 1000 frames
 * each, and 20 more a second.
 */
const ROUNDS = 4_000
/** Frames that are written at once. */
const ROUNDS_AT_ONCE = 100
/** What a client that does not read sends at most, and what of it is taken at most. */
const UNREAD_BYTES = 256 * MIB
const TAKEN_BYTES_MAX = 64 * MIB
/** Streams beyond `max-concurrent-streams`. */
const HALF_OPEN = 1000

const WHOLE = FLAG.endHeaders
const LAST = FLAG.endHeaders | FLAG.endStream
const EMPTY = Buffer.alloc(0)

/** Frames of one round of a flood. */
type Round = (n: number) => readonly Buffer[]

const id = (n: number): number => 2 * n + 1

const request = (path: string): Buffer =>
  Frames.block({ ':method': 'GET', ':scheme': 'http', ':path': path, ':authority': 'a' })
const NEVER = request('/never')
const SERVED = request('/')

/** A connection whose frames are written by hand. */
class RawH2 {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  isOver = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('close', () => {
      this.isOver = true
    })
    socket.on('end', () => {
      this.isOver = true
    })
    socket.write(Frames.hello)
  }

  /** Takes what comes. */
  read(): this {
    this.socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk)).resume()
    return this
  }

  get received(): PlainFrame[] {
    const bytes = Buffer.concat(this.#chunks)
    let whole = 0
    while (whole + 9 <= bytes.length) {
      const next = whole + 9 + bytes.readUIntBE(whole, 3)
      if (next > bytes.length) break
      whole = next
    }
    return Frames.read(bytes.subarray(0, whole))
  }

  /** Code of its GOAWAY, once there is one. */
  get goaway(): number | undefined {
    return this.received.find(({ type }) => type === 'goaway')?.payload.readUInt32BE(4)
  }

  /** Codes of RST_STREAM so far. */
  get resets(): number[] {
    return this.received
      .filter(({ type }) => type === 'rstStream')
      .map(({ payload }) => payload.readUInt32BE(0))
  }

  /** Sends all rounds, unless the connection ends before. */
  async flood(round: Round): Promise<void> {
    for (let n = 0; n < ROUNDS && !this.isOver; n += ROUNDS_AT_ONCE) {
      const rounds = Array.from({ length: ROUNDS_AT_ONCE }, (_, k) => round(n + k)).flat()
      await new Promise<void>((resolve) =>
        this.socket.write(Buffer.concat(rounds), () => resolve()),
      )
    }
  }
}

async function openRaw(port: number): Promise<RawH2> {
  return new RawH2(await openSocket(port, true))
}

async function start(
  tune: Readonly<Record<string, number>> = {},
): Promise<{ daemon: Daemon; port: number }> {
  const large = Buffer.alloc(MIB, 'x')
  const server = await startHttpServer({
    answer: ({ url }, response) => {
      if (url === '/large') response.end(large)
      else if (url !== '/never') response.end('served')
    },
  })
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1, tune },
      defaults: { mode: 'http', timeout: { 'client': '2s', 'http-request': '2s' } },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  return { daemon, port }
}

/** Asks one request after the other on a connection of its own. @returns what ends it */
async function serveMeanwhile(port: number): Promise<() => Promise<void>> {
  const session = await openH2(port)
  const ask = async (): Promise<void> => {
    const { status, body } = await askH2(session, { ':path': '/' })
    expect(`${status} ${body}`).toBe('200 served')
  }
  await ask()
  let isOver = false
  const asking = (async () => {
    while (!isOver) await ask()
  })()
  return async () => {
    isOver = true
    await asking
    await ask()
  }
}

/** What is true of the daemon whatever is done to it. */
async function withstands(
  daemon: Daemon,
  port: number,
  attack: () => Promise<void>,
): Promise<void> {
  const endMeanwhile = await serveMeanwhile(port)
  const before = residentBytes(daemon.pid)
  const most = watchMemory(daemon.pid)
  await attack()
  await endMeanwhile()
  expect(most() - before).toBeLessThan(GROWTH_BYTES_MAX)
  expect(daemon.log.filter(({ event }) => event?.startsWith('worker-'))).toEqual([])
}

/** Floods that end the connection, and the error that they end it with. */
const FLOODS: readonly (readonly [what: string, code: number, round: Round])[] = [
  [
    'requests reset at once (CVE-2023-44487)',
    H2_ERROR.enhanceYourCalm,
    (n) => [Frames.headers(id(n), LAST, NEVER), Frames.rst(id(n), H2_ERROR.cancel)],
  ],
  [
    'requests that have a window grow by nothing (CVE-2025-8671)',
    H2_ERROR.enhanceYourCalm,
    (n) => [Frames.headers(id(n), LAST, NEVER), Frames.windowUpdate(id(n), 0)],
  ],
  [
    'requests that have a window grow too large',
    H2_ERROR.enhanceYourCalm,
    (n) => [Frames.headers(id(n), LAST, NEVER), Frames.windowUpdate(id(n), 0x7fff_ffff)],
  ],
  [
    'requests with content behind their end',
    H2_ERROR.enhanceYourCalm,
    (n) => [Frames.headers(id(n), LAST, NEVER), Frames.data(id(n), 0, 'x')],
  ],
  [
    'malformed requests',
    H2_ERROR.enhanceYourCalm,
    (n) => [Frames.headers(id(n), LAST, Frames.block({ ':method': 'GET' }))],
  ],
  ['SETTINGS', H2_ERROR.enhanceYourCalm, () => [Frames.settings()]],
  ['PING', H2_ERROR.enhanceYourCalm, () => [Frames.ping()]],
  [
    'empty DATA',
    H2_ERROR.enhanceYourCalm,
    (n) => (n === 0 ? [Frames.headers(1, WHOLE, NEVER)] : [Frames.data(1, 0, EMPTY)]),
  ],
  [
    'DATA of nothing but padding',
    H2_ERROR.enhanceYourCalm,
    (n) =>
      n === 0 ? [Frames.headers(1, WHOLE, NEVER)] : [Frames.data(1, FLAG.padded, Buffer.alloc(1))],
  ],
  [
    'ends of a stream that was reset',
    H2_ERROR.streamClosed,
    (n) =>
      n === 0
        ? [Frames.headers(1, WHOLE, NEVER), Frames.windowUpdate(1, 0)]
        : [Frames.data(1, FLAG.endStream, EMPTY)],
  ],
  ['WINDOW_UPDATE', H2_ERROR.enhanceYourCalm, () => [Frames.windowUpdate(0, 1)]],
  ['windows without end', H2_ERROR.flowControl, () => [Frames.windowUpdate(0, 0x7fff_ffff)]],
  [
    'PRIORITY',
    H2_ERROR.enhanceYourCalm,
    (n) => [Frames.raw(FRAME.priority, 0, id(n), Buffer.alloc(5))],
  ],
  [
    'CONTINUATION (CVE-2024-27316)',
    H2_ERROR.enhanceYourCalm,
    (n) =>
      n === 0
        ? [Frames.headers(1, FLAG.endStream, EMPTY)]
        : [Frames.raw(FRAME.continuation, 0, 1, Frames.block({ [`x-${n}`]: 'y' }))],
  ],
  [
    'half-open streams, far beyond how many there may be',
    H2_ERROR.enhanceYourCalm,
    (n) => [Frames.headers(id(n), WHOLE, NEVER)],
  ],
]

it('floods end their connection, and others are served meanwhile', async () => {
  const { daemon, port } = await start()
  await withstands(daemon, port, async () => {
    for (const [what, code, round] of FLOODS) {
      const client = (await openRaw(port)).read()
      await client.flood(round)
      await until(`the end of ${what}`, () => client.isOver || undefined)
      expect.soft(client.goaway, what).toBe(code)
    }
  })
})

it('streams beyond how many there may be are refused', async () => {
  const { daemon, port } = await start({ 'h2.fe.glitches-threshold': 2 * HALF_OPEN })
  await withstands(daemon, port, async () => {
    const client = (await openRaw(port)).read()
    const streams = Array.from({ length: 100 + HALF_OPEN }, (_, n) =>
      Frames.headers(id(n), WHOLE, NEVER),
    )
    client.socket.write(Buffer.concat(streams))
    const isRefused = (code: number): boolean => code === H2_ERROR.refusedStream
    await until(
      'the refusals',
      () => client.resets.filter(isRefused).length >= HALF_OPEN || undefined,
    )
    expect(client.resets.filter(isRefused)).toHaveLength(HALF_OPEN)
    expect(client.goaway).toBeUndefined()
  })
})

it('a small block that would be a very large head is answered with 431', async () => {
  const { daemon, port } = await start()
  await withstands(daemon, port, async () => {
    const client = (await openRaw(port)).read()
    // A literal that fills the table, with indexing: RFC 7541 section 6.2.1. 62 is its index then.
    const value = 4000
    const long = Buffer.from([
      0x40,
      1,
      0x78,
      0x7f,
      ((value - 127) & 0x7f) | 0x80,
      (value - 127) >> 7,
    ])
    const bomb = Buffer.concat([SERVED, long, Buffer.alloc(value, 'x'), Buffer.alloc(10_000, 0xbe)])
    const requests = 90
    for (let n = 0; n < requests; n++) client.socket.write(Frames.headers(id(n), LAST, bomb))
    const answers = (): PlainFrame[] => client.received.filter(({ type }) => type === 'headers')
    await until('the answers', () => answers().length === requests || undefined)
    client.socket.write(Frames.headers(id(requests), LAST, SERVED))
    await until('what is behind them', () => {
      return client.received.some(({ payload }) => payload.toString() === 'served') || undefined
    })
    const bodies = client.received
      .filter(({ type }) => type === 'data')
      .map(({ payload }) => payload)
    expect(bodies.filter((body) => body.includes('431'))).toHaveLength(requests)
  })
})

it('a window that stays shut ends the stream by timeout client', async () => {
  const { daemon, port } = await start()
  await withstands(daemon, port, async () => {
    const client = (await openRaw(port)).read()
    client.socket.write(Frames.settings([SETTING.initialWindowSize, 0]))
    const streams = 50
    const large = request('/large')
    for (let n = 0; n < streams; n++) client.socket.write(Frames.headers(id(n), LAST, large))
    await until('the streams to be reset', () => client.resets.length === streams || undefined)
    expect(new Set(client.resets)).toEqual(new Set([H2_ERROR.cancel]))
    expect(client.received.filter(({ type }) => type === 'data')).toEqual([])
  })
})

it('a head that never comes further ends the connection by timeout http-request', async () => {
  const { daemon, port } = await start()
  await withstands(daemon, port, async () => {
    const client = (await openRaw(port)).read()
    client.socket.write(Frames.headers(1, 0, EMPTY))
    await until('the end', () => client.isOver || undefined)
  })
})

it.each([
  ['PING', Frames.ping()],
  ['SETTINGS', Frames.settings()],
])('a client that does not take the answers to its %s is not read', async (_, frame) => {
  const { daemon, port } = await start({ 'h2.fe.glitches-threshold': 1_000_000 })
  await withstands(daemon, port, async () => {
    const client = await openRaw(port)
    const { socket } = client
    const many = Buffer.concat(Array.from({ length: 4096 }, () => frame))
    const isGone = (): true | undefined => socket.destroyed || undefined
    while (socket.bytesWritten < UNREAD_BYTES && isGone() === undefined) {
      const isTaken = await Promise.race([
        new Promise<boolean>((resolve) => socket.write(many, () => resolve(true))),
        until('the end', isGone).then(() => false),
      ])
      if (!isTaken) break
    }
    expect(isGone()).toBe(true)
    expect(socket.bytesWritten).toBeLessThan(TAKEN_BYTES_MAX)
  })
})
