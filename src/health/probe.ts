import type { Address } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import type { ProxyVersion } from '../model/config.ts'
import { type ConnectStep, PROBE_BYTES_MAX } from '../model/probe-protocol.ts'
import { PROBE_STATUS, type ProbeStatus } from '../model/probe-state.ts'
import type { OnShortage, OwnFailure } from '../model/shortage.ts'
import {
  type ByteView,
  type Conn,
  type ConnFailure,
  type ConnHandler,
  type NetEngine,
  UNKNOWN_ENDPOINT,
} from '../net/conn.ts'
import { connectNodeTls } from '../net/engines/node/node-tls.ts'
import { isOwnFailure } from '../net/failures.ts'
import { encodeProxyHeader } from '../net/proxy-protocol/proxy-protocol.ts'
import type { RunningTimer, RunningTimers } from '../net/running-timers.ts'
import type { ClientTlsSettings } from '../net/tls/client-tls.ts'
import { STREAM_CUT, TlsConn } from '../net/tls/tls-conn.ts'
import { UNHEARD } from '../net/unheard.ts'
import type { BeginConversation, Conversation } from './probes/conversation.ts'
import { type Dialogue, type Finding, findingOf, type Turn } from './probes/dialogue.ts'

/** How one probe ended. */
export interface ProbeOutcome extends Finding {
  readonly durationMs: number
  /** It could not be made: this node lacked something, and nothing is known of the server. */
  readonly ownFailure?: OwnFailure
}

/** What a probe needs of its surroundings. */
export interface ProbeContext {
  readonly engine: NetEngine
  readonly clock: Clock
  /** What a server's time is measured by. */
  readonly timers: RunningTimers
  /** Told of a connection that this node could not begin. Default: nobody is. */
  readonly onShortage?: OnShortage
}

/** How one connection of a probe is opened. */
export interface ProbeConnection {
  /** Another port than that of the address; null: that one. */
  readonly port: number | null
  readonly sendProxy: ProxyVersion | null
  /** Null: without TLS. */
  readonly tls: ClientTlsSettings | null
}

/** A connection that is opened as the address says, without more. */
export const PLAIN_CONNECTION: ProbeConnection = { port: null, sendProxy: null, tls: null }

/** What one probe does: it has a dialogue, a conversation, or none: that a connection opens is all. */
export interface ProbeTask {
  readonly address: Address
  readonly first: ProbeConnection
  /** How the connection that a dialogue asks for is opened. */
  readonly next: (step: ConnectStep) => ProbeConnection
  /** How long each connection may take to open, with TLS to be secure. */
  readonly connectTimeoutMs: number
  /** How long the conversation may take in all. */
  readonly timeoutMs: number
  readonly dialogue: Dialogue | null
  readonly conversation: BeginConversation | null
}

/** What a failed connection has to say, for a finding. */
export const FAILURE_INFO: Record<ConnFailure, string> = {
  refused: 'Connection refused',
  unreachable: 'No route to the address',
  exhausted: 'No descriptor or memory left',
  portless: 'No local port left',
  reset: 'Connection reset by peer',
  aborted: 'Connection aborted',
}

/** How far the connection at hand has come. */
type Progress = 'connecting' | 'securing' | 'open'

/** What it means that the connection fails. */
const FAILURES: Readonly<Record<Progress, (info: string) => Finding>> = {
  connecting: (info) => findingOf('L4CON', info),
  securing: (info) => findingOf('L6RSP', `SSL handshake failure: ${info}`),
  open: (info) => findingOf('SOCKERR', info),
}

/**
 * One health check of one server, from opening the connection to the outcome: a connection that
 * opens (`check` alone), with TLS if it is asked for, or a conversation over it.
 */
export class Probe implements ConnHandler {
  readonly #task: ProbeTask
  readonly #context: ProbeContext
  readonly #onOutcome: (outcome: ProbeOutcome) => void
  readonly #startMs: number
  #connection: ProbeConnection
  #conn: Conn
  #progress: Progress = 'connecting'
  #conversation: Conversation | null = null
  #connectTimer: RunningTimer
  /** Runs from the first connection that is open. */
  #answerTimer: RunningTimer | undefined
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
    this.#connection = task.first
    this.#connectTimer = this.#startConnectTimer()
    this.#conn = this.#connect()
  }

  /** Ends the probe without an outcome. Idempotent. */
  cancel(): void {
    this.#ended = true
    this.#release()
  }

  onConnect(conn: Conn): void {
    if (this.#ended) return
    const { sendProxy, tls } = this.#connection
    const isSecured = this.#progress === 'securing'
    const header = isSecured || sendProxy === null ? '' : proxyHeader(conn, sendProxy)
    if (tls === null || isSecured) {
      this.#open(conn, header)
      return
    }
    // The header is for who takes the connection, and so goes before TLS.
    if (header !== '') conn.write(header)
    this.#progress = 'securing'
    this.#conn = connectNodeTls(conn, tls, this)
  }

  onData(_conn: Conn, view: ByteView, length: number): void {
    const text = view.toString('latin1', 0, Math.min(length, PROBE_BYTES_MAX))
    if (!this.#ended) this.#take(this.#task.dialogue?.receive(text, false))
  }

  onDrain(): void {}

  onEnd(): void {
    if (!this.#ended) this.#take(this.#task.dialogue?.receive('', true))
  }

  onClose(conn: Conn, failure: ConnFailure | null): void {
    if (isOwnFailure(failure)) {
      this.#lack(failure)
      return
    }
    const problem = conn instanceof TlsConn ? conn.problem : null
    if (problem === STREAM_CUT && !this.#ended) {
      // What has come is judged as it is: a check is none of those whom a cut may harm.
      this.#take(this.#task.dialogue?.receive('', true))
    }
    const info = problem ?? (failure === null ? '' : FAILURE_INFO[failure])
    this.#finish(FAILURES[this.#progress](info))
  }

  #connect(): Conn {
    return this.#context.engine.connect(this.#address, this)
  }

  /** Where the connection at hand leads. */
  get #address(): Address {
    const { address } = this.#task
    const { port } = this.#connection
    return port !== null && address.kind === 'inet' ? { ...address, port } : address
  }

  #lack(failure: OwnFailure): void {
    if (this.#ended) return
    this.#context.onShortage?.(failure, this.#address)
    this.#finish(findingOf('SOCKERR', FAILURE_INFO[failure]), failure)
  }

  /** @param header is sent first */
  #open(conn: Conn, header: string): void {
    const { dialogue, conversation, timeoutMs } = this.#task
    this.#progress = 'open'
    this.#connectTimer.cancel()
    if (dialogue === null && header !== '') conn.write(header)
    if (dialogue === null && conversation === null) {
      this.#finish(findingOf('L4OK'))
      return
    }
    this.#answerTimer ??= this.#startTimer(timeoutMs, () =>
      findingOf('L7TOUT', this.#progress === 'open' ? (dialogue?.pending() ?? '') : ''),
    )
    if (conversation === null) this.#take(dialogue?.begin(), header)
    else this.#conversation = conversation(conn, (finding) => this.#finish(finding))
  }

  /** @param before is sent first */
  #take(turn: Turn | undefined, before = ''): void {
    if (turn === undefined) return
    const bytes = before + turn.send
    if (bytes !== '') this.#conn.write(bytes)
    if (turn.finding !== null) this.#finish(turn.finding)
    else if (turn.connect !== undefined) {
      this.#conn.handler = UNHEARD
      this.#conn.destroy()
      this.#progress = 'connecting'
      this.#connection = this.#task.next(turn.connect)
      this.#connectTimer = this.#startConnectTimer()
      this.#conn = this.#connect()
    }
  }

  #startConnectTimer(): RunningTimer {
    return this.#startTimer(this.#task.connectTimeoutMs, () => {
      if (this.#progress === 'open') return null
      return findingOf(this.#progress === 'connecting' ? 'L4TOUT' : 'L6TOUT')
    })
  }

  /**
   * A thread that is late itself must not take its servers for late, all at once.
   *
   * @param find says what it means that the time is up; null: nothing any more
   */
  #startTimer(timeoutMs: number, find: () => Finding | null): RunningTimer {
    return this.#context.timers.start(timeoutMs, () => {
      const finding = find()
      if (finding !== null) this.#finish(finding)
    })
  }

  #finish(finding: Finding, ownFailure?: OwnFailure): void {
    if (this.#ended) return
    this.#ended = true
    this.#release()
    const isSecure = this.#conn instanceof TlsConn
    const status = isSecure && finding.status === 'L4OK' ? 'L6OK' : finding.status
    const durationMs = this.#context.clock() - this.#startMs
    this.#onOutcome({ ...finding, status, durationMs, ...(ownFailure && { ownFailure }) })
  }

  #release(): void {
    this.#connectTimer.cancel()
    this.#answerTimer?.cancel()
    // With a reset no port of ours is left in TIME_WAIT, of which frequent checks would fill the
    // table. HAProxy closes its checks the same way.
    this.#conn.reset()
    this.#conversation?.stop()
  }
}

/** Whether an outcome counts for a server. */
export function hasPassed(status: ProbeStatus): boolean {
  return status === 'L4OK' || status === 'L6OK' || status === 'L7OK'
}

/** An outcome as HAProxy's log says it: `Layer7 wrong status, code: 503, info: "Unavailable"`. */
export function describeOutcome({ status, code, info }: ProbeOutcome): string {
  const codeText = code === 0 ? '' : `, code: ${code}`
  const infoText = info === '' ? '' : `, info: "${info}"`
  return PROBE_STATUS[status] + codeText + infoText
}

/**
 * What a check says of its own connection: in version 1 its two ends, since servers exist that
 * refuse `UNKNOWN`; in version 2 the command LOCAL, which is meant for it (proxy-protocol.txt
 * sections 2.1 and 2.2). HAProxy 2.6 was seen to send the same.
 *
 * @returns latin1
 */
function proxyHeader(conn: Conn, version: ProxyVersion): string {
  const isLocal = version !== 1
  const source = isLocal ? UNKNOWN_ENDPOINT : conn.local
  const destination = isLocal ? UNKNOWN_ENDPOINT : conn.remote
  const header = encodeProxyHeader(version, source, destination)
  return typeof header === 'string' ? header : Buffer.from(header).toString('latin1')
}
