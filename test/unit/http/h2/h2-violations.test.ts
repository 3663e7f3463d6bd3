import { describe, expect, it } from 'vitest'
import {
  FLAG,
  FRAME,
  H2_ERROR,
  PREFACE,
  SETTING,
} from '../../../../src/http/h2/frames/frame-types.ts'
import { Frames, REQUEST } from './plain-frames.ts'
import { RecordedConnection, type RecordedStream } from './recorded-connection.ts'

const { words } = Frames
const EMPTY = Buffer.alloc(0)
const WHOLE = FLAG.endHeaders
const LAST = FLAG.endHeaders | FLAG.endStream
const GET = Frames.block(REQUEST)

const ERROR_NAMES = new Map<number, string>(
  Object.entries(H2_ERROR).map(([name, code]) => [code, name]),
)

/** What a server makes of frames after the settings: how it broke, and which streams it reset. */
function verdictOf(server: RecordedConnection): string {
  const resets = server
    .sentFrames()
    .filter(({ type }) => type === 'rstStream')
    .map(({ id, payload }) => `stream ${id}: ${ERROR_NAMES.get(payload.readUInt32BE(0))}`)
  const broken =
    server.brokenCode === null ? [] : [`connection: ${ERROR_NAMES.get(server.brokenCode)}`]
  return [...resets, ...broken].join(', ') || 'fine'
}

function serverVerdict(frames: readonly Buffer[]): string {
  return verdictOf(new RecordedConnection(true).receive(Frames.hello, ...frames))
}

type Row = readonly [section: string, what: string, frames: readonly Buffer[], verdict: string]

/** Padding: the length of it, what it pads, and the padding itself. */
function padded(length: number, content: Buffer, padding = length): Buffer {
  return Buffer.concat([Buffer.of(length), content, Buffer.alloc(padding)])
}

const SERVER: readonly Row[] = [
  ['4.1', 'a frame of unknown type', [Frames.raw(0xfe, 0xff, 0, Buffer.alloc(5))], 'fine'],
  ['4.1', 'flags without meaning', [Frames.raw(FRAME.ping, 0xfe, 0, Buffer.alloc(8))], 'fine'],
  ['4.1', 'the reserved bit', [Frames.raw(FRAME.ping, 0, 0x8000_0000, Buffer.alloc(8))], 'fine'],
  [
    '4.2',
    'the longest DATA',
    [Frames.headers(1, WHOLE), Frames.data(1, 0, Buffer.alloc(16_384))],
    'fine',
  ],
  [
    '4.2',
    'DATA too long',
    [Frames.headers(1, WHOLE), Frames.data(1, 0, Buffer.alloc(16_385))],
    'connection: frameSize',
  ],
  [
    '4.2',
    'HEADERS too long',
    [Frames.headers(1, LAST, Buffer.alloc(16_385))],
    'connection: frameSize',
  ],
  [
    '4.3',
    'a header block that is none',
    [Frames.headers(1, LAST, Buffer.of(0x80))],
    'connection: compression',
  ],
  [
    '4.3',
    'a header block that is cut off',
    [Frames.headers(1, LAST, GET.subarray(0, -1))],
    'connection: compression',
  ],
  [
    '4.3',
    'PRIORITY within a header block',
    [Frames.headers(1, 0), Frames.raw(FRAME.priority, 0, 1, Buffer.alloc(5))],
    'connection: protocol',
  ],
  [
    '4.3',
    'HEADERS within a header block',
    [Frames.headers(1, 0), Frames.headers(3, LAST)],
    'connection: protocol',
  ],
  [
    '4.3',
    'DATA within a header block',
    [Frames.headers(1, 0), Frames.data(1, 0, 'a')],
    'connection: protocol',
  ],
  [
    '4.3',
    'an unknown frame within a header block',
    [Frames.headers(1, 0), Frames.raw(0xfe, 0, 1, EMPTY)],
    'connection: protocol',
  ],
  ['5.1', 'DATA on an idle stream', [Frames.data(1, FLAG.endStream, 'a')], 'connection: protocol'],
  ['5.1', 'RST_STREAM on an idle stream', [Frames.rst(1, 8)], 'connection: protocol'],
  ['5.1', 'WINDOW_UPDATE on an idle stream', [Frames.windowUpdate(1, 100)], 'connection: protocol'],
  [
    '5.1',
    'CONTINUATION on an idle stream',
    [Frames.raw(FRAME.continuation, WHOLE, 1, GET)],
    'connection: protocol',
  ],
  [
    '5.1',
    'PRIORITY on an idle stream',
    [Frames.raw(FRAME.priority, 0, 1, Buffer.alloc(5))],
    'fine',
  ],
  [
    '5.1',
    'DATA where the client has ended',
    [Frames.headers(1, LAST), Frames.data(1, 0, 'a')],
    'stream 1: streamClosed',
  ],
  [
    '5.1',
    'HEADERS where the client has ended',
    [Frames.headers(1, LAST), Frames.headers(1, LAST)],
    'stream 1: streamClosed',
  ],
  [
    '5.1',
    'CONTINUATION where the client has ended',
    [Frames.headers(1, LAST), Frames.raw(FRAME.continuation, WHOLE, 1, GET)],
    'connection: protocol',
  ],
  [
    '5.1',
    'WINDOW_UPDATE where the client has ended',
    [Frames.headers(1, LAST), Frames.windowUpdate(1, 100)],
    'fine',
  ],
  [
    '5.1',
    'DATA after RST_STREAM',
    [Frames.headers(1, WHOLE), Frames.rst(1, 8), Frames.data(1, FLAG.endStream, 'a')],
    'connection: streamClosed',
  ],
  [
    '5.1',
    'HEADERS after RST_STREAM',
    [Frames.headers(1, WHOLE), Frames.rst(1, 8), Frames.headers(1, LAST)],
    'connection: streamClosed',
  ],
  [
    '5.1',
    'RST_STREAM, WINDOW_UPDATE and PRIORITY after RST_STREAM',
    [
      Frames.headers(1, WHOLE),
      Frames.rst(1, 8),
      Frames.rst(1, 8),
      Frames.windowUpdate(1, 1),
      Frames.raw(FRAME.priority, 0, 1, Buffer.alloc(5)),
    ],
    'fine',
  ],
  ['5.1.1', 'a stream of an even id', [Frames.headers(2, LAST)], 'connection: protocol'],
  [
    '5.1.1',
    'a stream of a lower id than before',
    [Frames.headers(5, LAST), Frames.headers(3, LAST)],
    'connection: protocol',
  ],
  [
    '5.3.1',
    'HEADERS that depend on themselves',
    [
      Frames.raw(
        FRAME.headers,
        LAST | FLAG.priority,
        1,
        Buffer.concat([words(1), Buffer.of(16), GET]),
      ),
    ],
    'connection: protocol',
  ],
  [
    '5.3.1',
    'PRIORITY that depends on itself',
    [Frames.raw(FRAME.priority, 0, 1, Buffer.concat([words(0x8000_0001), Buffer.of(16)]))],
    'connection: protocol',
  ],
  [
    '5.5',
    'HEADERS with priority',
    [
      Frames.raw(
        FRAME.headers,
        LAST | FLAG.priority,
        1,
        Buffer.concat([words(0), Buffer.of(16), GET]),
      ),
    ],
    'fine',
  ],
  ['6.1', 'DATA on stream 0', [Frames.data(0, 0, 'a')], 'connection: protocol'],
  [
    '6.1',
    'padded DATA',
    [
      Frames.headers(1, WHOLE),
      Frames.raw(FRAME.data, FLAG.padded, 1, padded(5, Buffer.from('ab'))),
    ],
    'fine',
  ],
  [
    '6.1',
    'DATA that is all padding',
    [Frames.headers(1, WHOLE), Frames.raw(FRAME.data, FLAG.padded, 1, padded(5, EMPTY))],
    'fine',
  ],
  [
    '6.1',
    'DATA with padding longer than it',
    [Frames.headers(1, WHOLE), Frames.raw(FRAME.data, FLAG.padded, 1, padded(6, EMPTY, 5))],
    'connection: protocol',
  ],
  [
    '6.1',
    'padded DATA without a byte',
    [Frames.headers(1, WHOLE), Frames.raw(FRAME.data, FLAG.padded, 1, EMPTY)],
    'connection: protocol',
  ],
  ['6.2', 'HEADERS on stream 0', [Frames.headers(0, LAST)], 'connection: protocol'],
  [
    '6.2',
    'padded HEADERS',
    [Frames.raw(FRAME.headers, LAST | FLAG.padded, 1, padded(5, GET))],
    'fine',
  ],
  [
    '6.2',
    'HEADERS with padding longer than they are',
    [Frames.raw(FRAME.headers, LAST | FLAG.padded, 1, padded(200, GET, 5))],
    'connection: protocol',
  ],
  [
    '6.2',
    'padded HEADERS without a byte',
    [Frames.raw(FRAME.headers, LAST | FLAG.padded, 1, EMPTY)],
    'connection: frameSize',
  ],
  [
    '6.2',
    'HEADERS too short for their priority',
    [Frames.raw(FRAME.headers, LAST | FLAG.priority, 1, Buffer.alloc(4))],
    'connection: frameSize',
  ],
  [
    '6.3',
    'PRIORITY on stream 0',
    [Frames.raw(FRAME.priority, 0, 0, Buffer.alloc(5))],
    'connection: protocol',
  ],
  [
    '6.3',
    'PRIORITY of four bytes',
    [Frames.raw(FRAME.priority, 0, 1, Buffer.alloc(4))],
    'connection: frameSize',
  ],
  ['6.4', 'RST_STREAM on stream 0', [Frames.rst(0, 8)], 'connection: protocol'],
  [
    '6.4',
    'RST_STREAM of three bytes',
    [Frames.headers(1, WHOLE), Frames.raw(FRAME.rstStream, 0, 1, Buffer.alloc(3))],
    'connection: frameSize',
  ],
  [
    '6.5',
    'SETTINGS on a stream',
    [Frames.raw(FRAME.settings, 0, 1, EMPTY)],
    'connection: protocol',
  ],
  [
    '6.5',
    'SETTINGS that end within one',
    [Frames.raw(FRAME.settings, 0, 0, Buffer.alloc(5))],
    'connection: frameSize',
  ],
  [
    '6.5',
    'an acknowledgement with content',
    [Frames.raw(FRAME.settings, FLAG.ack, 0, Buffer.alloc(6))],
    'connection: frameSize',
  ],
  ['6.5.2', 'ENABLE_PUSH of 2', [Frames.settings([SETTING.enablePush, 2])], 'connection: protocol'],
  ['6.5.2', 'ENABLE_PUSH of 1 by a client', [Frames.settings([SETTING.enablePush, 1])], 'fine'],
  [
    '6.5.2',
    'INITIAL_WINDOW_SIZE of 2^31',
    [Frames.settings([SETTING.initialWindowSize, 2 ** 31])],
    'connection: flowControl',
  ],
  [
    '6.5.2',
    'MAX_FRAME_SIZE below 2^14',
    [Frames.settings([SETTING.maxFrameSize, 16_383])],
    'connection: protocol',
  ],
  [
    '6.5.2',
    'MAX_FRAME_SIZE of 2^24',
    [Frames.settings([SETTING.maxFrameSize, 2 ** 24])],
    'connection: protocol',
  ],
  ['6.5.2', 'an unknown setting', [Frames.settings([0xff, 1])], 'fine'],
  [
    '6.6',
    'PUSH_PROMISE by a client',
    [
      Frames.headers(1, WHOLE),
      Frames.raw(FRAME.pushPromise, WHOLE, 1, Buffer.concat([words(2), GET])),
    ],
    'connection: protocol',
  ],
  [
    '6.7',
    'PING on a stream',
    [Frames.raw(FRAME.ping, 0, 1, Buffer.alloc(8))],
    'connection: protocol',
  ],
  [
    '6.7',
    'PING of six bytes',
    [Frames.raw(FRAME.ping, 0, 0, Buffer.alloc(6))],
    'connection: frameSize',
  ],
  [
    '6.8',
    'GOAWAY on a stream',
    [Frames.raw(FRAME.goaway, 0, 1, words(0, 0))],
    'connection: protocol',
  ],
  [
    '6.8',
    'GOAWAY of four bytes',
    [Frames.raw(FRAME.goaway, 0, 0, words(0))],
    'connection: frameSize',
  ],
  ['6.9', 'WINDOW_UPDATE of nothing', [Frames.windowUpdate(0, 0)], 'connection: protocol'],
  [
    '6.9',
    'WINDOW_UPDATE of nothing on a stream',
    [Frames.headers(1, WHOLE), Frames.windowUpdate(1, 0)],
    'stream 1: protocol',
  ],
  [
    '6.9',
    'WINDOW_UPDATE of three bytes',
    [Frames.raw(FRAME.windowUpdate, 0, 0, Buffer.alloc(3))],
    'connection: frameSize',
  ],
  [
    '6.9.1',
    'a window above 2^31-1',
    [Frames.windowUpdate(0, 0x7fff_ffff), Frames.windowUpdate(0, 1)],
    'connection: flowControl',
  ],
  [
    '6.9.1',
    'a window of a stream above 2^31-1',
    [Frames.headers(1, WHOLE), Frames.windowUpdate(1, 0x7fff_ffff)],
    'stream 1: flowControl',
  ],
  [
    '6.9.2',
    'settings that make a window too large',
    [
      Frames.headers(1, WHOLE),
      Frames.windowUpdate(1, 0x7fff_0000),
      Frames.settings([SETTING.initialWindowSize, 65_536 * 2]),
    ],
    'connection: flowControl',
  ],
  [
    '6.10',
    'CONTINUATION without HEADERS',
    [Frames.raw(FRAME.continuation, WHOLE, 1, EMPTY)],
    'connection: protocol',
  ],
  [
    '6.10',
    'CONTINUATION after the block',
    [Frames.headers(1, LAST), Frames.raw(FRAME.continuation, WHOLE, 1, EMPTY)],
    'connection: protocol',
  ],
  [
    '6.10',
    'CONTINUATION on another stream',
    [Frames.headers(1, 0), Frames.raw(FRAME.continuation, WHOLE, 3, EMPTY)],
    'connection: protocol',
  ],
  [
    '6.10',
    'CONTINUATION on stream 0',
    [Frames.headers(1, 0), Frames.raw(FRAME.continuation, WHOLE, 0, EMPTY)],
    'connection: protocol',
  ],
  [
    '6.10',
    'a block in several frames',
    [
      Frames.headers(1, FLAG.endStream, GET.subarray(0, 1)),
      Frames.raw(FRAME.continuation, 0, 1, GET.subarray(1, 3)),
      Frames.raw(FRAME.continuation, WHOLE, 1, GET.subarray(3)),
    ],
    'fine',
  ],
  [
    '9218 7.1',
    'PRIORITY_UPDATE',
    [Frames.raw(FRAME.priorityUpdate, 0, 0, Buffer.concat([words(1), Buffer.from('u=1')]))],
    'fine',
  ],
  [
    '9218 7.1',
    'PRIORITY_UPDATE on a stream',
    [Frames.raw(FRAME.priorityUpdate, 0, 1, words(1))],
    'connection: protocol',
  ],
  [
    '9218 7.1',
    'PRIORITY_UPDATE of three bytes',
    [Frames.raw(FRAME.priorityUpdate, 0, 0, Buffer.alloc(3))],
    'connection: frameSize',
  ],
]

describe('a server', () => {
  it.each(SERVER)('section %s: %s', (_section, _what, frames, verdict) => {
    expect(serverVerdict(frames)).toBe(verdict)
  })

  it.each(SERVER)('section %s, byte by byte: %s', (_section, _what, frames, verdict) => {
    const bytes = Buffer.concat([Frames.hello, ...frames])
    const server = new RecordedConnection(true)
    for (let at = 0; at < bytes.length; at++) server.receive(bytes.subarray(at, at + 1))
    expect(verdictOf(server)).toBe(verdict)
  })

  it.each([
    ['another preface', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['a preface that ends otherwise', Buffer.from('PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n')],
    ['no settings (section 3.4)', Buffer.concat([PREFACE, Frames.ping()])],
    ['an acknowledgement first', Buffer.concat([PREFACE, Frames.settingsAck])],
    ['DATA first', Buffer.concat([PREFACE, Frames.data(0, 0, 'a')])],
  ])('refuses a client with %s', (_, bytes) => {
    expect(verdictOf(new RecordedConnection(true).receive(bytes))).toBe('connection: protocol')
  })

  it('is silent once the connection is broken', () => {
    const server = new RecordedConnection(true).receive(Frames.hello, Frames.headers(1, WHOLE))
    server.receive(Frames.windowUpdate(0, 0), Frames.headers(3, LAST), Frames.data(1, 1, 'a'))
    expect(server.streams).toHaveLength(1)
    expect(server.streams[0]?.ending).toBeNull()
    const goaways = server.sentFrames().filter(({ type }) => type === 'goaway')
    expect(goaways).toHaveLength(1)
    expect(goaways[0]?.payload.subarray(0, 8)).toEqual(words(1, H2_ERROR.protocol))
  })

  it('acknowledges settings and pings', () => {
    const server = new RecordedConnection(true).receive(
      Frames.hello,
      Frames.ping(),
      Frames.ping(FLAG.ack),
    )
    const answers = server.sentFrames().filter(({ flags }) => flags === FLAG.ack)
    expect(answers.map(({ type, payload }) => [type, payload.toString()])).toEqual([
      ['settings', ''],
      ['ping', '12345678'],
    ])
  })

  it('refuses streams above the bound, which may come again', () => {
    const server = new RecordedConnection(true, { maxConcurrentStreams: 2 })
    server.receive(
      Frames.hello,
      Frames.headers(1, LAST),
      Frames.headers(3, LAST),
      Frames.headers(5, LAST),
    )
    expect(server.streams).toHaveLength(2)
    expect(verdictOf(server)).toBe('stream 5: refusedStream')
    const [first] = server.streams
    if (first === undefined) throw new Error('there is a stream')
    server.head(first.stream, { ':status': '200' }, true)
    server.receive(Frames.headers(7, LAST))
    expect(server.streams).toHaveLength(3)
  })

  it('passes over what was on its way to a stream that it has reset', () => {
    const server = new RecordedConnection(true).receive(Frames.hello, Frames.headers(1, WHOLE))
    const [recorded] = server.streams
    if (recorded === undefined) throw new Error('there is a stream')
    server.connection.reset(recorded.stream, H2_ERROR.cancel)
    server.receive(
      Frames.data(1, 0, 'a'),
      Frames.headers(1, LAST),
      Frames.rst(1, 8),
      Frames.headers(3, LAST),
    )
    expect(server.broken).toBeNull()
    expect(recorded.bodyBytes).toBe(0)
    expect(server.streams).toHaveLength(2)
  })

  it('counts what nobody reads against the window of the connection, and gives it back', () => {
    const server = new RecordedConnection(true, { maxConcurrentStreams: 1 })
    server.receive(Frames.hello, Frames.headers(1, WHOLE))
    const [recorded] = server.streams
    if (recorded === undefined) throw new Error('there is a stream')
    server.connection.reset(recorded.stream, H2_ERROR.cancel)
    for (let n = 0; n < 100; n++) server.receive(Frames.data(1, 0, Buffer.alloc(16_384)))
    expect(server.broken).toBeNull()
    const given = server
      .sentFrames()
      .filter(({ type, id }) => type === 'windowUpdate' && id === 0)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
    expect(given).toBeGreaterThan(99 * 16_384 - 65_535)
  })

  it('resets a stream that sends more than its window (section 6.9.1)', () => {
    const server = new RecordedConnection(true).receive(Frames.hello, Frames.headers(1, WHOLE))
    const part = Frames.data(1, 0, Buffer.alloc(16_384))
    server.receive(part, part, part, part)
    expect(verdictOf(server)).toBe('stream 1: flowControl')
    expect(server.streams[0]?.ending).toBe(`reset ${H2_ERROR.flowControl}`)
  })

  it('gives padding back as it comes', () => {
    const server = new RecordedConnection(true).receive(Frames.hello, Frames.headers(1, WHOLE))
    server.sent()
    const frame = Frames.raw(FRAME.data, FLAG.padded, 1, padded(255, Buffer.from('a')))
    for (let n = 0; n < 300; n++) server.receive(frame)
    expect(server.broken).toBeNull()
    expect(server.streams[0]?.ending).toBeNull()
    expect(server.streams[0]?.bodyBytes).toBe(300)
  })

  it('resets a stream whose head its handler refuses', () => {
    const server = new RecordedConnection(true)
    server.verdict = H2_ERROR.protocol
    server.receive(Frames.hello, Frames.headers(1, LAST))
    expect(verdictOf(server)).toBe('stream 1: protocol')
    expect(server.streams[0]?.ending).toBe('reset 1')
    expect(server.connection.openStreams).toBe(0)
  })

  it('takes no streams after it has left, and ends those that it has', () => {
    const server = new RecordedConnection(true).receive(Frames.hello, Frames.headers(1, WHOLE))
    server.connection.leave()
    server.receive(
      Frames.headers(3, LAST),
      Frames.data(1, FLAG.endStream, 'a'),
      Frames.data(3, 0, 'b'),
    )
    expect(server.broken).toBeNull()
    expect(server.streams).toHaveLength(1)
    expect(server.streams[0]?.ending).toBe('end')
  })
})

describe('a client', () => {
  function clientWith(...frames: readonly Buffer[]): RecordedConnection {
    const client = new RecordedConnection(false)
    const { stream } = client.open()
    client.head(stream, REQUEST, true)
    return client.receive(Frames.settings(), ...frames)
  }
  const ANSWER = Frames.block({ ':status': '200' })

  it.each<Row>([
    ['3.4', 'a server without settings', [], 'fine'],
    ['5.1', 'DATA on an idle stream', [Frames.data(3, 0, 'a')], 'connection: protocol'],
    ['5.1', 'HEADERS on an idle stream', [Frames.headers(3, LAST, ANSWER)], 'connection: protocol'],
    [
      '5.1',
      'HEADERS after the end',
      [Frames.headers(1, LAST, ANSWER), Frames.headers(1, LAST, ANSWER)],
      'connection: streamClosed',
    ],
    ['5.1.1', 'a stream of the server', [Frames.headers(2, LAST, ANSWER)], 'connection: protocol'],
    [
      '6.5.2',
      'ENABLE_PUSH of 1 by a server',
      [Frames.settings([SETTING.enablePush, 1])],
      'connection: protocol',
    ],
    [
      '6.6',
      'PUSH_PROMISE',
      [Frames.raw(FRAME.pushPromise, WHOLE, 1, Buffer.concat([words(2), GET]))],
      'connection: protocol',
    ],
    [
      '8441 3',
      'ENABLE_CONNECT_PROTOCOL of 2',
      [Frames.settings([SETTING.enableConnectProtocol, 2])],
      'connection: protocol',
    ],
    [
      '8441 3',
      'ENABLE_CONNECT_PROTOCOL taken back',
      [
        Frames.settings([SETTING.enableConnectProtocol, 1]),
        Frames.settings([SETTING.enableConnectProtocol, 0]),
      ],
      'connection: protocol',
    ],
  ])('section %s: %s', (_section, _what, frames, verdict) => {
    expect(verdictOf(clientWith(...frames))).toBe(verdict)
  })

  it('begins with the preface and settings that allow no push', () => {
    const bytes = new RecordedConnection(false).sent()
    expect(bytes.subarray(0, PREFACE.length)).toEqual(PREFACE)
    const [settings] = Frames.read(bytes.subarray(PREFACE.length))
    expect(settings?.payload.includes(Buffer.from('000200000000', 'hex'))).toBe(true)
  })

  it('opens as many streams as the server allows', () => {
    const client = clientWith(Frames.settings([SETTING.maxConcurrentStreams, 1]))
    expect(client.connection.canOpen).toBe(false)
    client.receive(Frames.headers(1, LAST, ANSWER))
    expect(client.connection.canOpen).toBe(true)
  })

  it('knows by RST_STREAM and GOAWAY what may be repeated (section 8.7)', () => {
    const client = clientWith()
    for (let n = 0; n < 2; n++) client.head(client.open().stream, REQUEST, true)
    client.receive(Frames.rst(1, H2_ERROR.refusedStream), Frames.goaway(3, 0))
    expect(client.streams.map(({ ending }) => ending)).toEqual([
      `reset ${H2_ERROR.refusedStream} unprocessed`,
      null,
      `reset ${H2_ERROR.refusedStream} unprocessed`,
    ])
    expect(client.connection.canOpen).toBe(false)
  })
})

/** Each is allowed, and of no use: RFC 9113 section 10.5. */
describe('a flood', () => {
  const GLITCHES = 50

  function flooded(
    frames: (n: number) => readonly Buffer[],
    perSecond = Number.POSITIVE_INFINITY,
  ): string | null {
    const server = new RecordedConnection(true, { glitchesMax: GLITCHES }).receive(Frames.hello)
    for (let n = 0; n < 10 * GLITCHES && server.broken === null; n++) {
      server.nowMs += 1000 / perSecond
      server.receive(...frames(n))
      server.sent()
    }
    return server.brokenCode === null ? null : (ERROR_NAMES.get(server.brokenCode) ?? '')
  }

  const id = (n: number): number => 2 * n + 1

  it.each<[string, (n: number) => readonly Buffer[]]>([
    ['PING (CVE-2019-9512)', () => [Frames.ping()]],
    ['SETTINGS (CVE-2019-9515)', () => [Frames.settings()]],
    ['acknowledgements', () => [Frames.settingsAck]],
    ['PRIORITY (CVE-2019-9513)', () => [Frames.raw(FRAME.priority, 0, 1, Buffer.alloc(5))]],
    ['PRIORITY_UPDATE', () => [Frames.raw(FRAME.priorityUpdate, 0, 0, words(1))]],
    ['unknown frames', () => [Frames.raw(0x55, 0, 0, EMPTY)]],
    [
      'empty DATA (CVE-2019-9518)',
      (n) => (n === 0 ? [Frames.headers(1, WHOLE)] : [Frames.data(1, 0, '')]),
    ],
    [
      'requests that are reset at once (CVE-2023-44487)',
      (n) => [Frames.headers(id(n), LAST), Frames.rst(id(n), 8)],
    ],
    [
      'requests that make the server reset them (CVE-2025-8671)',
      (n) => [Frames.headers(id(n), WHOLE), Frames.windowUpdate(id(n), 0)],
    ],
    ['GOAWAY', () => [Frames.goaway(0, 0)]],
    [
      'DATA of nothing but padding',
      (n) => [
        ...(n === 0 ? [Frames.headers(1, WHOLE)] : []),
        Frames.data(1, FLAG.padded, Buffer.from([0])),
      ],
    ],
    [
      'DATA without content on a stream that was reset here',
      (n) => [
        ...(n === 0 ? [Frames.headers(1, WHOLE), Frames.windowUpdate(1, 0)] : []),
        n % 2 === 0 ? Frames.data(1, 0, '') : Frames.data(1, FLAG.padded, Buffer.of(0)),
      ],
    ],
  ])('of %s ends the connection, unless it comes drop by drop', (_, frames) => {
    expect(flooded(frames)).toBe('enhanceYourCalm')
    expect(flooded(frames, 15)).toBeNull()
  })

  it('is none where each stream that was reset here has one last DATA on its way', () => {
    const server = new RecordedConnection(true, { glitchesMax: GLITCHES }).receive(Frames.hello)
    for (let n = 0; n < 2 * GLITCHES; n++) {
      server.receive(Frames.headers(id(n), WHOLE))
      server.connection.reset((server.streams[n] as RecordedStream).stream, H2_ERROR.noError)
      server.receive(Frames.data(id(n), FLAG.endStream, 'x'))
      server.sent()
    }
    expect(verdictOf(server)).toBe('fine')
    server.receive(Frames.data(id(0), FLAG.endStream, 'x'))
    server.receive(Frames.data(id(2 * GLITCHES - 1), FLAG.endStream, 'x'))
    expect(verdictOf(server)).toBe('connection: streamClosed')
  })

  it('of requests after GOAWAY ends the connection', () => {
    const server = new RecordedConnection(true, { glitchesMax: GLITCHES }).receive(
      Frames.hello,
      Frames.headers(1, WHOLE),
    )
    server.connection.leave()
    server.sent()
    for (let n = 1; n <= GLITCHES; n++) server.receive(Frames.headers(id(n), LAST))
    expect(verdictOf(server)).toBe('fine')
    server.receive(Frames.headers(id(GLITCHES + 1), LAST))
    expect(verdictOf(server)).toBe('connection: enhanceYourCalm')
  })

  it('of CONTINUATION (CVE-2024-27316) ends it within one block', () => {
    const server = new RecordedConnection(true).receive(Frames.hello, Frames.headers(1, 0))
    for (let n = 0; n < 9; n++) server.receive(Frames.raw(FRAME.continuation, 0, 1, EMPTY))
    expect(verdictOf(server)).toBe('connection: enhanceYourCalm')
  })

  it('of a header block that is too long ends it', () => {
    const field = Frames.block({ 'x-a': 'b'.repeat(8000) })
    const server = new RecordedConnection(true).receive(Frames.hello, Frames.headers(1, 0, field))
    server.receive(
      Frames.raw(FRAME.continuation, 0, 1, field),
      Frames.raw(FRAME.continuation, 0, 1, field),
    )
    server.receive(Frames.raw(FRAME.continuation, 0, 1, field))
    expect(verdictOf(server)).toBe('connection: enhanceYourCalm')
  })

  it('of WINDOW_UPDATE ends it where nothing was sent', () => {
    const server = new RecordedConnection(true, { glitchesMax: GLITCHES }).receive(Frames.hello)
    for (let n = 0; n < 2000 && server.broken === null; n++)
      server.receive(Frames.windowUpdate(0, 1))
    expect(verdictOf(server)).toBe('connection: enhanceYourCalm')
  })
})
