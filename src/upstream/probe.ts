import { CHECK_STATUS, type CheckStatus } from '../model/check.ts'
import type { Clock } from '../model/clock.ts'
import type { CheckConfig, HttpCheckConfig } from '../model/config.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler, NetEngine } from '../net/conn.ts'

/** Bytes of a response that a probe reads at most while it waits for the end of the status line. */
export const STATUS_LINE_BYTES_MAX = 1024

/** How one probe ended. */
export interface ProbeOutcome {
  readonly status: CheckStatus
  /** The HTTP status code, 0 where there was none. */
  readonly code: number
  /** More about it, or ''. */
  readonly info: string
  readonly durationMs: number
}

/** What a probe needs of its surroundings. */
export interface ProbeContext {
  readonly engine: NetEngine
  readonly clock: Clock
}

const FAILURE_INFO: Record<ConnFailure, string> = {
  refused: 'Connection refused',
  unreachable: 'No route to the address',
  reset: 'Connection reset by peer',
  aborted: 'Connection aborted',
}

/** RFC 9112 section 4; servers that leave out the reason and its space are let pass. */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r?$/

/**
 * One health check of one server, from opening the connection to the outcome: a connection that
 * opens (`check` alone), or an answer with an expected status (`option httpchk`).
 *
 * Time limits are HAProxy's (configuration manual, `timeout check`): the smaller of
 * `timeout connect` and `inter` to connect, then `timeout check` to answer.
 */
export class Probe implements ConnHandler {
  readonly #check: CheckConfig
  readonly #clock: Clock
  readonly #onOutcome: (outcome: ProbeOutcome) => void
  readonly #startMs: number
  readonly #conn: Conn
  #timer: NodeJS.Timeout
  #connected = false
  #statusLine = ''
  #ended = false

  /**
   * Starts at once.
   *
   * @param connectTimeoutMs the backend's `timeout connect`
   * @param onOutcome called once, from the event loop, unless {@link cancel} comes first
   */
  constructor(
    check: CheckConfig,
    connectTimeoutMs: number,
    context: ProbeContext,
    onOutcome: (outcome: ProbeOutcome) => void,
  ) {
    this.#check = check
    this.#clock = context.clock
    this.#onOutcome = onOutcome
    this.#startMs = context.clock()
    this.#timer = this.#startTimer('L4TOUT', Math.min(connectTimeoutMs, check.interMs))
    this.#conn = context.engine.connect(check.address, this)
  }

  /** Ends the probe without an outcome. Idempotent. */
  cancel(): void {
    this.#ended = true
    this.#release()
  }

  onConnect(conn: Conn): void {
    if (this.#ended) return
    this.#connected = true
    const { http, timeoutMs } = this.#check
    if (http === null) {
      this.#finish('L4OK', 0, '')
      return
    }
    clearTimeout(this.#timer)
    this.#timer = this.#startTimer('L7TOUT', timeoutMs)
    conn.write(checkRequest(http))
  }

  onData(_conn: Conn, view: ByteView, length: number): void {
    if (this.#ended) return
    const room = STATUS_LINE_BYTES_MAX - this.#statusLine.length
    this.#statusLine += view.toString('latin1', 0, Math.min(length, room))
    const end = this.#statusLine.indexOf('\n')
    if (end >= 0) this.#judge(this.#statusLine.slice(0, end))
    else if (length >= room) this.#finish('L7RSP', 0, 'Status line too long')
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#statusLine === '') this.#finish('L7RSP', 0, 'Empty response')
    else this.#finish('L7RSP', 0, 'Incomplete status line')
  }

  onClose(_conn: Conn, failure: ConnFailure | null): void {
    const info = failure === null ? '' : FAILURE_INFO[failure]
    this.#finish(this.#connected ? 'SOCKERR' : 'L4CON', 0, info)
  }

  /**
   * The time is up only when what has arrived by then is dealt with: a thread that is late itself
   * must not take its servers for late, all at once.
   */
  #startTimer(status: CheckStatus, timeoutMs: number): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#finish(status, 0, '')), timeoutMs)
  }

  #judge(line: string): void {
    const match = STATUS_LINE.exec(line)
    if (match === null) {
      this.#finish('L7RSP', 0, 'Not an HTTP/1 status line')
      return
    }
    const code = Number(match[1])
    const ranges = this.#check.http?.expectStatus ?? []
    const expected = ranges.some(([least, most]) => code >= least && code <= most)
    this.#finish(expected ? 'L7OK' : 'L7STS', code, match[2] ?? '')
  }

  #finish(status: CheckStatus, code: number, info: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#release()
    this.#onOutcome({ status, code, info, durationMs: this.#clock() - this.#startMs })
  }

  #release(): void {
    clearTimeout(this.#timer)
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

function checkRequest({ method, uri, host }: HttpCheckConfig): string {
  if (host === '') return `${method} ${uri} HTTP/1.0\r\n\r\n`
  return `${method} ${uri} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
}
