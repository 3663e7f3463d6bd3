import { H2Connection } from '../../../http/h2/h2-connection.ts'
import type { H2Owner } from '../../../http/h2/h2-state.ts'
import type { H2Stream, StreamHandler } from '../../../http/h2/h2-stream.ts'
import { FieldBlock } from '../../../http/h2/messages/field-block.ts'
import { ResponseReader } from '../../../http/h2/messages/response-reader.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../../net/conn.ts'
import { UNHEARD } from '../../../net/unheard.ts'
import type { SharedConnection, SharedHome } from '../connections/shared-connection.ts'
import type { ResponseServices } from '../server-services.ts'

/** A stream as the connection knows it that carries it. */
export interface CarriedStream extends StreamHandler {
  /** What was told is all for now. */
  onAllTold(): void
  /** The connection takes more, after it was blocked. */
  drained(): void
  /** The connection has ended, and the stream with it. */
  onConnectionEnd(): void
  /** What came on the connection is not HTTP/2. */
  onConnectionBroken(): void
}

/**
 * A connection to a server that speaks HTTP/2, which carries the requests of many clients at once.
 * What is wrong with one stream ends that stream alone; what is wrong with the connection ends all of
 * its streams, and nothing else.
 */
export class H2ServerConnection implements ConnHandler, H2Owner, SharedConnection {
  readonly h2: H2Connection
  readonly reader: ResponseReader
  readonly scheme: 'http' | 'https'
  home: SharedHome | null = null
  isResting = false
  isProven = false
  /** What was written waits in the kernel's way: `drained` of those who have asked follows. */
  isBlocked = false
  /** The header block that is being read, and the stream that it is of. */
  readonly #block: FieldBlock
  #blockStream: CarriedStream | null = null
  readonly #conn: Conn
  readonly #services: ResponseServices
  readonly #streamsMax: number
  readonly #streams = new Set<CarriedStream>()
  /** Streams that wait until it takes more. */
  readonly #waiting = new Set<CarriedStream>()
  /** The stream that was told something since it was last told that this is all. */
  #told: CarriedStream | null = null
  /** It takes no more streams, and closes with the last one. */
  #isLeaving = false
  #isClosed = false

  constructor(conn: Conn, services: ResponseServices) {
    this.#conn = conn
    this.#services = services
    this.#streamsMax = services.h2Limits.maxConcurrentStreams
    this.scheme = conn.tls === null ? 'http' : 'https'
    this.#block = new FieldBlock(services.responseHead.limits)
    this.reader = new ResponseReader(services.responseHead)
    this.h2 = new H2Connection(false, services.h2Limits, this)
    conn.handler = this
    this.flush()
  }

  get streams(): number {
    return this.#streams.size
  }

  get hasRoom(): boolean {
    return !this.#isLeaving && this.#streams.size < this.#streamsMax && this.h2.canOpen
  }

  isTo(serverName: string | null | undefined): boolean {
    return serverName === undefined || this.#conn.tls?.serverName === serverName
  }

  get isAlive(): boolean {
    return this.#streams.size > 0 || this.#conn.isQuiet()
  }

  /** Begins a stream, whose head must be sent before another one is begun. Needs {@link hasRoom}. */
  open(stream: CarriedStream): H2Stream {
    this.home?.woken(this)
    this.#streams.add(stream)
    return this.h2.open(() => stream)
  }

  /** The header block of a stream, as far as it has come. */
  blockOf(stream: CarriedStream): FieldBlock {
    if (this.#blockStream !== stream) {
      this.#block.clear()
      this.#blockStream = stream
    }
    return this.#block
  }

  /** It was read. */
  blockRead(): void {
    this.#blockStream = null
  }

  /** Sends what streams have handed over. @returns false where they should wait */
  flush(): boolean {
    const { output } = this.h2
    while (!this.isBlocked && output.length > 0) {
      const isTaken = this.#conn.write(output.written)
      output.length = 0
      if (isTaken) this.h2.resume()
      else this.isBlocked = true
    }
    return !this.isBlocked
  }

  /** `drained` of the stream follows once the connection takes more. */
  waitForDrain(stream: CarriedStream): void {
    this.#waiting.add(stream)
  }

  /**
   * Something is told to a stream, or to none. What clients are sent is put together for one of them
   * at a time: the one that was told before is sent now.
   */
  tell(stream: CarriedStream | null): void {
    const before = this.#told
    if (before === stream) return
    this.#told = stream
    before?.onAllTold()
  }

  /** A stream is over, whatever has become of it: it is told nothing more. */
  over(stream: CarriedStream): void {
    this.#waiting.delete(stream)
    if (this.#told === stream) this.#told = null
    if (this.#blockStream === stream) this.#blockStream = null
    this.#streams.delete(stream)
    if (this.#streams.size > 0 || this.#isClosed) return
    if (this.#isLeaving) this.close()
    else this.home?.rested(this)
  }

  /** Takes no more streams; those that it has come to their end. */
  leave(): void {
    this.#isLeaving = true
    this.home?.remove(this)
    if (this.#streams.size === 0) this.close()
  }

  /** Closes it, telling the server so. Nothing is told of it any more. */
  close(): void {
    this.#isLeaving = true
    this.home?.remove(this)
    this.h2.leave()
    this.#conn.write(this.h2.output.written)
    this.#forgetConn().destroy()
  }

  /** Resets it. Nothing is told of it any more. */
  reset(): void {
    this.#isLeaving = true
    this.home?.remove(this)
    this.#forgetConn().reset()
  }

  onStream(): null {
    return null
  }

  onGoaway(): void {
    this.leave()
  }

  onBroken(): void {
    this.#conn.write(this.h2.output.written)
    this.h2.output.length = 0
    this.#end((stream) => stream.onConnectionBroken())
  }

  onConnect(): void {}

  onData(_conn: Conn, view: ByteView, length: number): void {
    this.h2.receive(view, 0, length, this.#services.wheel.nowMs)
    this.tell(null)
    this.flush()
  }

  onDrain(): void {
    this.isBlocked = false
    this.h2.resume()
    this.flush()
    const waiting = [...this.#waiting]
    for (const stream of waiting) {
      if (this.isBlocked) return
      if (this.#waiting.delete(stream)) stream.drained()
    }
  }

  onEnd(): void {
    this.#end((stream) => stream.onConnectionEnd())
  }

  onClose(_conn: Conn, _failure: ConnFailure | null): void {
    this.#end((stream) => stream.onConnectionEnd())
  }

  /** The connection is gone, or of no use: its streams are told, each of itself. */
  #end(tell: (stream: CarriedStream) => void): void {
    this.#isLeaving = true
    this.home?.remove(this)
    this.tell(null)
    this.#forgetConn().destroy()
    for (const stream of [...this.#streams]) {
      // What is told to one may be the end of another.
      if (this.#streams.delete(stream)) tell(stream)
    }
  }

  #forgetConn(): Conn {
    this.#isClosed = true
    this.#conn.handler = UNHEARD
    this.#waiting.clear()
    return this.#conn
  }
}
