import type { FrameBuffer } from './frame-buffer.ts'
import { FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE, WORD_BYTES } from './frame-types.ts'
import { SETTING_BYTES } from './settings.ts'

/** Writes a frame's header. The caller has made room for it. */
export function writeFrameHeader(
  into: FrameBuffer,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  putFrameHeader(into.bytes, into.length, length, type, flags, streamId)
  into.length += FRAME_HEADER_BYTES
}

function putFrameHeader(
  bytes: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes.writeUIntBE(length, at, 3)
  bytes[at + 3] = type
  bytes[at + 4] = flags
  bytes.writeUInt32BE(streamId, at + 5)
}

/** Writes 32 bits, the highest first. The caller has made room for them. */
function writeWord(into: FrameBuffer, value: number): void {
  into.length = into.bytes.writeUInt32BE(value, into.length)
}

/** RST_STREAM or WINDOW_UPDATE: frames of four bytes. RFC 9113 sections 6.4 and 6.9. */
export function writeShortFrame(
  into: FrameBuffer,
  type: typeof FRAME.rstStream | typeof FRAME.windowUpdate,
  streamId: number,
  value: number,
): void {
  into.makeRoom(FRAME_HEADER_BYTES + WORD_BYTES)
  writeFrameHeader(into, WORD_BYTES, type, 0, streamId)
  writeWord(into, value)
}

/** What a client's connection begins with. */
export function writePreface(into: FrameBuffer): void {
  into.makeRoom(PREFACE.length)
  PREFACE.copy(into.bytes, into.length)
  into.length += PREFACE.length
}

/** SETTINGS. RFC 9113 section 6.5. @param settings identifier and value of each */
export function writeSettings(
  into: FrameBuffer,
  settings: readonly (readonly [id: number, value: number])[],
): void {
  const length = SETTING_BYTES * settings.length
  into.makeRoom(FRAME_HEADER_BYTES + length)
  writeFrameHeader(into, length, FRAME.settings, 0, 0)
  for (const [id, value] of settings) {
    into.length = into.bytes.writeUInt16BE(id, into.length)
    writeWord(into, value)
  }
}

/** Says that the other end's SETTINGS hold from here on. RFC 9113 section 6.5.3. */
export function writeSettingsAck(into: FrameBuffer): void {
  into.makeRoom(FRAME_HEADER_BYTES)
  writeFrameHeader(into, 0, FRAME.settings, FLAG.ack, 0)
}

/** PING. RFC 9113 section 6.7. @param view holds the eight bytes, from `start` on */
export function writePing(into: FrameBuffer, isAck: boolean, view: Buffer, start: number): void {
  into.makeRoom(FRAME_HEADER_BYTES + 8)
  writeFrameHeader(into, 8, FRAME.ping, isAck ? FLAG.ack : 0, 0)
  view.copy(into.bytes, into.length, start, start + 8)
  into.length += 8
}

/** GOAWAY. RFC 9113 section 6.8. @param reason for whoever reads a trace of it, in ASCII */
export function writeGoaway(
  into: FrameBuffer,
  lastStreamId: number,
  code: number,
  reason: string,
): void {
  into.makeRoom(FRAME_HEADER_BYTES + 8 + reason.length)
  writeFrameHeader(into, 8 + reason.length, FRAME.goaway, 0, 0)
  writeWord(into, lastStreamId)
  writeWord(into, code)
  into.latin1(reason)
}

/**
 * Gives a header block its frames: HEADERS, and CONTINUATIONs where it is longer than a frame. The
 * block was written behind the room for the first frame's header.
 *
 * @param start where that room begins
 * @param frameBytesMax the most that the other end takes as a payload
 */
export function frameHeaderBlock(
  into: FrameBuffer,
  start: number,
  streamId: number,
  isLast: boolean,
  frameBytesMax: number,
): void {
  const endStream = isLast ? FLAG.endStream : 0
  const length = into.length - start - FRAME_HEADER_BYTES
  if (length <= frameBytesMax) {
    const flags = endStream | FLAG.endHeaders
    putFrameHeader(into.bytes, start, length, FRAME.headers, flags, streamId)
    return
  }
  const frames = Math.ceil(length / frameBytesMax)
  into.makeRoom((frames - 1) * FRAME_HEADER_BYTES)
  const { bytes } = into
  // From the last frame to the second, each part moves behind the headers that come before it.
  for (let n = frames - 1; n > 0; n--) {
    const from = start + FRAME_HEADER_BYTES + n * frameBytesMax
    const partBytes = Math.min(frameBytesMax, into.length - from)
    const to = from + n * FRAME_HEADER_BYTES
    bytes.copyWithin(to, from, from + partBytes)
    const flags = n === frames - 1 ? FLAG.endHeaders : 0
    putFrameHeader(bytes, to - FRAME_HEADER_BYTES, partBytes, FRAME.continuation, flags, streamId)
  }
  putFrameHeader(bytes, start, frameBytesMax, FRAME.headers, endStream, streamId)
  into.length += (frames - 1) * FRAME_HEADER_BYTES
}
