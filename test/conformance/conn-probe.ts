import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../src/net/conn.ts'

/** What the contract of src/net/conn.ts forbids and a probe has seen, over all probes of a test. */
const violations: string[] = []

/** Calls into a connection that are on the stack now. */
let callsInProgress = 0

/** What was called on a connection so far; it goes with the connection to its next handler. */
interface Calls {
  /** Whether the last write said false and no drain has followed. */
  drainOwed: boolean
  paused: boolean
  /** Whether destroy, reset or breakOff was called. */
  gone: boolean
}

const callsOf = new WeakMap<Conn, Calls>()

/** Wraps the methods of one connection, so that it is known what was called and when. */
function watch(conn: Conn): void {
  if (callsOf.has(conn)) return
  const calls: Calls = { drainOwed: false, paused: false, gone: false }
  callsOf.set(conn, calls)
  for (const name of ['write', 'pause', 'resume', 'end', 'destroy', 'reset', 'breakOff'] as const) {
    const method = conn[name].bind(conn) as (...given: unknown[]) => unknown
    const watched = (...given: unknown[]): unknown => {
      callsInProgress++
      try {
        const result = method(...given)
        if (name === 'write' && result === false) calls.drainOwed = true
        if (name === 'pause' || name === 'resume') calls.paused = name === 'pause'
        if (name === 'destroy' || name === 'reset' || name === 'breakOff') calls.gone = true
        return result
      } finally {
        callsInProgress--
      }
    }
    Object.defineProperty(conn, name, { value: watched })
  }
}

/** Returns the violations since the last call. */
export function takeViolations(): string[] {
  return violations.splice(0)
}

/** What a test may add to a probe's own bookkeeping. */
export interface ProbeActions {
  onConnect?(conn: Conn): void
  onData?(conn: Conn, view: ByteView, length: number): void
  onDrain?(conn: Conn): void
  onEnd?(conn: Conn): void
  onClose?(conn: Conn, failure: ConnFailure | null): void
}

/**
 * The handler of every connection in the suite: records what it is told, lets a test wait for it,
 * and checks the order of callbacks that the seam promises.
 */
export class Probe implements ConnHandler {
  readonly name: string
  readonly received: Buffer[] = []
  receivedBytes = 0
  connects = 0
  drains = 0
  ends = 0
  closes = 0
  failure: ConnFailure | null | undefined
  #conn: Conn | null = null
  readonly #actions: ProbeActions
  readonly #waiters: { readonly met: () => boolean; readonly resolve: () => void }[] = []

  constructor(name: string, actions: ProbeActions = {}) {
    this.name = name
    this.#actions = actions
  }

  /** The connection, once it is known. */
  get conn(): Conn {
    if (this.#conn === null) throw new Error(`${this.name} has no connection yet`)
    return this.#conn
  }

  /** Whether the last write said false and no drain has followed. */
  get drainOwed(): boolean {
    return this.#calls.drainOwed
  }

  get data(): Buffer {
    return Buffer.concat(this.received)
  }

  /** Takes charge of a connection and watches the calls that a test makes on it. */
  attach(conn: Conn): Conn {
    this.#conn = conn
    conn.handler = this
    watch(conn)
    this.#wake()
    return conn
  }

  /** Resolves as soon as a condition holds after a callback. */
  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ met, resolve }))
  }

  accepted(): Promise<void> {
    return this.until(() => this.#conn !== null)
  }

  connected(): Promise<void> {
    return this.until(() => this.connects > 0)
  }

  ended(): Promise<void> {
    return this.until(() => this.ends > 0)
  }

  closed(): Promise<void> {
    return this.until(() => this.closes > 0)
  }

  /** Resolves when so many bytes have arrived since the start. */
  bytes(count: number): Promise<void> {
    return this.until(() => this.receivedBytes >= count)
  }

  onConnect(conn: Conn): void {
    this.#check('onConnect', conn)
    if (++this.connects > 1) this.#violated('onConnect twice')
    this.#actions.onConnect?.(conn)
    this.#wake()
  }

  onData(conn: Conn, view: ByteView, length: number): void {
    this.#check('onData', conn)
    if (this.ends > 0) this.#violated('onData after onEnd')
    if (this.#calls.paused) this.#violated('onData while paused')
    if (length <= 0 || length > view.length) this.#violated(`onData of ${length}/${view.length}`)
    this.received.push(Buffer.from(view.subarray(0, length)))
    this.receivedBytes += length
    this.#actions.onData?.(conn, view, length)
    this.#wake()
  }

  onDrain(conn: Conn): void {
    this.#check('onDrain', conn)
    if (!this.#calls.drainOwed) this.#violated('onDrain without a write that said false')
    if (conn.queuedBytes !== 0) this.#violated('onDrain with bytes queued')
    this.#calls.drainOwed = false
    this.drains++
    this.#actions.onDrain?.(conn)
    this.#wake()
  }

  onEnd(conn: Conn): void {
    this.#check('onEnd', conn)
    if (this.#calls.paused) this.#violated('onEnd while paused')
    if (++this.ends > 1) this.#violated('onEnd twice')
    this.#actions.onEnd?.(conn)
    this.#wake()
  }

  onClose(conn: Conn, failure: ConnFailure | null): void {
    this.#check('onClose', conn)
    this.closes++
    this.failure = failure
    this.#actions.onClose?.(conn, failure)
    this.#wake()
  }

  get #calls(): Calls {
    return callsOf.get(this.conn) as Calls
  }

  #check(callback: string, conn: Conn): void {
    if (callsInProgress > 0) this.#violated(`${callback} from within a call`)
    if (this.closes > 0) this.#violated(`${callback} after onClose`)
    if (this.#calls.gone && callback !== 'onClose') this.#violated(`${callback} after destroy`)
    if (conn !== this.#conn) this.#violated(`${callback} for another connection`)
  }

  #violated(what: string): void {
    violations.push(`${this.name}: ${what}`)
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.met()) waiter.resolve()
      else this.#waiters.push(waiter)
    }
  }
}
