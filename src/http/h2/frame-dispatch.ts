import { ControlFrames } from './control-frames.ts'
import { type Fault, fault } from './faults.ts'
import type { FrameSink } from './frames/frame-reader.ts'
import { FLAG, FRAME, H2_ERROR } from './frames/frame-types.ts'
import type { H2State } from './h2-state.ts'
import { StreamFrames } from './stream-frames.ts'

/** Brings each frame that arrives to where it is dealt with, in the order that RFC 9113 allows. */
export class FrameDispatch implements FrameSink {
  readonly #state: H2State
  readonly #control: ControlFrames
  readonly #streams: StreamFrames
  /** The other end's first frame was its settings: RFC 9113 section 3.4. */
  #isIntroduced = false

  constructor(state: H2State) {
    this.#state = state
    this.#streams = new StreamFrames(state)
    this.#control = new ControlFrames(state, this.#streams.blocks)
  }

  get isStopped(): boolean {
    return this.#state.isBroken
  }

  onFrame(
    type: number,
    flags: number,
    streamId: number,
    view: Buffer,
    start: number,
    end: number,
  ): void {
    this.#judge(
      this.#order(type, flags, streamId) ?? this.#frame(type, flags, streamId, view, start, end),
    )
  }

  #frame(
    type: number,
    flags: number,
    id: number,
    view: Buffer,
    start: number,
    end: number,
  ): Fault | null {
    switch (type) {
      case FRAME.headers:
        return this.#streams.headers(flags, id, view, start, end)
      case FRAME.continuation:
        return this.#streams.continuation(flags, view, start, end)
      case FRAME.rstStream:
        return this.#streams.rstStream(id, view, start, end)
      case FRAME.priority:
        return this.#streams.priority(id, view, start, end)
      case FRAME.windowUpdate:
        return this.#control.windowUpdate(id, view, start, end)
      case FRAME.settings:
        return this.#control.settings(flags, id, view, start, end)
      case FRAME.ping:
        return this.#control.ping(flags, id, view, start, end)
      case FRAME.goaway:
        return this.#control.goaway(id, view, start, end)
      case FRAME.priorityUpdate:
        return this.#control.priorityUpdate(id, start, end)
      case FRAME.pushPromise:
        return fault(H2_ERROR.protocol, 'a push, which nobody has allowed')
      default:
        // RFC 9113 section 5.5: unknown types mean nothing.
        return this.#state.glitch()
    }
  }

  onDataStart(flags: number, streamId: number, length: number): void {
    this.#judge(
      this.#order(FRAME.data, flags, streamId) ?? this.#streams.dataStart(flags, streamId, length),
    )
  }

  onDataBytes(view: Buffer, start: number, end: number): void {
    this.#streams.dataBytes(view, start, end)
  }

  onDataEnd(): void {
    this.#judge(this.#streams.dataEnd())
  }

  onFrameTooLong(): void {
    this.#judge(fault(H2_ERROR.frameSize, 'a frame longer than allowed'))
  }

  onPaddingTooLong(): void {
    this.#judge(fault(H2_ERROR.protocol, 'padding longer than its frame'))
  }

  /** What is wrong with such a frame at this place. */
  #order(type: number, flags: number, streamId: number): Fault | null {
    if (!this.#isIntroduced) {
      this.#isIntroduced = true
      if (type !== FRAME.settings || (flags & FLAG.ack) !== 0) {
        return fault(H2_ERROR.protocol, 'the first frame is not SETTINGS')
      }
    }
    if (this.#streams.mayFollow(type, streamId)) return null
    return fault(H2_ERROR.protocol, 'a frame within a header block, or a part of none')
  }

  #judge(wrong: Fault | null): void {
    if (wrong !== null) this.#state.break(wrong)
  }
}
