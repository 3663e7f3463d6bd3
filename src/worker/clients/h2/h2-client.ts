import { H2Connection } from '../../../http/h2/h2-connection.ts'
import type { H2Owner } from '../../../http/h2/h2-state.ts'
import type { H2Stream, StreamHandler } from '../../../http/h2/h2-stream.ts'
import type { HeaderField } from '../../../http/h2/hpack/header-field.ts'
import { FieldBlock } from '../../../http/h2/messages/field-block.ts'
import { RequestReader } from '../../../http/h2/messages/request-reader.ts'
import { COUNTER, count } from '../../../memory/counters.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../../net/conn.ts'
import { Deadline } from '../../../net/deadline-wheel.ts'
import type { ClientServices, Door } from '../client-services.ts'
import type { OpenExchange } from '../h1-client-stream.ts'
import { Lingering } from '../lingering.ts'
import type { Place, Session } from '../session.ts'
import type { H2Carrier } from './h2-carrier.ts'
import { H2ClientStream } from './h2-client-stream.ts'

/** How long a client may go on to open streams once it was told that this will end. */
const DRAIN_MS = 1000
/** Streams that are kept for the next ones, with their exchanges, while others are open. */
const SPARE_STREAMS_MAX = 32
const WEBSOCKET_KEY_BYTES = 16

/** What the other end is waited for, with the timeout that is for it. */
type Awaited = 'first' | 'next' | 'head' | 'room' | 'nothing'

/**
 * One HTTP/2 client connection of a frontend in `mode http`: has its frames read, and gives each
 * stream to an {@link H2ClientStream}. RFC 9113.
 *
 * Invariant: what waits to be sent is bounded. Bodies wait from a bound on, and a
 * client that does not take what it has brought about (heads, answers to PING and SETTINGS) is not
 * read until it does.
 */
export class H2Client implements ConnHandler, H2Carrier, H2Owner, Session {
  readonly client: Conn
  readonly door: Door
  readonly h2: H2Connection
  readonly reader: RequestReader
  readonly #services: ClientServices
  readonly #place: Place
  readonly #open: OpenExchange
  readonly #block: FieldBlock
  readonly #streams = new Set<H2ClientStream>()
  readonly #spare: H2ClientStream[] = []
  readonly #deadline = new Deadline(() => this.#onLate())
  readonly #goodbye = new Deadline(() => this.leave())
  readonly #io = new IoState()
  /** The stream whose header block is being read. */
  #reading: H2Stream | null = null
  #awaited: Awaited = 'nothing'
  #hasServed = false
  #life: 'open' | 'announced' | 'leaving' | 'left' | 'gone' = 'open'
  #lingering: Lingering | null = null

  /** @param isCounted it was counted before, as one of HTTP/1 */
  constructor(
    client: Conn,
    place: Place,
    services: ClientServices,
    open: OpenExchange,
    isCounted = false,
  ) {
    this.client = client
    this.door = place.door
    this.#services = services
    this.#place = place
    this.#open = open
    const { head } = services.requestHeads.atHand
    this.#block = new FieldBlock(head.limits)
    this.reader = new RequestReader(head, websocketKey)
    this.h2 = new H2Connection(true, services.h2ClientLimits, this)
    client.handler = this
    place.pass(this)
    if (!isCounted) count(services.cells, this.door.frontend.plan.row, COUNTER.connectionsTotal)
    this.flush()
    this.#expect()
  }

  // What the connection tells.

  onConnect(): void {}

  onData(_conn: Conn, view: ByteView, length: number): void {
    const io = this.#io
    io.isReceiving = true
    this.h2.receive(view, 0, length, this.#services.wheel.nowMs)
    io.isReceiving = false
    this.flush()
    if (io.isBroken) this.#breakDown()
    else this.#expect()
  }

  onDrain(): void {
    const io = this.#io
    io.isBlocked = false
    // Bodies may wait for the room that the output has had since it was handed on.
    if (!io.isBroken) this.h2.resume()
    this.flush()
    if (io.isPaused && !io.isBlocked) {
      io.isPaused = false
      this.client.resume()
    }
    this.#awaited = 'nothing'
    this.#expect()
  }

  onEnd(): void {
    this.leave()
    for (const stream of [...this.#streams]) stream.clientEnded()
    this.flush()
  }

  onClose(_conn: Conn, _failure: ConnFailure | null): void {
    this.#gone()
  }

  // What the other end does.

  onStream(): ((stream: H2Stream) => StreamHandler) | null {
    if (this.door.closed && this.#life === 'open') this.drain()
    return this.#begin
  }

  readonly #begin = (stream: H2Stream): StreamHandler => {
    this.#hasServed = true
    // From here on, as its first frame may hold no field.
    this.#block.clear()
    this.#reading = stream
    const served = this.#spare.pop() ?? new H2ClientStream(this, this.#services, this.#open)
    this.#streams.add(served)
    return served.begin(stream)
  }

  onGoaway(): void {}

  onBroken(): void {
    this.#io.isBroken = true
  }

  // What streams ask for.

  takeField(stream: H2Stream, field: HeaderField): void {
    if (stream !== this.#reading) {
      // A block before it may have lost its stream before it was whole.
      this.#block.clear()
      this.#reading = stream
    }
    this.#block.onField(field)
  }

  takeBlock(): FieldBlock {
    // One without a field has told nothing.
    if (this.#reading === null) this.#block.clear()
    this.#reading = null
    return this.#block
  }

  flush(): void {
    const io = this.#io
    if (io.isReceiving || io.isFlushing || this.#life === 'left' || this.#life === 'gone') return
    const { output } = this.h2
    io.isFlushing = true
    while (!io.isBlocked && output.length > 0) {
      const isTaken = this.client.write(output.written)
      output.length = 0
      if (!isTaken) io.isBlocked = true
      else if (!io.isBroken) this.h2.resume()
    }
    io.isFlushing = false
    if (io.isBlocked) this.#expect()
    if (output.length >= this.#services.h2ClientLimits.outputBytesMax && !io.isPaused) {
      io.isPaused = true
      this.client.pause()
    }
    this.#closeIfDone()
  }

  leave(): void {
    if (this.#life !== 'open' && this.#life !== 'announced') return
    this.#life = 'leaving'
    this.#services.wheel.cancel(this.#goodbye)
    this.h2.leave()
    this.flush()
  }

  streamOver(stream: H2ClientStream): void {
    this.#streams.delete(stream)
    if (this.#life === 'gone') {
      stream.dispose()
      this.#endIfOver()
      return
    }
    if (this.#spare.length < SPARE_STREAMS_MAX) this.#spare.push(stream)
    else stream.dispose()
    if (this.#streams.size > 0 || this.#io.isReceiving) return
    this.#expect()
    this.flush()
  }

  // What the worker asks for.

  /** RFC 9113 section 6.8: streams that are on their way are still taken. */
  drain(): void {
    if (this.#life !== 'open') {
      this.#lingering?.drain()
      return
    }
    this.#life = 'announced'
    this.h2.announceEnd()
    this.#services.wheel.scheduleIn(this.#goodbye, DRAIN_MS)
    this.flush()
  }

  cut(): void {
    for (const stream of [...this.#streams]) stream.cut()
    this.client.destroy()
  }

  /** The client is given time for what it is to do next. */
  #expect(): void {
    const awaited = this.#nowAwaited
    if (awaited === this.#awaited) return
    this.#awaited = awaited
    const { wheel } = this.#services
    const { clientMs, httpKeepAliveMs, httpRequestMs } = this.door.frontend.plan.timeouts
    if (awaited === 'nothing') wheel.cancel(this.#deadline)
    else if (awaited === 'room') wheel.scheduleIn(this.#deadline, clientMs)
    else wheel.scheduleIn(this.#deadline, awaited === 'next' ? httpKeepAliveMs : httpRequestMs)
  }

  get #nowAwaited(): Awaited {
    if (this.#life === 'left' || this.#life === 'gone') return 'nothing'
    if (this.#io.isBlocked) return 'room'
    if (this.#reading !== null) return 'head'
    if (this.#streams.size > 0) return 'nothing'
    return this.#hasServed ? 'next' : 'first'
  }

  #onLate(): void {
    if (this.#awaited === 'room') {
      // With a FIN alone the kernel would keep what the client does not read.
      this.client.reset()
      return
    }
    this.leave()
    this.#breakDown()
  }

  #closeIfDone(): void {
    const isDone = this.#streams.size === 0 && !this.#io.isBlocked && !this.#io.isReceiving
    if (this.#life === 'leaving' && isDone && this.h2.output.length === 0) this.#close()
  }

  /** The connection cannot go on: whatever is open on it is lost. */
  #breakDown(): void {
    if (this.#life === 'left' || this.#life === 'gone') return
    for (const stream of [...this.#streams]) stream.lost()
    this.#close()
  }

  #close(): void {
    if (this.#life === 'left' || this.#life === 'gone') return
    this.#life = 'left'
    this.#forgetTimes()
    const { timeouts } = this.door.frontend.plan
    const lingering = new Lingering(this.client, this.#services.wheel, timeouts, () => this.#gone())
    this.#lingering = lingering
    if (this.#io.isPaused) this.client.resume()
    lingering.begin(false)
  }

  #gone(): void {
    this.#life = 'gone'
    this.#forgetTimes()
    for (const stream of [...this.#streams]) stream.lost()
    for (const stream of this.#spare.splice(0)) stream.dispose()
    this.#endIfOver()
  }

  /** A tunnel's other side may outlive the connection for a moment. */
  #endIfOver(): void {
    if (this.#streams.size > 0 || this.#io.hasLeftPlace) return
    this.#io.hasLeftPlace = true
    this.#place.leave()
  }

  #forgetTimes(): void {
    this.#services.wheel.cancel(this.#deadline)
    this.#services.wheel.cancel(this.#goodbye)
  }
}

/** Where the bytes of a connection are. */
class IoState {
  /** Frames are being read: what they bring about is sent together. */
  isReceiving = false
  isFlushing = false
  /** The client does not take what is sent. */
  isBlocked = false
  /** It is not read. */
  isPaused = false
  /** The codec has given up on it. */
  isBroken = false
  hasLeftPlace = false
}

/** No secret: a server answers with a digest of it, so that nobody takes a stored answer for one. */
const websocketKey = Buffer.from(
  Array.from({ length: WEBSOCKET_KEY_BYTES }, () => Math.floor(Math.random() * 256)),
).toString('base64')
