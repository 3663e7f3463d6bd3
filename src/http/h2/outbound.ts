import { FrameBuffer } from './frames/frame-buffer.ts'
import { FLAG, FRAME, FRAME_BYTES_MIN, FRAME_HEADER_BYTES, H2_ERROR } from './frames/frame-types.ts'
import {
  frameHeaderBlock,
  writeFrameHeader,
  writeGoaway,
  writePing,
  writePreface,
  writeSettings,
  writeSettingsAck,
  writeShortFrame,
} from './frames/frame-writer.ts'
import { SETTINGS_INITIAL, type Settings, WINDOW_INITIAL, WINDOW_MAX } from './frames/settings.ts'
import type { H2Stream } from './h2-stream.ts'
import { HpackEncoder, type Indexing } from './hpack/hpack-encoder.ts'

/** Content of one frame: no more, though the other end may take it, so that streams mix. */
const FRAME_CONTENT_MAX = FRAME_BYTES_MIN
/** WINDOW_UPDATEs that are in order for each DATA frame. */
const UPDATES_PER_DATA = 4
/** WINDOW_UPDATEs that are in order at once. */
const UPDATES_MAX = 1000

/** What one end sends on its connection: frames in their order, within the other end's windows. */
export class Outbound {
  /** Frames that are to be sent. Whoever sends them sets its length back to 0. */
  readonly output = new FrameBuffer()
  /** What the other end has said of itself. */
  readonly peer: Settings = { ...SETTINGS_INITIAL }
  readonly #encoder: HpackEncoder
  #tableSize = SETTINGS_INITIAL.headerTableSize
  /** Bytes of output from which on bodies wait. */
  readonly #outputBytesMax: number
  /** What may be sent on all streams together. */
  #window = WINDOW_INITIAL
  /** Streams that had more to send than was taken, whose turn comes in this order. */
  readonly #waiting = new Set<H2Stream>()
  /** WINDOW_UPDATEs of the other end that are in order, after what was sent. */
  #updates = UPDATES_MAX
  /** Where the header block that is being written begins in the output. */
  #blockStart = 0

  /**
   * @param tableSize bytes of the dynamic table that are used for what is sent
   * @param outputBytesMax of frames that are kept before bodies wait
   */
  constructor(tableSize: number, outputBytesMax: number) {
    this.#encoder = new HpackEncoder(tableSize)
    this.#outputBytesMax = outputBytesMax
  }

  /** The other end has said how large its header table may be. */
  peerTableSized(): void {
    const { headerTableSize } = this.peer
    if (headerTableSize !== this.#tableSize) this.#encoder.setSizeLimit(headerTableSize)
    this.#tableSize = headerTableSize
  }

  /** Begins a head, or trailers, whose fields follow by {@link field}. */
  beginHead(): void {
    const { output } = this
    output.makeRoom(FRAME_HEADER_BYTES)
    this.#blockStart = output.length
    output.length += FRAME_HEADER_BYTES
    this.#encoder.beginBlock(output)
  }

  /** Adds a field. @param name in lower case */
  field(name: string, value: string, indexing: Indexing): void {
    this.#encoder.field(this.output, name, value, indexing)
  }

  /** Ends the head. */
  endHead(stream: H2Stream, isLast: boolean): void {
    const { maxFrameSize } = this.peer
    frameHeaderBlock(this.output, this.#blockStart, stream.id, isLast, maxFrameSize)
  }

  /**
   * Sends content, as much as the windows and the output have room for.
   *
   * @param isLast nothing follows what is given
   * @returns how much was taken; where it is less than all, `onWritable` follows
   */
  sendData(stream: H2Stream, view: Buffer, start: number, end: number, isLast: boolean): number {
    if (start === end && !isLast) return 0
    let at = start
    do {
      const bytes = Math.min(end - at, this.#room(stream))
      if (bytes === 0 && at < end) {
        this.#waiting.add(stream)
        return at - start
      }
      this.#dataFrame(stream, view, at, at + bytes, isLast && at + bytes === end)
      at += bytes
    } while (at < end)
    return end - start
  }

  /** What one frame may carry of a stream's content now. */
  #room(stream: H2Stream): number {
    if (this.output.length >= this.#outputBytesMax) return 0
    return Math.max(0, Math.min(this.#window, stream.sendWindow, FRAME_CONTENT_MAX))
  }

  #dataFrame(stream: H2Stream, view: Buffer, start: number, end: number, isLast: boolean): void {
    const { output } = this
    const length = end - start
    output.makeRoom(FRAME_HEADER_BYTES + length)
    writeFrameHeader(output, length, FRAME.data, isLast ? FLAG.endStream : 0, stream.id)
    view.copy(output.bytes, output.length, start, end)
    output.length += length
    this.#window -= length
    stream.sendWindow -= length
    this.#updates = Math.min(UPDATES_MAX, this.#updates + UPDATES_PER_DATA)
  }

  /** A WINDOW_UPDATE has come. @returns whether one was in order, by what has been sent */
  takeUpdate(): boolean {
    return this.#updates > 0 && this.#updates-- > 0
  }

  /**
   * There may be room again: of those that wait, each gets one turn to fill it, and waits again
   * behind the others where it has more.
   */
  giveTurns(): void {
    const turns = this.#waiting.size
    let turn = 0
    for (const stream of this.#waiting) {
      if (turn++ === turns || this.#window <= 0) return
      if (this.output.length >= this.#outputBytesMax) return
      if (stream.sendWindow <= 0) continue
      this.#waiting.delete(stream)
      stream.handler.onWritable()
    }
  }

  /** The stream has nothing more to send. */
  forget(stream: H2Stream): void {
    this.#waiting.delete(stream)
  }

  /**
   * The other end allows more on the connection.
   *
   * @returns false where that is more than a window can be: FLOW_CONTROL_ERROR (RFC 9113 section
   *   6.9.1)
   */
  widen(increment: number): boolean {
    this.#window += increment
    return this.#window <= WINDOW_MAX
  }

  /** Ends a stream before its time. */
  reset(streamId: number, code: number): void {
    writeShortFrame(this.output, FRAME.rstStream, streamId, code)
  }

  /** Gives a window back what was used up of it. @param streamId 0 for the connection's */
  giveBack(streamId: number, increment: number): void {
    if (increment > 0) writeShortFrame(this.output, FRAME.windowUpdate, streamId, increment)
  }

  /** What a client begins with. RFC 9113 section 3.4. */
  preface(): void {
    writePreface(this.output)
  }

  /** Tells settings of this end. */
  settings(settings: readonly (readonly [id: number, value: number])[]): void {
    writeSettings(this.output, settings)
  }

  /** The other end's settings hold from here on. */
  settingsAck(): void {
    writeSettingsAck(this.output)
  }

  /** @param view holds eight bytes, from `start` on */
  ping(isAck: boolean, view: Buffer, start: number): void {
    writePing(this.output, isAck, view, start)
  }

  /** Streams of the other end above `lastStreamId` are not taken, and the connection will end. */
  goaway(lastStreamId: number, code: number = H2_ERROR.noError, reason = ''): void {
    writeGoaway(this.output, lastStreamId, code, reason)
  }
}
