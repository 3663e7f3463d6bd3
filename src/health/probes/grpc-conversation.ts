import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
} from 'node:http2'
import { nodeHttp2 } from '../../base/host/late-modules.ts'
import { PROBE_BYTES_MAX } from '../../model/probe-protocol.ts'
import type { Conn } from '../../net/conn.ts'
import { ConnStream } from '../../net/conn-stream.ts'
import { TlsConn } from '../../net/tls/tls-conn.ts'
import { FAILURE_INFO } from '../probe.ts'
import type { Conversation } from './conversation.ts'
import { type Finding, findingOf, printable } from './dialogue.ts'
import { encodeHealthRequest, readHealthResponse } from './grpc-message.ts'

/** What a server is asked. */
export interface GrpcQuestion {
  readonly service: string
  /** Whom the request is for: a name, or an address with its port. */
  readonly authority: string
  /** How long the answer may take; the server is told. */
  readonly timeoutMs: number
}

/** Header lines that an answer may have. */
const HEADERS_MAX = 64
/** Megabytes that node:http2 may take for one connection: its least. */
const SESSION_MEMORY_MB = 1

/** Codes of gRPC (grpc/grpc, doc/statuscodes.md) by their numbers. */
const CODES: readonly string[] = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND'],
  ...['ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION'],
  ...['ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
  'UNAUTHENTICATED',
]

/**
 * `option grpchk`: one call of `grpc.health.v1.Health/Check` over HTTP/2 (grpc/grpc,
 * doc/PROTOCOL-HTTP2.md). All that the server sends, frames of HTTP/2 included, is bounded by
 * `PROBE_BYTES_MAX`.
 */
export class GrpcConversation implements Conversation {
  readonly #onFinding: (finding: Finding) => void
  readonly #stream: ConnStream
  readonly #session: ClientHttp2Session
  readonly #call: ClientHttp2Stream
  readonly #chunks: Buffer[] = []
  #headers: (IncomingHttpHeaders & IncomingHttpStatusHeader) | null = null
  #trailers: IncomingHttpHeaders | null = null
  #isSettled = false

  constructor(conn: Conn, question: GrpcQuestion, onFinding: (finding: Finding) => void) {
    this.#onFinding = onFinding
    const isSecure = conn instanceof TlsConn
    const isHttp2 = !isSecure || conn.alpnProtocol === 'h2'
    const stream = new ConnStream(conn, PROBE_BYTES_MAX)
    this.#stream = stream
    const { connect, constants } = nodeHttp2()
    this.#session = connect(isSecure ? 'https://localhost' : 'http://localhost', {
      createConnection: () => stream,
      settings: { enablePush: false, maxHeaderListSize: PROBE_BYTES_MAX },
      maxHeaderListPairs: HEADERS_MAX,
      maxSessionMemory: SESSION_MEMORY_MB,
      maxReservedRemoteStreams: 0,
    })
    this.#call = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_AUTHORITY]: question.authority,
      [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
      [constants.HTTP2_HEADER_TE]: 'trailers',
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      'grpc-timeout': `${Math.min(question.timeoutMs, 99_999_999)}m`,
      [constants.HTTP2_HEADER_USER_AGENT]: 'sluice',
    })
    this.#listen()
    if (isHttp2) this.#call.end(encodeHealthRequest(question.service))
    else setImmediate(() => this.#settle(findingOf('L6RSP', 'HTTP/2 was not chosen by ALPN')))
  }

  stop(): void {
    this.#isSettled = true
    this.#session.destroy()
  }

  #listen(): void {
    const [stream, session, call] = [this.#stream, this.#session, this.#call]
    call.on('response', (headers) => {
      this.#headers = headers
    })
    call.on('trailers', (trailers) => {
      this.#trailers = trailers
    })
    call.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    call.on('end', () => this.#settle(this.#judge()))
    call.on('error', (error) => this.#onError(error))
    session.on('error', (error) => this.#onError(error))
    session.on('goaway', (code) => {
      if (code !== nodeHttp2().constants.NGHTTP2_NO_ERROR) {
        this.#settle(findingOf('L7RSP', `The server went away, HTTP/2 error ${code}`))
      }
    })
    stream.on('close', () => this.#settle(this.#closed()))
  }

  /** The stream tells of its end before the session tells why; the end is worth more. */
  #onError({ message }: Error): void {
    if (this.#stream.destroyed) this.#settle(this.#closed())
    else this.#settle(findingOf('L7RSP', printable(message)))
  }

  /** The connection is gone, or has brought too much. */
  #closed(): Finding {
    const { isFull, failure } = this.#stream
    if (isFull) return findingOf('L7RSP', `More than ${PROBE_BYTES_MAX} bytes`)
    if (failure === null || failure === 'aborted') return findingOf('L7RSP', 'Incomplete answer')
    return findingOf('SOCKERR', FAILURE_INFO[failure])
  }

  /** The answer has ended: an error, or a message and a status that there is none. */
  #judge(): Finding {
    const headers = this.#headers
    if (headers === null) return this.#closed()
    const httpStatus = headers[':status'] ?? 0
    if (httpStatus !== 200) return findingOf('L7STS', `HTTP status ${httpStatus}`, httpStatus)
    const type = headers['content-type'] ?? ''
    if (!/^application\/grpc(?:$|[+;])/.test(type)) return findingOf('L7RSP', 'Not a gRPC answer')
    // An answer without a message has its trailers for headers.
    const trailers = this.#trailers ?? headers
    const written = trailers['grpc-status']
    if (typeof written !== 'string' || !/^[0-9]{1,4}$/.test(written)) {
      return findingOf('L7RSP', 'No grpc-status')
    }
    const code = Number(written)
    if (code !== 0) return findingOf('L7STS', describeError(code, trailers['grpc-message']), code)
    const reading = readHealthResponse(Buffer.concat(this.#chunks))
    if (reading.kind === 'malformed') return findingOf('L7RSP', reading.problem)
    if (reading.kind === 'incomplete') return findingOf('L7RSP', 'Incomplete answer')
    return findingOf(reading.status === 'SERVING' ? 'L7OK' : 'L7STS', reading.status)
  }

  #settle(finding: Finding): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#onFinding(finding)
  }
}

/** `grpc-message` is percent-encoded (doc/PROTOCOL-HTTP2.md). */
function describeError(code: number, message: string | readonly string[] | undefined): string {
  const name = CODES[code] ?? `grpc-status ${code}`
  if (typeof message !== 'string') return name
  const plain = message.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return printable(`${name}: ${plain}`)
}
