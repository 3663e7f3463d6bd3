import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { FLAG, FRAME, H2_ERROR, PREFACE } from '../../../src/http/h2/frames/frame-types.ts'
import { HpackDecoder } from '../../../src/http/h2/hpack/hpack-decoder.ts'
import { encodeHuffman, huffmanLength } from '../../../src/http/h2/hpack/huffman-encoder.ts'
import { openSocket } from './raw-client.ts'

/** A field as it is to be sent, whatever it holds. Both are latin1. */
export type RawField = readonly [name: string, value: string]

/** How the strings of a header block are written. RFC 7541 section 5.2. */
export type StringCoding = 'plain' | 'huffman'

const HEADER_BYTES = 9
/** What a client without settings of its own takes: RFC 9113 section 6.5.2. */
const TABLE_BYTES = 4096
const STRING_BYTES_MAX = 65_536

/** A frame with this payload. */
export function rawFrame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(id, 5)
  return Buffer.concat([header, payload])
}

/** A header block of literal fields that are never checked nor put into a table. */
export function rawBlock(fields: readonly RawField[], coding: StringCoding): Buffer {
  const strings = fields.flatMap(([name, value]) => {
    return [Buffer.of(0), rawString(name, coding), rawString(value, coding)]
  })
  return Buffer.concat(strings)
}

function rawString(text: string, coding: StringCoding): Buffer {
  if (coding === 'plain') {
    const bytes = Buffer.from(text, 'latin1')
    return Buffer.concat([rawLength(bytes.length, 0), bytes])
  }
  const bytes = Buffer.alloc(huffmanLength(text))
  encodeHuffman(text, bytes, 0)
  return Buffer.concat([rawLength(bytes.length, 0x80), bytes])
}

/** An integer with a prefix of seven bits: RFC 7541 section 5.1. */
function rawLength(length: number, firstBit: number): Buffer {
  if (length < 0x7f) return Buffer.of(firstBit | length)
  const bytes = [firstBit | 0x7f]
  let rest = length - 0x7f
  for (; rest >= 0x80; rest >>= 7) bytes.push(0x80 | (rest & 0x7f))
  return Buffer.of(...bytes, rest)
}

/** What has come on a stream so far. */
export interface RawStream {
  /** Null: no head has come. */
  readonly status: number | null
  /** As latin1. */
  readonly body: string
  readonly ending: 'open' | 'ended' | 'reset'
}

const NOTHING: RawStream = { status: null, body: '', ending: 'open' }

/** A connection in HTTP/2 on which frames are sent as they are given, closed after the test. */
export interface RawH2 {
  readonly send: (...frames: readonly Buffer[]) => void
  readonly stream: (id: number) => RawStream
  /** Null, or how the server has ended it: what a GOAWAY with an error says, or `closed`. */
  readonly ended: () => string | null
  /** Waits until this holds. It is asked again whenever something has come. */
  readonly settled: (holds: () => boolean) => Promise<void>
}

/**
 * Opens one to a port of 127.0.0.1. Settings are exchanged: what acknowledges them may not come
 * between a HEADERS and its CONTINUATION.
 */
export async function openRawH2(port: number): Promise<RawH2> {
  const socket = await openSocket(port)
  const changes = new EventEmitter()
  const reader = new FrameReader(socket)
  let isClosed = false
  socket.on('data', (chunk) => {
    reader.read(chunk)
    changes.emit('change')
  })
  socket.on('close', () => {
    isClosed = true
    changes.emit('change')
  })
  socket.resume()
  socket.write(Buffer.concat([PREFACE, rawFrame(FRAME.settings, 0, 0, Buffer.alloc(0))]))
  while (!reader.hasSettings && !isClosed) await once(changes, 'change')
  return {
    send: (...frames) => void (socket.writable && socket.write(Buffer.concat(frames))),
    stream: (id) => reader.streams.get(id) ?? NOTHING,
    ended: () => reader.goaway ?? (isClosed ? 'closed' : null),
    settled: async (holds) => {
      while (!holds()) await once(changes, 'change')
    },
  }
}

/** Keeps what the streams of a connection say. */
class FrameReader {
  readonly streams = new Map<number, RawStream>()
  /** Code and text of a GOAWAY with an error; null: none has come. */
  goaway: string | null = null
  /** Those of the server have come, and are acknowledged. */
  hasSettings = false
  readonly #socket: Socket
  readonly #decoder = new HpackDecoder(TABLE_BYTES, STRING_BYTES_MAX)
  #rest = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
  }

  read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < end) return
      const [, , , type = 0, flags = 0] = this.#rest
      this.#take(type, flags, this.#rest.readUInt32BE(5), this.#rest.subarray(HEADER_BYTES, end))
      this.#rest = this.#rest.subarray(end)
    }
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    const stream = this.streams.get(id) ?? NOTHING
    const ending = (flags & FLAG.endStream) !== 0 ? 'ended' : 'open'
    if (type === FRAME.headers) {
      this.streams.set(id, { ...stream, status: this.#statusOf(payload) ?? stream.status, ending })
    } else if (type === FRAME.data) {
      const body = stream.body + payload.toString('latin1')
      this.streams.set(id, { ...stream, body, ending })
    } else if (type === FRAME.rstStream) {
      // A response that has ended stays so: what else was sent is not wanted (RFC 9113 section 8.1).
      if (stream.ending === 'open') this.streams.set(id, { ...stream, ending: 'reset' })
    } else if (type === FRAME.goaway) {
      const code = payload.readUInt32BE(4)
      if (code !== H2_ERROR.noError) this.goaway = `${code} ${payload.toString('latin1', 8)}`
    } else if (type === FRAME.settings && (flags & FLAG.ack) === 0) {
      this.#socket.write(rawFrame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)))
      this.hasSettings = true
    }
  }

  /** All blocks of the connection are read, since they share a table. */
  #statusOf(block: Buffer): number | null {
    let status: number | null = null
    this.#decoder.decode(block, 0, block.length, {
      onField: ({ name, value }) => {
        if (name === ':status') status = Number(value)
      },
    })
    if (!this.#decoder.endBlock()) throw new Error('a header block that is not whole')
    return status
  }
}
