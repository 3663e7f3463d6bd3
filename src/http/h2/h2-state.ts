import { type Fault, fault } from './faults.ts'
import { H2_ERROR } from './frames/frame-types.ts'
import { WINDOW_INITIAL, WINDOW_MAX } from './frames/settings.ts'
import { Glitches } from './glitches.ts'
import type { H2Limits } from './h2-limits.ts'
import { H2Stream, type StreamHandler } from './h2-stream.ts'
import { Outbound } from './outbound.ts'
import { ReceiveWindow } from './receive-window.ts'
import { STREAM_ID_MAX, StreamTable } from './stream-table.ts'

/** Who an `H2Connection` belongs to. */
export interface H2Owner {
  /**
   * The other end begins a stream. Asked of servers alone.
   *
   * @returns what makes its handler, or null: it is refused, and may be repeated
   */
  onStream(): ((stream: H2Stream) => StreamHandler) | null
  /** The other end takes no further streams; those that it has not begun with were told `onReset`. */
  onGoaway(code: number): void
  /**
   * The connection is broken: what is in the output is to be sent, and then it is to be closed.
   * Streams that are open are told nothing more.
   *
   * @param reason what the other end has done
   */
  onBroken(code: number, reason: string): void
}

/** What both directions of one end of a connection share. */
export class H2State {
  readonly isServer: boolean
  readonly limits: H2Limits
  readonly owner: H2Owner
  readonly streams: StreamTable
  readonly outbound: Outbound
  readonly glitches: Glitches
  /** What may come on all streams together. */
  readonly window: ReceiveWindow
  /** The other end has acknowledged the settings of this one. */
  isAcknowledged = false
  /** Streams of the other end above this are passed over: it was told so by GOAWAY. */
  lastTaken = STREAM_ID_MAX
  /** The other end takes no further streams. */
  isPeerLeaving = false
  /** Nothing more is read, and no stream is told anything. */
  isBroken = false

  constructor(isServer: boolean, limits: H2Limits, owner: H2Owner) {
    this.isServer = isServer
    this.limits = limits
    this.owner = owner
    this.streams = new StreamTable(isServer)
    this.outbound = new Outbound(limits.headerTableSize, limits.outputBytesMax)
    this.glitches = new Glitches(limits.glitchesMax)
    // Streams never hold each other back here: the connection has the window of all together.
    const all = limits.initialWindowSize * limits.maxConcurrentStreams
    this.window = new ReceiveWindow(Math.min(WINDOW_MAX, Math.max(WINDOW_INITIAL, all)))
  }

  /** Begins a stream. */
  begin(id: number, handlerOf: (stream: H2Stream) => StreamHandler): H2Stream {
    const { initialWindowSize } = this.limits
    // Until it knows better, the other end goes by what holds for all (RFC 9113 section 6.9.2).
    const receives = this.isAcknowledged
      ? initialWindowSize
      : Math.max(WINDOW_INITIAL, initialWindowSize)
    const sends = this.outbound.peer.initialWindowSize
    const stream = new H2Stream(id, handlerOf, sends, receives)
    this.streams.add(stream)
    return stream
  }

  /** This end has sent all of a stream. */
  endHere(stream: H2Stream): void {
    stream.isLocalEnded = true
    if (stream.isRemoteEnded) this.close(stream, false)
  }

  /** A stream is over. */
  close(stream: H2Stream, isResetHere: boolean): void {
    this.outbound.forget(stream)
    this.streams.close(stream, isResetHere)
  }

  /**
   * The other end has broken a stream alone: RFC 9113 section 5.4.2.
   *
   * @returns the fault that it has done so too often
   */
  fail(stream: H2Stream, code: number): Fault | null {
    if (stream.isClosed) return null
    this.outbound.reset(stream.id, code)
    this.close(stream, true)
    stream.handler.onReset(code, false)
    // A peer that has its streams reset on purpose costs what one costs that resets them itself.
    return this.glitch()
  }

  /** The other end has done what is allowed and of no use. @returns the fault that it is too much */
  glitch(): Fault | null {
    return this.glitches.add() ? fault(H2_ERROR.enhanceYourCalm, 'too many useless frames') : null
  }

  /** The other end has broken the connection: RFC 9113 section 5.4.1. */
  break({ code, reason }: Fault): void {
    if (this.isBroken) return
    this.isBroken = true
    this.outbound.goaway(this.streams.lastRemoteId, code, reason)
    this.owner.onBroken(code, reason)
  }
}
