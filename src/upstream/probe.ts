import type { Address } from '../model/address.ts'
import { CHECK_STATUS, type CheckStatus } from '../model/check.ts'
import type { Clock } from '../model/clock.ts'
import type { ProxyVersion } from '../model/config.ts'
import {
  type ByteView,
  type Conn,
  type ConnFailure,
  type ConnHandler,
  type NetEngine,
  NO_ENDPOINT,
} from '../net/conn.ts'
import { encodeProxyHeader } from '../net/proxy-protocol.ts'
import { CHECK_BYTES_MAX, type Dialogue, type Finding, type Turn } from './checks/dialogue.ts'

/** How one probe ended. */
export interface ProbeOutcome extends Finding {
  readonly durationMs: number
}

/** What a probe needs of its surroundings. */
export interface ProbeContext {
  readonly engine: NetEngine
  readonly clock: Clock
}

/** What one probe does. */
export interface ProbeTask {
  readonly address: Address
  /** Another port to begin with; null: that of the address. */
  readonly port: number | null
  readonly sendProxy: ProxyVersion | null
  /** How long each connection may take to open. */
  readonly connectTimeoutMs: number
  /** How long the conversation may take in all. */
  readonly timeoutMs: number
  /** Null: that a connection opens is all. */
  readonly dialogue: Dialogue | null
}

/** What a failed connection has to say, for a finding. */
export const FAILURE_INFO: Record<ConnFailure, string> = {
  refused: 'Connection refused',
  unreachable: 'No route to the address',
  reset: 'Connection reset by peer',
  aborted: 'Connection aborted',
}

/** What the handler of a connection that is not used any more does. */
const DEAF: ConnHandler = {
  onConnect() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
}

/**
 * One health check of one server, from opening the connection to the outcome: a connection that
 * opens (`check` alone), or a conversation over it.
 */
export class Probe implements ConnHandler {
  readonly #task: ProbeTask
  readonly #context: ProbeContext
  readonly #onOutcome: (outcome: ProbeOutcome) => void
  readonly #startMs: number
  #conn: Conn
  #connectTimer: NodeJS.Timeout
  /** Runs from the first connection that opens. */
  #answerTimer: NodeJS.Timeout | undefined
  #connected = false
  #ended = false

  /**
   * Starts at once.
   *
   * @param onOutcome called once, from the event loop, unless {@link cancel} comes first
   */
  constructor(task: ProbeTask, context: ProbeContext, onOutcome: (outcome: ProbeOutcome) => void) {
    this.#task = task
    this.#context = context
    this.#onOutcome = onOutcome
    this.#startMs = context.clock()
    this.#connectTimer = this.#startTimer('L4TOUT', task.connectTimeoutMs)
    this.#conn = this.#connect(task.port)
  }

  /** Ends the probe without an outcome. Idempotent. */
  cancel(): void {
    this.#ended = true
    this.#release()
  }

  onConnect(conn: Conn): void {
    if (this.#ended) return
    this.#connected = true
    clearTimeout(this.#connectTimer)
    const { dialogue, sendProxy, timeoutMs } = this.#task
    const header = sendProxy === null ? '' : proxyHeader(conn, sendProxy)
    if (dialogue === null) {
      if (header !== '') conn.write(header)
      this.#finish({ status: 'L4OK', code: 0, info: '' })
      return
    }
    this.#answerTimer ??= this.#startTimer('L7TOUT', timeoutMs)
    this.#take(dialogue.begin(), header)
  }

  onData(_conn: Conn, view: ByteView, length: number): void {
    const text = view.toString('latin1', 0, Math.min(length, CHECK_BYTES_MAX))
    if (!this.#ended) this.#take(this.#task.dialogue?.receive(text, false))
  }

  onDrain(): void {}

  onEnd(): void {
    if (!this.#ended) this.#take(this.#task.dialogue?.receive('', true))
  }

  onClose(_conn: Conn, failure: ConnFailure | null): void {
    const info = failure === null ? '' : FAILURE_INFO[failure]
    this.#finish({ status: this.#connected ? 'SOCKERR' : 'L4CON', code: 0, info })
  }

  #connect(port: number | null): Conn {
    const { address } = this.#task
    const isElsewhere = port !== null && address.kind === 'inet'
    return this.#context.engine.connect(isElsewhere ? { ...address, port } : address, this)
  }

  /** @param before is sent first */
  #take(turn: Turn | undefined, before = ''): void {
    if (turn === undefined) return
    const bytes = before + turn.send
    if (bytes !== '') this.#conn.write(bytes)
    if (turn.finding !== null) this.#finish(turn.finding)
    else if (turn.connect !== undefined) {
      this.#conn.handler = DEAF
      this.#conn.destroy()
      this.#connected = false
      this.#connectTimer = this.#startTimer('L4TOUT', this.#task.connectTimeoutMs)
      this.#conn = this.#connect(turn.connect.port)
    }
  }

  /**
   * The time is up only when what has arrived by then is dealt with: a thread that is late itself
   * must not take its servers for late, all at once.
   */
  #startTimer(status: CheckStatus, timeoutMs: number): NodeJS.Timeout {
    const giveUp = (): void => {
      if (status === 'L4TOUT' && this.#connected) return
      const info = this.#connected ? (this.#task.dialogue?.pending() ?? '') : ''
      this.#finish({ status, code: 0, info })
    }
    return setTimeout(() => setImmediate(giveUp), timeoutMs)
  }

  #finish(finding: Finding): void {
    if (this.#ended) return
    this.#ended = true
    this.#release()
    this.#onOutcome({ ...finding, durationMs: this.#context.clock() - this.#startMs })
  }

  #release(): void {
    clearTimeout(this.#connectTimer)
    clearTimeout(this.#answerTimer)
    // With a reset no port of ours is left in TIME_WAIT, of which frequent checks would fill the
    // table. HAProxy closes its checks the same way.
    this.#conn.reset()
  }
}

/** Whether an outcome counts for a server. */
export function hasPassed(status: CheckStatus): boolean {
  return status === 'L4OK' || status === 'L7OK'
}

/** An outcome as HAProxy's log says it: `Layer7 wrong status, code: 503, info: "Unavailable"`. */
export function describeOutcome({ status, code, info }: ProbeOutcome): string {
  const codeText = code === 0 ? '' : `, code: ${code}`
  const infoText = info === '' ? '' : `, info: "${info}"`
  return CHECK_STATUS[status] + codeText + infoText
}

/**
 * What a check says of its own connection: in version 1 its two ends, since servers exist that
 * refuse `UNKNOWN`; in version 2 the command LOCAL, which is meant for it (proxy-protocol.txt
 * sections 2.1 and 2.2). HAProxy 2.6 was seen to send the same.
 *
 * @returns latin1
 */
function proxyHeader(conn: Conn, version: ProxyVersion): string {
  const { localAddress, localPort, remoteAddress, remotePort } = conn
  const isLocal = version === 2
  const source = isLocal ? NO_ENDPOINT : { address: localAddress, port: localPort }
  const destination = isLocal ? NO_ENDPOINT : { address: remoteAddress, port: remotePort }
  const header = encodeProxyHeader(version, source, destination)
  return typeof header === 'string' ? header : Buffer.from(header).toString('latin1')
}
