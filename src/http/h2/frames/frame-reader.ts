import { FLAG, FRAME, FRAME_HEADER_BYTES, WORD_MASK } from './frame-types.ts'

/** What a {@link FrameReader} tells of. */
export interface FrameSink {
  /** Nothing more is to be read, also of what is being read. */
  readonly isStopped: boolean
  /**
   * A frame other than DATA is whole.
   *
   * @param view holds its payload from `start` to `end`, during the call
   */
  onFrame(
    type: number,
    flags: number,
    streamId: number,
    view: Buffer,
    start: number,
    end: number,
  ): void
  /** A DATA frame begins. @param length of its payload, padding included: what flow control counts */
  onDataStart(flags: number, streamId: number, length: number): void
  /** Content of the DATA frame, valid during the call; never empty. */
  onDataBytes(view: Buffer, start: number, end: number): void
  /** The DATA frame is over. */
  onDataEnd(): void
  /**
   * A frame announces more than may be sent: FRAME_SIZE_ERROR (RFC 9113 section 4.2). The
   * reading must end.
   */
  onFrameTooLong(type: number, streamId: number): void
  /**
   * The padding of a DATA frame takes more than all of it: PROTOCOL_ERROR (section 6.1). Nothing
   * more is read.
   */
  onPaddingTooLong(streamId: number): void
}

const NO_BYTES = Buffer.alloc(0)
/** A padded frame's count has not come yet. */
const PADDING_UNKNOWN = -1

/**
 * Takes what one end sends apart into frames, cut anywhere: RFC 9113 section 4. Only what arrives
 * in parts is copied, and of DATA nothing.
 *
 * Invariant: what is held is at most one frame's header, or one frame other than DATA.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #payloadBytesMax: number
  /** The frame's header, as far as it came in an earlier part. */
  readonly #header = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES)
  #headerBytes = 0
  /** The payload of a frame other than DATA, as far as it came in earlier parts. */
  #held = NO_BYTES
  #heldBytes = 0
  #type = 0
  #flags = 0
  #streamId = 0
  /** Bytes of the payload that are still to come; -1 between frames. */
  #left = -1
  /** Bytes at the end of a DATA frame that are no content. */
  #padding = 0

  /** @param payloadBytesMax SETTINGS_MAX_FRAME_SIZE of the end that reads */
  constructor(sink: FrameSink, payloadBytesMax: number) {
    this.#sink = sink
    this.#payloadBytesMax = payloadBytesMax
  }

  /** Reads `view[start, end)`. */
  read(view: Buffer, start: number, end: number): void {
    let at = start
    while (!this.#sink.isStopped) {
      if (this.#left < 0) {
        at = this.#readHeader(view, at, end)
        if (this.#left < 0) return
      } else if (this.#type === FRAME.data) {
        at = this.#readData(view, at, end)
        if (this.#left >= 0) return
      } else {
        at = this.#readPayload(view, at, end)
        if (this.#left >= 0) return
      }
    }
  }

  #readHeader(view: Buffer, at: number, end: number): number {
    const missing = FRAME_HEADER_BYTES - this.#headerBytes
    if (missing === FRAME_HEADER_BYTES && end - at >= FRAME_HEADER_BYTES) {
      this.#begin(view, at)
      return at + FRAME_HEADER_BYTES
    }
    const taken = Math.min(missing, end - at)
    view.copy(this.#header, this.#headerBytes, at, at + taken)
    this.#headerBytes += taken
    if (this.#headerBytes === FRAME_HEADER_BYTES) {
      this.#headerBytes = 0
      this.#begin(this.#header, 0)
    }
    return at + taken
  }

  /** Begins the frame whose header is at `at`. */
  #begin(view: Buffer, at: number): void {
    const length = view.readUIntBE(at, 3)
    this.#type = view[at + 3] as number
    this.#flags = view[at + 4] as number
    this.#streamId = view.readUInt32BE(at + 5) & WORD_MASK
    this.#left = length
    if (length > this.#payloadBytesMax) {
      this.#sink.onFrameTooLong(this.#type, this.#streamId)
    } else if (this.#type === FRAME.data) {
      this.#padding = (this.#flags & FLAG.padded) === 0 ? 0 : PADDING_UNKNOWN
      this.#sink.onDataStart(this.#flags, this.#streamId, length)
    }
  }

  #readPayload(view: Buffer, at: number, end: number): number {
    const length = this.#left
    const missing = length - this.#heldBytes
    if (end - at < missing) {
      if (this.#held.length < length) this.#held = Buffer.allocUnsafe(length)
      view.copy(this.#held, this.#heldBytes, at, end)
      this.#heldBytes += end - at
      return end
    }
    this.#left = -1
    if (this.#heldBytes === 0) {
      this.#tell(view, at, at + length)
      return at + length
    }
    view.copy(this.#held, this.#heldBytes, at, at + missing)
    const held = this.#held
    this.#held = NO_BYTES
    this.#heldBytes = 0
    this.#tell(held, 0, length)
    return at + missing
  }

  #tell(view: Buffer, start: number, end: number): void {
    this.#sink.onFrame(this.#type, this.#flags, this.#streamId, view, start, end)
  }

  #readData(view: Buffer, start: number, end: number): number {
    let at = start
    if (this.#padding === PADDING_UNKNOWN) {
      if (this.#left > 0 && at === end) return at
      // A padded frame without a byte cannot even say how much padding it has.
      this.#padding = this.#left === 0 ? 1 : (view[at++] as number)
      if (this.#left > 0) this.#left--
      if (this.#padding > this.#left) {
        this.#sink.onPaddingTooLong(this.#streamId)
        return at
      }
    }
    const content = Math.min(this.#left - this.#padding, end - at)
    if (content > 0) {
      this.#left -= content
      this.#sink.onDataBytes(view, at, at + content)
      at += content
    }
    if (this.#left > this.#padding || this.#sink.isStopped) return at
    const padding = Math.min(this.#left, end - at)
    this.#left -= padding
    this.#padding -= padding
    if (this.#left > 0) return at + padding
    this.#left = -1
    this.#sink.onDataEnd()
    return at + padding
  }
}
