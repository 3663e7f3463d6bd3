/**
 * Lines of the access log, in HAProxy's formats, so that its log analysers read them
 * (configuration manual, sections 8.2.2 "TCP log format" and 8.2.3 "HTTP log format").
 */

/** Characters of a request line that are logged; what is longer is cut. HAProxy: `REQURI_LEN`. */
export const REQUEST_CHARS_MAX = 1024

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** All but printable ASCII, the quote, and `#`, which the encoding itself uses. */
const UNSAFE_IN_QUOTES = /[^\x20\x21\x24-\x7e]/g
/** These, and what stands around captured values and between them. HAProxy: `hdr_encode_map`. */
const UNSAFE_IN_BRACES = /[^\x20\x21\x24-\x7a\x7e]/g

/**
 * What both formats say. Times are milliseconds, -1 for a phase that was not reached; all may have
 * fractions, which are rounded. A record may be reused: it is read during the call only.
 */
export interface TcpLogRecord {
  /** The client's IP address, '' on a Unix socket. */
  clientAddress: string
  clientPort: number
  /** When the connection was accepted or the request began: milliseconds since 1970. */
  startedAtMs: number
  frontend: string
  /** The client uses TLS: HAProxy writes `~` behind the frontend's name. */
  isTls: boolean
  /** '' when none was chosen. */
  backend: string
  /** '' when none was reached: `<NOSRV>`. */
  server: string
  /** `Tw`: in the queue. */
  queueMs: number
  /** `Tc`: until the server's connection was open. */
  connectMs: number
  /** `Ta`, for TCP `Tt`: all of it. */
  totalMs: number
  /** Bytes sent to the client. */
  bytes: number
  /** HAProxy's first two letters of the termination state: `--` is a normal end. */
  termination: string
  /** Client connections of the process at the moment of logging. */
  actconn: number
  /** Client connections of the frontend. */
  feconn: number
  /** Sessions of the backend beside this one. */
  beconn: number
  /** Sessions of the server beside this one. */
  srvConn: number
  retries: number
  /** Whether a retry went to another server than the first. */
  redispatched: boolean
  /** Place in the server's queue, from 1 on; 0 without having waited there. */
  srvQueue: number
  /** The same in the backend's queue. */
  backendQueue: number
}

/** What an HTTP request adds. */
export interface HttpLogRecord extends TcpLogRecord {
  /** `TR`: from the first byte of the request to the end of its head. */
  requestMs: number
  /** `Tr`: from the connection to the end of the response's head. */
  responseMs: number
  /** Status code sent to the client, -1 when none was. */
  status: number
  /** HAProxy's third and fourth letter of the termination state: `--` without a cookie. */
  cookies: string
  /** What was captured of the request, by place, null for nothing; empty without places. `%hr`. */
  requestCaptures: readonly (string | null)[]
  /** The same of the response. `%hs`. */
  responseCaptures: readonly (string | null)[]
  /** The request line, one character a byte, as received; '' when there was no valid one. */
  request: string
}

/** A connection that ended before there was a session. */
export interface FailureLogRecord {
  readonly clientAddress: string
  readonly clientPort: number
  /** When the connection was accepted: milliseconds since 1970. */
  readonly startedAtMs: number
  readonly frontend: string
  /** The number of the bind in its frontend, from 1. */
  readonly bind: number
  readonly reason: string
}

/** Formats access-log lines. One instance a thread; it keeps the text of the present second. */
export class AccessLogFormat {
  #second = Number.NaN
  #secondText = ''

  /** One line of HAProxy's HTTP format, ending in a newline. */
  httpLine(record: HttpLogRecord): string {
    const { requestMs, queueMs, connectMs, responseMs, totalMs } = record
    const timers = `${whole(requestMs)}/${whole(queueMs)}/${whole(connectMs)}/${whole(responseMs)}/${whole(totalMs)}`
    const request =
      record.request === ''
        ? '<BADREQ>'
        : encoded(record.request, REQUEST_CHARS_MAX, UNSAFE_IN_QUOTES)
    return `${this.#origin(record)} ${timers} ${record.status} ${record.bytes} - - ${record.termination}${record.cookies} ${load(record)}${captured(record.requestCaptures)}${captured(record.responseCaptures)} "${request}"\n`
  }

  /** One line of HAProxy's TCP format, ending in a newline. */
  tcpLine(record: TcpLogRecord): string {
    const timers = `${whole(record.queueMs)}/${whole(record.connectMs)}/${whole(record.totalMs)}`
    return `${this.#origin(record)} ${timers} ${record.bytes} ${record.termination} ${load(record)}\n`
  }

  /** One line of HAProxy's error log format (section 8.2.5), ending in a newline. */
  failureLine(record: FailureLogRecord): string {
    const { startedAtMs, frontend, bind, reason } = record
    return `${clientOf(record)} [${this.#date(startedAtMs)}] ${frontend}/${bind}: ${reason}\n`
  }

  #origin(record: TcpLogRecord): string {
    const { frontend, isTls } = record
    const client = clientOf(record)
    const backend = record.backend === '' ? frontend : record.backend
    const server = record.server === '' ? '<NOSRV>' : record.server
    const mark = isTls ? '~' : ''
    return `${client} [${this.#date(record.startedAtMs)}] ${frontend}${mark} ${backend}/${server}`
  }

  /** Local time, as in `06/Feb/2009:12:14:14.655`. */
  #date(atMs: number): string {
    const second = Math.floor(atMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#secondText = secondText(new Date(second * 1000))
    }
    return `${this.#secondText}.${padded(Math.floor(atMs) % 1000, 3)}`
  }
}

function clientOf({
  clientAddress,
  clientPort,
}: Pick<TcpLogRecord, 'clientAddress' | 'clientPort'>): string {
  // HAProxy has the listener's number in the place of a Unix socket's port.
  return clientAddress === '' ? 'unix:1' : `${clientAddress}:${clientPort}`
}

function load(record: TcpLogRecord): string {
  const { actconn, feconn, beconn, srvConn, srvQueue, backendQueue } = record
  const retries = record.redispatched ? `+${record.retries}` : record.retries
  return `${actconn}/${feconn}/${beconn}/${srvConn}/${retries} ${srvQueue}/${backendQueue}`
}

/** What was captured of one message, `{a|b}` behind a blank; '' where there are no places for it. */
function captured(values: readonly (string | null)[]): string {
  if (values.length === 0) return ''
  const texts = values.map((value) =>
    value === null ? '' : encoded(value, value.length, UNSAFE_IN_BRACES),
  )
  return ` {${texts.join('|')}}`
}

/**
 * Makes a text fit for a field of one line: whatever could end the field, the line or a terminal's
 * good manners is written as `#XX`, as HAProxy does.
 *
 * @param charsMax what is longer is cut
 * @param unsafe the characters that are written so, global
 */
function encoded(text: string, charsMax: number, unsafe: RegExp): string {
  const kept = text.length > charsMax ? text.slice(0, charsMax) : text
  return kept.replace(unsafe, hashed)
}

function hashed(character: string): string {
  return `#${(character.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`
}

function secondText(date: Date): string {
  const day = `${padded(date.getDate(), 2)}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()]
  return `${day}:${time.map((part) => padded(part, 2)).join(':')}`
}

function whole(ms: number): number {
  return Math.round(ms)
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
