/** What a check says to a server and expects of it. */
export type ProbeProtocol = TextProbeConfig | GrpcProbeConfig

/** A check whose bytes are sent and read as they are. */
export type TextProbeConfig = HttpProbeConfig | StepProbeConfig | LogInProbeConfig

/** Bytes that a check keeps of what it has received. HAProxy's `tune.chksize`. */
export const PROBE_BYTES_MAX = 16_384

/** What of TLS is for the checks of a server alone. */
export interface ProbeTlsConfig {
  /** `check-ssl`, or the traffic is over TLS: all connections, but those that a `tcp-check connect` opens in its own way. */
  readonly isDefault: boolean
  /** `check-sni`: the name that the server is asked for; null: none. */
  readonly serverName: string | null
  /** `check-alpn`: protocols that are offered, the preferred one first. */
  readonly alpn: readonly string[]
}

/** `option grpchk`: `Check` of `grpc.health.v1.Health` (gRPC health checking protocol). */
export interface GrpcProbeConfig {
  readonly kind: 'grpc'
  /** '' asks for the server as a whole. */
  readonly service: string
}

/** `option mysql-check`, `option pgsql-check`: a user that tries to log in, without a password. */
export interface LogInProbeConfig {
  readonly kind: 'mysql' | 'postgresql'
  /** '' only reads the greeting, of which PostgreSQL has none. */
  readonly user: string
}

/** `option httpchk` and `http-check`. */
export interface HttpProbeConfig {
  readonly kind: 'http'
  readonly method: string
  readonly uri: string
  readonly version: 'HTTP/1.0' | 'HTTP/1.1'
  /** Header lines in the order sent, Host among them, without those that frame the message. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** In latin1: one character a byte. */
  readonly body: string
  /** All must hold. HAProxy's default is a status of 200-399. */
  readonly expect: readonly HttpExpectation[]
  /** What a response must be to be read at all: what one to a request of clients must be. */
  readonly response: ResponseBounds
}

/** What the heads of the responses of a backend must keep. */
export interface ResponseBounds {
  /** `option accept-invalid-http-response`. */
  readonly acceptInvalid: boolean
  /** Bytes of a head: `tune.bufsize` less `tune.maxrewrite`. */
  readonly headBytesMax: number
  /** Headers in one head: `tune.http.maxhdr`. */
  readonly headersMax: number
}

/** `option tcp-check` and `tcp-check`. */
export interface StepProbeConfig {
  readonly kind: 'steps'
  readonly steps: readonly ProbeStep[]
}

/** One line of `tcp-check`; `comment` goes with the step that it stands before. */
export type ProbeStep = ConnectStep | SendStep | ExpectStep

/** `tcp-check connect`: unless it says otherwise, without TLS and without a PROXY header. */
export interface ConnectStep {
  readonly kind: 'connect'
  /** `port`; null: the check's own. */
  readonly port: number | null
  /** `default`: as the server says, with `check-ssl` and `send-proxy`. */
  readonly isDefault: boolean
  /** `send-proxy`: begins with a PROXY protocol header, version 1. */
  readonly sendProxy: boolean
  /** `ssl`, with the `sni` and `alpn` of this connection; null without it. */
  readonly tls: Pick<ProbeTlsConfig, 'serverName' | 'alpn'> | null
}

/** `tcp-check send` and `send-binary`. */
export interface SendStep {
  readonly kind: 'send'
  /** In latin1: one character a byte. */
  readonly bytes: string
}

/** `tcp-check expect`. */
export interface ExpectStep {
  readonly kind: 'expect'
  readonly expectation: TextExpectation
  /** `min-recv`: bytes with which the verdict is final; null: what does not match may go on. */
  readonly bytesMin: number | null
  readonly comment: string
  /** What it means that it does not hold: a wrong answer, or none that can be read. */
  readonly failure: 'L7RSP' | 'L7STS'
}

/** What received bytes are held against, as latin1. */
export type TextExpectation = StringExpectation | PatternExpectation<'rstring' | 'rbinary'>

/** What the response to an HTTP check is held against. */
export type HttpExpectation = TextExpectation | StatusExpectation

/** An expectation of the status code. */
export type StatusExpectation = RangeExpectation | PatternExpectation<'rstatus'>

/** What every expectation has. */
interface AnyExpectation {
  /** `!`: it must not be found. */
  readonly negated: boolean
}

/** `expect string` and `expect binary`. */
export interface StringExpectation extends AnyExpectation {
  readonly kind: 'string'
  /** In latin1: one character a byte. */
  readonly text: string
}

/** A regular expression over the text, its upper-case hexadecimal digits, or the status code. */
export interface PatternExpectation<Kind extends string> extends AnyExpectation {
  readonly kind: Kind
  readonly pattern: string
}

/** `expect status`. */
export interface RangeExpectation extends AnyExpectation {
  readonly kind: 'status'
  readonly ranges: readonly StatusRange[]
}

/** The first and the last of a range of status codes. */
export type StatusRange = readonly [first: number, last: number]
