import { type Fault, fault } from './faults.ts'
import { FLAG, H2_ERROR, WORD_BYTES, WORD_MASK } from './frames/frame-types.ts'
import { noteSetting, SETTING_BYTES, WINDOW_MAX } from './frames/settings.ts'
import type { H2State } from './h2-state.ts'
import type { HeaderBlocks } from './header-blocks.ts'

const PING_BYTES = 8
const GOAWAY_BYTES_MIN = 8

/**
 * Frames that are about the connection, and about windows: RFC 9113 sections 6.5 to 6.9. Each
 * method gives the fault that the frame is, or null.
 */
export class ControlFrames {
  readonly #state: H2State
  readonly #blocks: HeaderBlocks
  #hasSettings = false

  constructor(state: H2State, blocks: HeaderBlocks) {
    this.#state = state
    this.#blocks = blocks
  }

  settings(flags: number, id: number, view: Buffer, start: number, end: number): Fault | null {
    const { isServer, outbound } = this.#state
    if (id !== 0) return fault(H2_ERROR.protocol, 'SETTINGS on a stream')
    if ((flags & FLAG.ack) !== 0) return this.#settingsAck(end - start)
    if ((end - start) % SETTING_BYTES !== 0) {
      return fault(H2_ERROR.frameSize, 'SETTINGS end within one')
    }
    const { peer } = outbound
    const windowBefore = peer.initialWindowSize
    for (let at = start; at < end; at += SETTING_BYTES) {
      const code = noteSetting(peer, view.readUInt16BE(at), view.readUInt32BE(at + 2), !isServer)
      if (code !== 0) return fault(code, 'a setting has a value that it cannot have')
    }
    outbound.peerTableSized()
    const windowFault = this.#shiftWindows(peer.initialWindowSize - windowBefore)
    if (windowFault !== null) return windowFault
    outbound.settingsAck()
    const isFirst = !this.#hasSettings
    this.#hasSettings = true
    return isFirst ? null : this.#state.glitch()
  }

  /** RFC 9113 section 6.9.2: the change holds for streams that are open, too. */
  #shiftWindows(change: number): Fault | null {
    if (change === 0) return null
    for (const stream of this.#state.streams.open) {
      stream.sendWindow += change
      if (stream.sendWindow > WINDOW_MAX) {
        return fault(H2_ERROR.flowControl, 'settings make a window too large')
      }
    }
    return null
  }

  #settingsAck(length: number): Fault | null {
    const state = this.#state
    if (length !== 0) return fault(H2_ERROR.frameSize, 'an acknowledgement with content')
    if (state.isAcknowledged) return state.glitch()
    state.isAcknowledged = true
    this.#blocks.setTableSize(state.limits.headerTableSize)
    return null
  }

  ping(flags: number, id: number, view: Buffer, start: number, end: number): Fault | null {
    if (id !== 0) return fault(H2_ERROR.protocol, 'PING on a stream')
    if (end - start !== PING_BYTES) return fault(H2_ERROR.frameSize, 'PING not of 8 bytes')
    if ((flags & FLAG.ack) === 0) this.#state.outbound.ping(true, view, start)
    return this.#state.glitch()
  }

  goaway(id: number, view: Buffer, start: number, end: number): Fault | null {
    const { owner, streams } = this.#state
    if (id !== 0) return fault(H2_ERROR.protocol, 'GOAWAY on a stream')
    if (end - start < GOAWAY_BYTES_MIN) return fault(H2_ERROR.frameSize, 'GOAWAY cut short')
    this.#state.isPeerLeaving = true
    const last = view.readUInt32BE(start) & WORD_MASK
    for (const stream of [...streams.open]) {
      if (streams.isRemote(stream.id) || stream.id <= last || stream.isClosed) continue
      this.#state.close(stream, false)
      stream.handler.onReset(H2_ERROR.refusedStream, true)
    }
    owner.onGoaway(view.readUInt32BE(start + WORD_BYTES))
    return this.#state.glitch()
  }

  windowUpdate(id: number, view: Buffer, start: number, end: number): Fault | null {
    const { outbound } = this.#state
    if (end - start !== WORD_BYTES) return fault(H2_ERROR.frameSize, 'WINDOW_UPDATE not of 4 bytes')
    const increment = view.readUInt32BE(start) & WORD_MASK
    const wrong = outbound.takeUpdate() ? null : this.#state.glitch()
    if (wrong !== null) return wrong
    if (id !== 0) return this.#widenStream(id, increment)
    if (increment === 0) return fault(H2_ERROR.protocol, 'a window grows by nothing')
    if (outbound.widen(increment)) return null
    return fault(H2_ERROR.flowControl, 'the window of the connection is too large')
  }

  #widenStream(id: number, increment: number): Fault | null {
    const { streams } = this.#state
    const stream = streams.get(id)
    if (stream === undefined) {
      return streams.isIdle(id) ? fault(H2_ERROR.protocol, 'WINDOW_UPDATE on no stream') : null
    }
    if (increment === 0) return this.#state.fail(stream, H2_ERROR.protocol)
    stream.sendWindow += increment
    return stream.sendWindow > WINDOW_MAX ? this.#state.fail(stream, H2_ERROR.flowControl) : null
  }

  /** It means nothing here. RFC 9218 section 7.1. */
  priorityUpdate(id: number, start: number, end: number): Fault | null {
    if (id !== 0) return fault(H2_ERROR.protocol, 'PRIORITY_UPDATE on a stream')
    if (end - start < WORD_BYTES) return fault(H2_ERROR.frameSize, 'PRIORITY_UPDATE cut short')
    return this.#state.glitch()
  }
}
