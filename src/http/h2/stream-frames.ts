import { type Fault, fault } from './faults.ts'
import { FLAG, FRAME, H2_ERROR, WORD_BYTES, WORD_MASK } from './frames/frame-types.ts'
import type { H2State } from './h2-state.ts'
import type { H2Stream } from './h2-stream.ts'
import { HeaderBlocks } from './header-blocks.ts'
import type { FieldSink } from './hpack/hpack-decoder.ts'

/** Takes fields that nobody wants: the decoder's table must know them all the same. */
const NOBODY: FieldSink = { onField: () => undefined }

/** A stream that another one depends on, and a weight: both mean nothing. RFC 9113 section 6.3. */
const PRIORITY_BYTES = 5

/**
 * Frames that carry streams, and end them: RFC 9113 sections 6.1 to 6.4 and 6.10. Each method gives
 * the fault that the frame is, or null.
 */
export class StreamFrames {
  readonly #state: H2State
  /** Header blocks, whichever stream they are of. */
  readonly blocks: HeaderBlocks
  /** Of the header block that is being read: the stream it came on, and the one that gets it. */
  #blockId = 0
  #blockStream: H2Stream | null = null
  #isBlockLast = false
  /** Of the DATA frame that is being read: null where nobody gets it. */
  #dataStream: H2Stream | null = null
  #isDataLast = false
  /** Bytes of it, and those of them that are no content. */
  #dataLength = 0
  #dataRest = 0

  constructor(state: H2State) {
    this.#state = state
    this.blocks = new HeaderBlocks(state.limits.headerBlockBytesMax)
  }

  /** Whether such a frame may come here: RFC 9113 section 6.10. */
  mayFollow(type: number, id: number): boolean {
    const continues = type === FRAME.continuation
    return this.blocks.isOpen ? continues && id === this.#blockId : !continues
  }

  headers(flags: number, id: number, view: Buffer, start: number, end: number): Fault | null {
    if (id === 0) return fault(H2_ERROR.protocol, 'HEADERS on no stream')
    const isPadded = (flags & FLAG.padded) !== 0
    const hasPriority = (flags & FLAG.priority) !== 0
    const blockStart = start + (isPadded ? 1 : 0) + (hasPriority ? PRIORITY_BYTES : 0)
    if (end < blockStart) return fault(H2_ERROR.frameSize, 'HEADERS cut short')
    const blockEnd = end - (isPadded ? (view[start] as number) : 0)
    if (blockEnd < blockStart) return fault(H2_ERROR.protocol, 'padding longer than its frame')
    if (hasPriority && dependsOn(view, blockStart - PRIORITY_BYTES, id)) return selfDependence()
    const wrong = this.#beginBlock(id)
    if (wrong !== null) return wrong
    this.#isBlockLast = (flags & FLAG.endStream) !== 0
    const sink = this.#blockStream ?? NOBODY
    const isWhole = (flags & FLAG.endHeaders) !== 0
    return this.#blockRead(this.blocks.begin(sink, view, blockStart, blockEnd, isWhole))
  }

  continuation(flags: number, view: Buffer, start: number, end: number): Fault | null {
    const isWhole = (flags & FLAG.endHeaders) !== 0
    const wrong = this.#blockRead(this.blocks.continue(view, start, end, isWhole))
    return wrong ?? this.#state.glitch()
  }

  /** @param code of what is wrong with what was read of the block, or 0 */
  #blockRead(code: number): Fault | null {
    if (code !== 0) return fault(code, 'a header block is malformed or too long')
    const stream = this.#blockStream
    if (this.blocks.isOpen || stream === null || stream.isClosed) return null
    const wrong = stream.handler.onHead(this.#isBlockLast)
    if (wrong !== 0) return this.#state.fail(stream, wrong)
    // Its head may have been reason to give it up.
    return this.#isBlockLast && !stream.isClosed ? this.#endThere(stream) : null
  }

  /** Finds the stream that a header block is for, none where nobody gets it. */
  #beginBlock(id: number): Fault | null {
    const { isServer, streams } = this.#state
    this.#blockId = id
    this.#blockStream = null
    const stream = streams.get(id)
    if (stream !== undefined) {
      if (stream.isRemoteEnded) return this.#state.fail(stream, H2_ERROR.streamClosed)
      this.#blockStream = stream
      return null
    }
    if (streams.isIdle(id)) {
      if (isServer && streams.isRemote(id)) return this.#beginStream(id)
      return fault(H2_ERROR.protocol, 'HEADERS on a stream that cannot be begun so')
    }
    const ending = streams.endingOf(id)
    if (ending === 'reset-here') return this.#state.glitch()
    return ending === 'over'
      ? fault(H2_ERROR.streamClosed, 'HEADERS on a stream that is over')
      : fault(H2_ERROR.protocol, 'streams that are not begun in their order')
  }

  #beginStream(id: number): Fault | null {
    const { lastTaken, limits, outbound, owner, streams } = this.#state
    streams.lastRemoteId = id
    if (id > lastTaken) {
      streams.remember(id, true)
      // Some were on their way when it was told so.
      return this.#state.glitch()
    }
    const isOneTooMany = streams.count >= limits.maxConcurrentStreams
    const handlerOf = isOneTooMany ? null : owner.onStream()
    if (handlerOf !== null) {
      this.#blockStream = this.#state.begin(id, handlerOf)
      return null
    }
    outbound.reset(id, H2_ERROR.refusedStream)
    streams.remember(id, true)
    return isOneTooMany ? this.#state.glitch() : null
  }

  /** The other end has sent all of a stream. */
  #endThere(stream: H2Stream): Fault | null {
    stream.isRemoteEnded = true
    const wrong = stream.handler.onEnd()
    if (wrong !== 0) return this.#state.fail(stream, wrong)
    if (stream.isLocalEnded) this.#state.close(stream, false)
    return null
  }

  /** A DATA frame begins. @param length padding included: all of it counts (RFC 9113 section 6.9.1) */
  dataStart(flags: number, id: number, length: number): Fault | null {
    const { outbound, window } = this.#state
    this.#dataStream = null
    this.#isDataLast = (flags & FLAG.endStream) !== 0
    this.#dataLength = length
    this.#dataRest = length
    if (id === 0) return fault(H2_ERROR.protocol, 'DATA on no stream')
    if (!window.take(length)) {
      return fault(H2_ERROR.flowControl, 'more DATA than the window of the connection')
    }
    // What bounds memory are the windows of the streams.
    outbound.giveBack(0, window.use(length))
    return this.#beginData(id, length)
  }

  /** Finds the stream that content is for, none where nobody gets it. */
  #beginData(id: number, length: number): Fault | null {
    const { streams } = this.#state
    const stream = streams.get(id)
    if (stream === undefined) {
      if (streams.isIdle(id)) return fault(H2_ERROR.protocol, 'DATA on a stream without a head')
      if (streams.endingOf(id) === 'over') {
        return fault(H2_ERROR.streamClosed, 'DATA on a stream that is over')
      }
      // Content may have been on its way when the stream was reset, and one end of it.
      return this.#isDataLast && !streams.endReset(id) ? this.#state.glitch() : null
    }
    if (stream.isRemoteEnded) return this.#state.fail(stream, H2_ERROR.streamClosed)
    if (!stream.receiveWindow.take(length)) return this.#state.fail(stream, H2_ERROR.flowControl)
    this.#dataStream = stream
    return null
  }

  /** Content of it. */
  dataBytes(view: Buffer, start: number, end: number): void {
    const stream = this.#dataStream
    this.#dataRest -= end - start
    if (stream !== null && !stream.isClosed) stream.handler.onBody(view, start, end)
  }

  /** It is over. */
  dataEnd(): Fault | null {
    const stream = this.#dataStream
    this.#dataStream = null
    if (stream !== null && !stream.isClosed) {
      if (this.#isDataLast) return this.#endThere(stream)
      // Padding is used up as it comes.
      this.#state.outbound.giveBack(stream.id, stream.receiveWindow.use(this.#dataRest))
    }
    const isUseless = this.#dataRest === this.#dataLength && !this.#isDataLast
    return isUseless ? this.#state.glitch() : null
  }

  rstStream(id: number, view: Buffer, start: number, end: number): Fault | null {
    const { streams } = this.#state
    if (end - start !== WORD_BYTES) return fault(H2_ERROR.frameSize, 'RST_STREAM not of 4 bytes')
    if (id === 0 || streams.isIdle(id)) return fault(H2_ERROR.protocol, 'RST_STREAM on no stream')
    const stream = streams.get(id)
    if (stream !== undefined) {
      const code = view.readUInt32BE(start)
      this.#state.close(stream, false)
      stream.handler.onReset(code, code === H2_ERROR.refusedStream)
    }
    return this.#state.glitch()
  }

  /** It means nothing any more. RFC 9113 section 6.3. */
  priority(id: number, view: Buffer, start: number, end: number): Fault | null {
    if (id === 0) return fault(H2_ERROR.protocol, 'PRIORITY on no stream')
    if (end - start !== PRIORITY_BYTES) return fault(H2_ERROR.frameSize, 'PRIORITY not of 5 bytes')
    return dependsOn(view, start, id) ? selfDependence() : this.#state.glitch()
  }
}

function dependsOn(view: Buffer, start: number, id: number): boolean {
  return (view.readUInt32BE(start) & WORD_MASK) === id
}

/** RFC 7540 section 5.3.1 had this an error of the stream, which need not be open. */
function selfDependence(): Fault {
  return fault(H2_ERROR.protocol, 'a stream that depends on itself')
}
