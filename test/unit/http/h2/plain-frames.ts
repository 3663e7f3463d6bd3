import { FrameBuffer } from '../../../../src/http/h2/frames/frame-buffer.ts'
import { FLAG, FRAME, PREFACE } from '../../../../src/http/h2/frames/frame-types.ts'
import { HpackEncoder } from '../../../../src/http/h2/hpack/hpack-encoder.ts'

/** A frame as tests look at it. */
export interface PlainFrame {
  readonly type: string
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

const TYPE_NAMES = new Map<number, string>(
  Object.entries(FRAME).map(([name, type]) => [type, name]),
)

/** The length of a frame that a header announces stands on its own: it may be a lie. */
function rawFrame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(id, 5)
  return Buffer.concat([header, payload])
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n)
  return bytes
}

/** Frames as whoever violates the protocol writes them, plainly and without a state. */
export const Frames = {
  raw: rawFrame,
  words,

  /** What a client begins with. */
  hello: Buffer.concat([PREFACE, rawFrame(FRAME.settings, 0, 0, Buffer.alloc(0))]),
  settingsAck: rawFrame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)),

  settings(...settings: readonly (readonly [number, number])[]): Buffer {
    const payload = Buffer.alloc(6 * settings.length)
    for (const [n, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, 6 * n)
      payload.writeUInt32BE(value, 6 * n + 2)
    }
    return rawFrame(FRAME.settings, 0, 0, payload)
  },

  /** A header block that uses no dynamic table. */
  block(fields: Readonly<Record<string, string>>): Buffer {
    const writer = new FrameBuffer()
    const encoder = new HpackEncoder(4096)
    for (const [name, value] of Object.entries(fields)) encoder.field(writer, name, value, 'plain')
    return Buffer.from(writer.written)
  },

  headers(id: number, flags: number, block: Buffer = Frames.block(REQUEST)): Buffer {
    return rawFrame(FRAME.headers, flags, id, block)
  },

  data(id: number, flags: number, text: string | Buffer): Buffer {
    return rawFrame(FRAME.data, flags, id, Buffer.from(text))
  },

  rst(id: number, code: number): Buffer {
    return rawFrame(FRAME.rstStream, 0, id, words(code))
  },

  windowUpdate(id: number, increment: number): Buffer {
    return rawFrame(FRAME.windowUpdate, 0, id, words(increment))
  },

  ping(flags = 0): Buffer {
    return rawFrame(FRAME.ping, flags, 0, Buffer.from('12345678'))
  },

  goaway(last: number, code: number): Buffer {
    return rawFrame(FRAME.goaway, 0, 0, words(last, code))
  },

  /** The frames that `bytes` are. */
  read(bytes: Buffer): PlainFrame[] {
    const frames: PlainFrame[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = at + 9 + bytes.readUIntBE(at, 3)
      frames.push({
        type: TYPE_NAMES.get(bytes[at + 3] as number) ?? 'unknown',
        flags: bytes[at + 4] as number,
        id: bytes.readUInt32BE(at + 5),
        payload: bytes.subarray(at + 9, end),
      })
      at = end
    }
    return frames
  },
}

/** A request for `/`. */
export const REQUEST = {
  ':method': 'GET',
  ':scheme': 'http',
  ':path': '/',
  ':authority': 'a',
}
