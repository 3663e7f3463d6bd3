import {
  type Conn,
  type ConnFailure,
  type ConnHandler,
  type Endpoint,
  inetEndpoint,
} from '../../../src/net/conn.ts'
import { UNHEARD } from '../../../src/net/unheard.ts'
import type { Dice } from '../../simulation/dice.ts'

/** From so many bytes on `write` asks to wait. */
const HIGH_WATER_BYTES = 600
/** The largest piece that arrives at once. */
const PIECE_BYTES_MAX = 400

/**
 * A connection that keeps what src/net/conn.ts promises, with everything that it leaves open left
 * to dice: when bytes arrive and in what pieces, when the peer takes some, when it is told of ends.
 * The test plays the peer, by the methods whose names begin with `peer`.
 */
export class ChaosConn implements Conn {
  handler: ConnHandler = UNHEARD
  readonly remote = inetEndpoint('192.0.2.1', 50_000)
  readonly local = inetEndpoint('192.0.2.2', 80)
  readonly tls = null
  queuedBytes = 0
  /** Everything that the peer was sent, as latin1. */
  written = ''
  /** No callback follows. */
  isClosed = false
  readonly #dice: Dice
  #isConnecting: boolean
  #arriving = ''
  #paused = false
  #ended = false
  #peerEnded = false
  #endTold = false
  #drainOwed = false
  #isLeaving = false
  /** Why it is gone; undefined while it is not. */
  #gone: ConnFailure | undefined

  /** @param isConnecting it is outgoing, and the peer has not answered yet */
  constructor(dice: Dice, isConnecting: boolean) {
    this.#dice = dice
    this.#isConnecting = isConnecting
  }

  declareEndpoints(_remote: Endpoint, _local: Endpoint): void {}

  hasHungUp(): boolean {
    return false
  }

  isQuiet(): boolean {
    return this.#gone === undefined && this.#arriving === '' && !this.#peerEnded
  }

  write(data: Uint8Array | string): boolean {
    if (this.#gone !== undefined || this.isClosed || this.#isLeaving) return false
    if (this.#ended) throw new Error('written to after its end')
    const text = typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
    this.written += text
    this.queuedBytes += text.length
    const takesMore = this.queuedBytes < HIGH_WATER_BYTES
    if (!takesMore) this.#drainOwed = true
    return takesMore
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
  }

  end(): void {
    this.#ended = true
    this.#drainOwed = false
  }

  destroy(): void {
    this.#gone ??= 'aborted'
  }

  reset(): void {
    this.destroy()
  }

  breakOff(): void {
    this.#isLeaving = true
    if (this.queuedBytes === 0) this.destroy()
  }

  /** The peer knows of no end of ours. */
  get isOpen(): boolean {
    return this.#gone === undefined && !this.isClosed
  }

  get isConnecting(): boolean {
    return this.#isConnecting && this.isOpen
  }

  peerAccepts(): void {
    this.#isConnecting = false
    this.handler.onConnect(this)
  }

  peerSends(text: string): void {
    if (!this.#peerEnded) this.#arriving += text
  }

  peerEnds(): void {
    this.#peerEnded = true
  }

  /** Takes some of what was written. */
  peerTakes(): void {
    if (this.#isConnecting) return
    this.queuedBytes -= Math.min(this.queuedBytes, this.#dice.below(2 * HIGH_WATER_BYTES))
    if (this.#isLeaving && this.queuedBytes === 0) this.destroy()
  }

  /** @param failure what the connection ends with */
  peerBreaks(failure: ConnFailure): void {
    this.#gone ??= failure
  }

  /**
   * Tells the handler one thing that is due.
   *
   * @returns false when nothing was
   */
  step(): boolean {
    if (this.isClosed) return false
    if (this.#gone !== undefined) return this.#close(this.#gone)
    if (this.#isConnecting || this.#isLeaving) return false
    if (this.#drainOwed && this.queuedBytes === 0) {
      this.#drainOwed = false
      this.handler.onDrain(this)
      return true
    }
    if (!this.#paused && this.#arriving !== '') return this.#deliver()
    if (!this.#paused && this.#peerEnded && !this.#endTold) {
      this.#endTold = true
      this.handler.onEnd(this)
      return true
    }
    if (this.#ended && this.queuedBytes === 0 && this.#endTold) return this.#close(null)
    return false
  }

  #deliver(): boolean {
    const bytes = 1 + this.#dice.below(PIECE_BYTES_MAX)
    const view = Buffer.from(this.#arriving.slice(0, bytes), 'latin1')
    this.#arriving = this.#arriving.slice(bytes)
    this.handler.onData(this, view, view.length)
    return true
  }

  #close(failure: ConnFailure | null): boolean {
    this.isClosed = true
    this.queuedBytes = 0
    this.handler.onClose(this, failure)
    return true
  }
}
