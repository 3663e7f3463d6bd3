import { GatheredBytes } from '../../../base/gathered-bytes.ts'
import { H2_ERROR } from '../../../http/h2/frames/frame-types.ts'
import type { H2Stream } from '../../../http/h2/h2-stream.ts'
import type {
  ByteView,
  Conn,
  ConnFailure,
  ConnHandler,
  Endpoint,
  TlsFacts,
} from '../../../net/conn.ts'
import { UNHEARD } from '../../../net/unheard.ts'
import type { H2Carrier } from './h2-carrier.ts'
import { H2Outlet } from './h2-outlet.ts'

/**
 * A stream of a client's connection that has become a tunnel, as a connection of its own: RFC 9113
 * section 8.5. Its client's bytes are held while it is paused, as far as the stream's window allows.
 */
export class H2StreamConn implements Conn {
  handler: ConnHandler = UNHEARD
  readonly #carrier: H2Carrier
  readonly #stream: H2Stream
  readonly #outlet: H2Outlet
  #held: GatheredBytes | null = null
  #isPaused = false
  /** The client sends no more; told once what is held has been. */
  #hasEnded = false
  #isEndTold = false
  #isEnded = false
  #isGone = false

  constructor(carrier: H2Carrier, stream: H2Stream) {
    this.#carrier = carrier
    this.#stream = stream
    this.#outlet = new H2Outlet(carrier.h2)
    this.#outlet.begin(stream)
  }

  get remote(): Endpoint {
    return this.#carrier.client.remote
  }

  get local(): Endpoint {
    return this.#carrier.client.local
  }

  get tls(): TlsFacts | null {
    return this.#carrier.client.tls
  }

  get queuedBytes(): number {
    return this.#outlet.keptBytes
  }

  declareEndpoints(): void {}

  isQuiet(): boolean {
    return false
  }

  hasHungUp(): boolean {
    return this.#isGone
  }

  write(data: Uint8Array | string): boolean {
    if (this.#isGone) return false
    const view =
      typeof data === 'string'
        ? Buffer.from(data, 'latin1')
        : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    this.#outlet.add(view, 0, view.length)
    this.#outlet.push()
    this.#carrier.flush()
    return !this.#outlet.isBlocked
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    queueMicrotask(() => this.#tellHeld())
  }

  end(): void {
    if (this.#isEnded || this.#isGone) return
    this.#isEnded = true
    this.#outlet.end('')
    this.#outlet.push()
    this.#carrier.flush()
    this.#closeIfBothEnded()
  }

  destroy(): void {
    this.#abort(H2_ERROR.cancel)
  }

  reset(): void {
    this.#abort(H2_ERROR.cancel)
  }

  breakOff(): void {
    // RFC 9113 section 8.5: what a TCP connection that was reset is here.
    this.#abort(H2_ERROR.connect)
  }

  /** Bytes of the client have come. */
  onBody(view: ByteView, start: number, end: number): void {
    if (this.#isGone) return
    if (this.#isPaused || this.#held !== null) {
      this.#held ??= new GatheredBytes()
      this.#held.add(view, start, end)
      return
    }
    this.handler.onData(this, view.subarray(start, end), end - start)
    this.#carrier.h2.use(this.#stream, end - start)
  }

  /** The client sends no more. */
  onEnd(): void {
    this.#hasEnded = true
    if (!this.#isPaused && this.#held === null) this.#tellEnd()
  }

  /** The stream or its connection is gone. */
  onLost(): void {
    this.#close('reset')
  }

  /** There is room again. */
  onWritable(): void {
    this.#outlet.pushKept()
    if (this.#outlet.isBlocked || this.#isGone) return
    if (this.#isEnded) this.#closeIfBothEnded()
    else this.handler.onDrain(this)
  }

  #tellHeld(): void {
    if (this.#isPaused || this.#isGone) return
    const held = this.#held
    this.#held = null
    if (held !== null) {
      this.handler.onData(this, held.bytes, held.length)
      this.#carrier.h2.use(this.#stream, held.length)
      this.#carrier.flush()
    }
    if (this.#hasEnded && !this.#isPaused) this.#tellEnd()
  }

  #tellEnd(): void {
    if (this.#isEndTold || this.#isGone) return
    this.#isEndTold = true
    this.handler.onEnd(this)
    this.#closeIfBothEnded()
  }

  #closeIfBothEnded(): void {
    if (!this.#isEnded || !this.#isEndTold || this.#outlet.isBlocked || this.#isGone) return
    this.#isGone = true
    queueMicrotask(() => this.handler.onClose(this, null))
  }

  #abort(code: number): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#carrier.h2.reset(this.#stream, code)
    this.#carrier.flush()
    queueMicrotask(() => this.handler.onClose(this, 'aborted'))
  }

  #close(failure: ConnFailure): void {
    if (this.#isGone) return
    this.#isGone = true
    this.handler.onClose(this, failure)
  }
}
