import type { Address } from './address.ts'

/**
 * The validated configuration as plain data: what the control plane hands to the data plane with
 * a structured clone. Names, order and defaults are settled here; nothing downstream asks whether
 * a value was given. Durations are milliseconds, sizes bytes.
 */
export interface Config {
  readonly global: GlobalConfig
  readonly admin: AdminConfig
  readonly frontends: readonly FrontendConfig[]
  readonly backends: readonly BackendConfig[]
}

/** Section `global`: the process. */
export interface GlobalConfig {
  /** Data-plane threads, 1-64. Default: the cores that the process may use. */
  readonly nbthread: number
  /** Client connections at once over all frontends and threads, 1-1,000,000. */
  readonly maxconn: number
  /** How long a drain may take before the sessions that are left are cut. */
  readonly graceMs: number
  readonly log: LogConfig
  readonly tune: TuneConfig
}

/** Where the daemon log and the access log go. */
export interface LogConfig {
  /** Least severe level written to the daemon log. */
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Access log: standard output, nowhere, or appended to a file (reopened on SIGUSR1). */
  readonly access:
    | { readonly to: 'stdout' | 'off' }
    | { readonly to: 'file'; readonly path: string }
}

/** HAProxy's `tune.*` keywords that apply. */
export interface TuneConfig {
  /** `tune.bufsize`: bytes of one buffer, and with it the largest message head. */
  readonly bufsizeBytes: number
  /** `tune.http.maxhdr`: headers in one message. */
  readonly httpMaxhdr: number
  /** Idle connections that each thread keeps to each server. HAProxy's `pool-max-conn`. */
  readonly poolIdleMax: number
}

/** Section `admin`: the address of the API, the metrics and the dashboard. Null turns it off. */
export interface AdminConfig {
  readonly bind: Address | null
  /** File with the bearer token; null only where the address is reached from this host alone. */
  readonly tokenFile: string | null
}

/** What the bytes of a connection are taken for. */
export type Mode = 'http' | 'tcp'

/** One listening address of a frontend. */
export interface BindConfig {
  readonly address: Address
  /** Length of the kernel's accept queue. HAProxy's `backlog`. */
  readonly backlog: number
}

/** HAProxy's `option forwardfor`. */
export interface ForwardForConfig {
  /** Header name, default `X-Forwarded-For`. */
  readonly header: string
  /** Set only where the client sent none. */
  readonly ifNone: boolean
  /** Client networks (CIDR) for which nothing is added. */
  readonly except: readonly string[]
}

/** A frontend: where clients connect, and where their requests go. */
export interface FrontendConfig {
  readonly name: string
  readonly mode: Mode
  readonly binds: readonly BindConfig[]
  /** Client connections at once over all threads. */
  readonly maxconn: number
  readonly timeouts: FrontendTimeouts
  readonly forwardfor: ForwardForConfig | null
  /** `option dontlognull`: no access-log line for a connection that sent nothing. */
  readonly dontlognull: boolean
  /** Whether sessions of this frontend are written to the access log. */
  readonly log: boolean
  /** The conditions by name, in the order written. */
  readonly acls: readonly AclConfig[]
  /** `http-request` rules as written, in order. */
  readonly httpRequest: readonly string[]
  /** `http-response` rules as written, in order. */
  readonly httpResponse: readonly string[]
  /** `use_backend` rules as written (`BACKEND [if|unless CONDITION]`), in order. */
  readonly useBackend: readonly string[]
  readonly defaultBackend: string | null
}

/** One entry of `acl`: a name and the expressions that are or-ed under it. */
export interface AclConfig {
  readonly name: string
  readonly expressions: readonly string[]
}

/** Timeouts on the client's side. */
export interface FrontendTimeouts {
  readonly clientMs: number
  readonly clientFinMs: number
  readonly httpRequestMs: number
  readonly httpKeepAliveMs: number
  /** `mode tcp`, both directions: `timeout client` where given, else the default of a tunnel. */
  readonly tcpIdleMs: number
}

/** A backend: the servers that share a job, and how one is picked. */
export interface BackendConfig {
  readonly name: string
  readonly mode: Mode
  /** A name of the strategy registry, with its arguments as written: `random(3)`. */
  readonly balance: string
  readonly timeouts: BackendTimeouts
  /** Tries to connect after the first. HAProxy's `retries`. */
  readonly retries: number
  /** What is tried again. HAProxy's `retry-on`; empty for `none`. */
  readonly retryOn: readonly RetryCause[]
  /** `option redispatch`: a retry may go to another server. */
  readonly redispatch: boolean
  readonly forwardfor: ForwardForConfig | null
  readonly httpRequest: readonly string[]
  readonly httpResponse: readonly string[]
  readonly acls: readonly AclConfig[]
  readonly servers: readonly ServerConfig[]
}

/** A kind of failure after which a request may be tried again. */
export type RetryCause = 'conn-failure'

/** Timeouts on the server's side. */
export interface BackendTimeouts {
  readonly connectMs: number
  readonly serverMs: number
  readonly serverFinMs: number
  readonly queueMs: number
  readonly checkMs: number
  /** Both directions of an upgraded connection. */
  readonly tunnelMs: number
  /** `mode tcp`, both directions: `timeout server` where given, else the default of a tunnel. */
  readonly tcpIdleMs: number
  /** `timeout tunnel` where given: in `mode tcp` it then stands for both `tcpIdleMs`. */
  readonly tcpTunnelMs: number | null
}

/** One server of a backend. */
export interface ServerConfig {
  readonly name: string
  readonly address: Address
  /** 0-256; 0 takes no new session. HAProxy's default is 1. */
  readonly weight: number
  /** Administratively down from the start (`disabled`). */
  readonly disabled: boolean
  /** Null: not probed, always taken for up. */
  readonly check: CheckConfig | null
}

/** How a server is probed. */
export interface CheckConfig {
  readonly interMs: number
  readonly rise: number
  readonly fall: number
  readonly timeoutMs: number
  /** Another address or port than the server's own, where given (`addr`, `port`). */
  readonly address: Address
  /** Null: a TCP connection that opens is success. */
  readonly http: HttpCheckConfig | null
}

/** `option httpchk`. */
export interface HttpCheckConfig {
  readonly method: string
  readonly uri: string
  /** Empty: the request has no Host header and is HTTP/1.0, as HAProxy sends it. */
  readonly host: string
  /** Status codes taken for success, inclusive ranges. HAProxy's default is 200-399. */
  readonly expectStatus: readonly (readonly [number, number])[]
}
