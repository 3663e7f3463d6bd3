import { fault } from './faults.ts'
import { FrameDispatch } from './frame-dispatch.ts'
import type { FrameBuffer } from './frames/frame-buffer.ts'
import { FrameReader } from './frames/frame-reader.ts'
import { H2_ERROR, PREFACE, SETTING } from './frames/frame-types.ts'
import { WINDOW_INITIAL } from './frames/settings.ts'
import type { H2Limits } from './h2-limits.ts'
import { type H2Owner, H2State } from './h2-state.ts'
import type { H2Stream, StreamHandler } from './h2-stream.ts'
import type { Indexing } from './hpack/hpack-encoder.ts'
import { STREAM_ID_MAX } from './stream-table.ts'

/**
 * One end of an HTTP/2 connection without input or output: bytes go in by {@link receive}, frames
 * that are to be sent come out in {@link output}, and each stream's handler is told what the other
 * end does on it. RFC 9113.
 */
export class H2Connection {
  readonly #state: H2State
  readonly #reader: FrameReader
  /** Bytes of the client's preface that have come. */
  #prefaceBytes: number

  /**
   * Its settings are in the output at once.
   *
   * @param isServer otherwise a client
   */
  constructor(isServer: boolean, limits: H2Limits, owner: H2Owner) {
    this.#state = new H2State(isServer, limits, owner)
    this.#reader = new FrameReader(new FrameDispatch(this.#state), limits.maxFrameSize)
    this.#prefaceBytes = isServer ? 0 : PREFACE.length
    this.#introduce(limits)
  }

  #introduce(limits: H2Limits): void {
    const { isServer, outbound, window } = this.#state
    if (!isServer) outbound.preface()
    outbound.settings([
      [SETTING.headerTableSize, limits.headerTableSize],
      isServer
        ? [SETTING.maxConcurrentStreams, limits.maxConcurrentStreams]
        : [SETTING.enablePush, 0],
      [SETTING.initialWindowSize, limits.initialWindowSize],
      [SETTING.maxFrameSize, limits.maxFrameSize],
      ...(limits.takesProtocol === true ? [[SETTING.enableConnectProtocol, 1] as const] : []),
    ])
    outbound.giveBack(0, window.size - WINDOW_INITIAL)
  }

  /** Frames that are to be sent: whoever has taken them sets its length to 0. */
  get output(): FrameBuffer {
    return this.#state.outbound.output
  }

  /** Streams that are open. */
  get openStreams(): number {
    return this.#state.streams.count
  }

  /** What the other end has done without use; see {@link Glitches}. */
  get glitches(): number {
    return this.#state.glitches.count
  }

  /** The other end has acknowledged the settings of this one: RFC 9113 section 6.5.3. */
  get isAcknowledged(): boolean {
    return this.#state.isAcknowledged
  }

  /** Another stream may be opened now. Of clients. */
  get canOpen(): boolean {
    const { isBroken, isPeerLeaving, outbound, streams } = this.#state
    if (isBroken || isPeerLeaving || streams.lastLocalId >= STREAM_ID_MAX) return false
    return streams.count < outbound.peer.maxConcurrentStreams
  }

  /** Begins a stream, whose head must be sent before another one is begun. Needs {@link canOpen}. */
  open(handlerOf: (stream: H2Stream) => StreamHandler): H2Stream {
    const { streams } = this.#state
    streams.lastLocalId += 2
    return this.#state.begin(streams.lastLocalId, handlerOf)
  }

  /** Bytes of the other end have come. @param nowMs by any clock that never goes back */
  receive(view: Buffer, start: number, end: number, nowMs: number): void {
    if (this.#state.isBroken) return
    this.#state.glitches.forgive(nowMs)
    const at = this.#prefaceBytes < PREFACE.length ? this.#readPreface(view, start, end) : start
    if (at < end) this.#reader.read(view, at, end)
    if (!this.#state.isBroken) this.#state.outbound.giveTurns()
  }

  /** RFC 9113 section 3.4. */
  #readPreface(view: Buffer, start: number, end: number): number {
    const bytes = Math.min(PREFACE.length - this.#prefaceBytes, end - start)
    const from = this.#prefaceBytes
    this.#prefaceBytes += bytes
    if (view.compare(PREFACE, from, from + bytes, start, start + bytes) === 0) return start + bytes
    this.#state.break(fault(H2_ERROR.protocol, 'the preface is not that of HTTP/2'))
    return end
  }

  /** What was in the output has been sent: there is room again. */
  resume(): void {
    this.#state.outbound.giveTurns()
  }

  /** Begins a head, or trailers. Of a stream that is not closed, and has not ended here. */
  beginHead(): void {
    this.#state.outbound.beginHead()
  }

  /** Adds a field to it. @param name in lower case */
  field(name: string, value: string, indexing: Indexing): void {
    this.#state.outbound.field(name, value, indexing)
  }

  /** Ends it. @param isLast nothing more follows on this stream */
  endHead(stream: H2Stream, isLast: boolean): void {
    this.#state.outbound.endHead(stream, isLast)
    if (isLast) this.#state.endHere(stream)
  }

  /**
   * Sends content of a stream.
   *
   * @param isLast the stream ends here with the last byte of it
   * @returns how much was taken; the rest is to be given again with `onWritable`
   */
  sendData(stream: H2Stream, view: Buffer, start: number, end: number, isLast: boolean): number {
    if (stream.isClosed) return end - start
    const taken = this.#state.outbound.sendData(stream, view, start, end, isLast)
    if (isLast && taken === end - start) this.#state.endHere(stream)
    return taken
  }

  /** Content of a stream was used up: as much more may come. */
  use(stream: H2Stream, bytes: number): void {
    if (stream.isClosed || stream.isRemoteEnded) return
    this.#state.outbound.giveBack(stream.id, stream.receiveWindow.use(bytes))
  }

  /** Gives a stream up. Its handler is told nothing more. */
  reset(stream: H2Stream, code: number): void {
    if (stream.isClosed) return
    this.#state.outbound.reset(stream.id, code)
    this.#state.close(stream, true)
  }

  /**
   * Gives a stream up on which what came is malformed (RFC 9113 section 8.1.1): that counts as a
   * glitch, as what the codec itself finds malformed does.
   */
  fail(stream: H2Stream, code: number): void {
    const wrong = this.#state.fail(stream, code)
    if (wrong !== null) this.#state.break(wrong)
  }

  /** Says that this end will take no further streams soon: those on their way are still taken. */
  announceEnd(): void {
    this.#state.outbound.goaway(STREAM_ID_MAX)
  }

  /** Takes no further streams of the other end. */
  leave(): void {
    this.#state.lastTaken = this.#state.streams.lastRemoteId
    this.#state.outbound.goaway(this.#state.lastTaken)
  }
}
