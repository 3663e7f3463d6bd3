import type { Address, InetAddress } from '../base/address.ts'
import type { AdminLevel } from './admin-level.ts'
import type { BindTlsConfig, BindTlsSettings } from './bind-tls.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { HealthAgreement } from './health-agreement.ts'
import type {
  CircuitBreakerConfig,
  ObserveConfig,
  OutlierDetectionConfig,
} from './observation-config.ts'
import type { OutgoingTlsConfig, OutgoingTlsDefaults, TrafficTlsConfig } from './outgoing-tls.ts'
import type { PersistenceConfig } from './persistence-config.ts'
import type { ProbeProtocol, ProbeTlsConfig } from './probe-protocol.ts'

/**
 * The validated configuration as plain data: what the control plane hands to the data plane with
 * a structured clone. Names, order and defaults are settled here; nothing downstream asks whether
 * a value was given. Durations are milliseconds, sizes bytes.
 */
export interface Config {
  readonly global: GlobalConfig
  readonly admin: AdminConfig
  /** Null: a single node. */
  readonly cluster: ClusterConfig | null
  readonly frontends: readonly FrontendConfig[]
  readonly backends: readonly BackendConfig[]
}

/** Section `global`: the process. */
export interface GlobalConfig {
  /** Data-plane threads, 1-64. Default: the cores that the process may use. */
  readonly nbthread: number
  /**
   * Client connections at once over all frontends and threads, 1-1,000,000. Null: as many as the
   * limit of open files has room for, 10,000 at most.
   */
  readonly maxconn: number | null
  /** How long a drain may take before the sessions that are left are cut. */
  readonly graceMs: number
  /** `spread-checks`: percent of its interval, 0-50, that a check may be sooner or later. */
  readonly spreadChecksPercent: number
  readonly log: LogConfig
  readonly tune: TuneConfig
  /** `ssl-default-bind-*`: for every bind with `ssl` that does not say otherwise. */
  readonly bindTls: BindTlsSettings
  /** `ssl-default-server-*`: for every server with `ssl` that does not say otherwise. */
  readonly outgoingTls: OutgoingTlsDefaults
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
  /** `tune.bufsize`: bytes of one buffer; a message head and what rules add to it must fit. */
  readonly bufsizeBytes: number
  /** `tune.maxrewrite`: bytes of a buffer that are kept free for what rules add to a head. */
  readonly maxrewriteBytes: number
  /** `tune.http.maxhdr`: headers in one message. */
  readonly httpMaxhdr: number
  /** Bytes of a request line without its CRLF. */
  readonly httpRequestLineBytesMax: number
  /** Bytes of all chunk extensions of one body together. */
  readonly httpChunkExtensionBytesMax: number
  /** Bytes of the trailers of one body. */
  readonly httpTrailerBytesMax: number
  /** Requests of one client that are taken from what it sent ahead before it is told to close. */
  readonly httpPipelinedMax: number
  /** Bytes of a request body that are kept for another try. HAProxy keeps `tune.bufsize`. */
  readonly httpRetryBodyBytesMax: number
  /** `tune.h2.be.*`: connections to servers that speak HTTP/2. */
  readonly h2Backend: H2TuneConfig
  /** `tune.h2.fe.*`: connections of clients that speak HTTP/2. */
  readonly h2Frontend: H2TuneConfig
  /** `tune.ssl.lifetime`: for how long a session of TLS can be resumed. */
  readonly sslLifetimeMs: number
  /** For how long new session tickets are sealed by the same key. */
  readonly sslTicketKeyRotationMs: number
  /** Keys of session tickets that are there at once, 3 to 16. */
  readonly sslTicketKeys: number
}

/** How HTTP/2 is spoken on one side. */
export interface H2TuneConfig {
  /** `max-concurrent-streams`: streams that one connection carries at once. */
  readonly maxConcurrentStreams: number
  /** `initial-window-size`: bytes of one stream that may be on their way or unused. */
  readonly initialWindowSize: number
  /** `glitches-threshold`: what of no use the other end may do before its connection is closed. */
  readonly glitchesMax: number
}

/** Section `admin`: where the API, the metrics and the dashboard are served. */
export interface AdminConfig {
  /** Null turns it off. */
  readonly bind: InetAddress | null
  /** TLS of `bind`; null: it has none. */
  readonly tls: AdminTlsConfig | null
  /** Null turns it off. */
  readonly socket: AdminSocketConfig | null
  /** File with a token of level `admin`; null: there is none. */
  readonly tokenFile: string | null
  /**
   * Folders below which a config may name files that is not the file of the node; null: the folder
   * of that.
   */
  readonly files: readonly string[] | null
  /** Variables that such a config may name: `NAME`, or `PREFIX_*`. */
  readonly env: readonly string[]
  /** More tokens, by name. */
  readonly tokens: readonly AdminTokenConfig[]
}

/** `ssl` of the admin address. */
export interface AdminTlsConfig extends BindTlsSettings {
  /** As of a bind. */
  readonly crt: readonly string[]
}

/** A token of the admin address. */
export interface AdminTokenConfig {
  /** Who brings it, for the history of what was changed. */
  readonly name: string
  /** Path of the file that holds it. */
  readonly file: string
  readonly level: AdminLevel
}

/** The Unix socket over which everything is allowed. */
export interface AdminSocketConfig {
  /** Null: where a command looks for it. */
  readonly path: string | null
  /** Permission bits: 0o600, or 0o660. */
  readonly mode: number
  /** Name or number of the group of its file; null: the process' own. */
  readonly group: string | null
}

/** What the bytes of a connection are taken for. */
export type Mode = 'http' | 'tcp'

/** One listening address of a frontend. */
export interface BindConfig {
  readonly address: Address
  /** Length of the kernel's accept queue. HAProxy's `backlog`. */
  readonly backlog: number
  /** `accept-proxy`: every connection begins with a PROXY protocol header, version 1 or 2. */
  readonly acceptProxy: boolean
  /** `proto`: what clients speak, whatever it says; null: what ALPN chooses, or their first bytes. */
  readonly proto: ServerProtocol | null
  /** Null: connections are not encrypted. */
  readonly tls: BindTlsConfig | null
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

/**
 * HAProxy's `option forwarded`: which parameters of the `Forwarded` header (RFC 7239) are sent.
 * HAProxy's default is `proto` and `for`.
 */
export interface ForwardedConfig {
  /** `http` or `https`, as the client connected. */
  readonly proto: boolean
  /** The Host that the client asked for. */
  readonly host: boolean
  /** The address that the client connected to, */
  readonly by: boolean
  /** with its port. */
  readonly byPort: boolean
  /** The client's address, */
  readonly for: boolean
  /** with its port. */
  readonly forPort: boolean
}

/** What a client is answered in place of the standard answer of one status. */
export interface ErrorAnswerConfig {
  readonly status: number
  /**
   * `errorfile`: the path of a whole HTTP response. `http-error`: the rule as written without its
   * status (`content-type text/plain string "..."`).
   */
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'rule'; readonly rule: string }
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
  readonly forwarded: ForwardedConfig | null
  /** `option accept-connect`: CONNECT is passed on and turns into a tunnel; else it is 405. */
  readonly acceptConnect: boolean
  /** Answers that differ from the standard ones, one a status. `errorfile`, `http-error`. */
  readonly errorAnswers: readonly ErrorAnswerConfig[]
  /** `option dontlognull`: no access-log line for a connection that sent nothing. */
  readonly dontlognull: boolean
  /** `option http-ignore-probes`: such a connection is not answered, counted or logged. */
  readonly ignoreProbes: boolean
  /** Whether sessions of this frontend are written to the access log. */
  readonly log: boolean
  /** The conditions by name, in the order written. */
  readonly acls: readonly AclConfig[]
  /** `capture` as written: headers that the log shows, and rules that come later can ask for. */
  readonly captures: readonly string[]
  /** `http-request` rules as written, in order. */
  readonly httpRequest: readonly string[]
  /** `http-response` rules as written, in order. */
  readonly httpResponse: readonly string[]
  /** `tcp-request` lines as written, in order; `mode tcp`. */
  readonly tcpRequest: readonly string[]
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
  readonly tarpitMs: number
  /** `mode tcp`, both directions: `timeout client` where given, else the default of a tunnel. */
  readonly tcpIdleMs: number
}

/** A backend: the servers that share a job, and how one is picked. */
export interface BackendConfig {
  readonly name: string
  readonly mode: Mode
  /** A name of the strategy registry, with its arguments as written: `random(3)`. */
  readonly balance: string
  /** How a strategy that balances by a key finds the key's server. HAProxy's `hash-type`. */
  readonly hashType: HashTypeConfig
  /**
   * Percent of its share of all sessions that a server may have before a key goes elsewhere, with
   * `consistent`; null: no bound. HAProxy's `hash-balance-factor`.
   */
  readonly hashBalanceFactor: number | null
  readonly timeouts: BackendTimeouts
  /** Who may be given an idle connection that another session has used. */
  readonly httpReuse: HttpReuse
  /** Tries after the first. HAProxy's `retries`. */
  readonly retries: number
  /** What is tried again. HAProxy's `retry-on`; empty for `none`. */
  readonly retryOn: readonly RetryCause[]
  /** Statuses of responses after which a request is tried again. HAProxy's `retry-on STATUS`. */
  readonly retryOnStatuses: readonly number[]
  readonly retryBudget: RetryBudgetConfig
  /** Null: no server is ejected for what it answers. */
  readonly outlierDetection: OutlierDetectionConfig | null
  readonly circuitBreaker: CircuitBreakerConfig
  readonly healthAgreement: HealthAgreement
  /** Nodes of the cluster that check each server (`check-sharding`); null: all. */
  readonly checkSharding: number | null
  /** `local-veto`: a node's own failed checks take a server out for its own traffic. */
  readonly localVeto: boolean
  /** Sessions of the backend at which its servers may have their whole `maxconn`. */
  readonly fullconn: number
  /**
   * `option accept-invalid-http-response`: responses may have lines that end with LF alone, and a
   * Content-Length that is repeated with the same number.
   */
  readonly acceptInvalidResponse: boolean
  /** `option allbackups`: all backups serve together, not the first one alone. */
  readonly allbackups: boolean
  /** `option redispatch`: a retry may go to another server. */
  readonly redispatch: boolean
  /** Null: no client is bound to a server. */
  readonly persistence: PersistenceConfig | null
  readonly forwardfor: ForwardForConfig | null
  readonly forwarded: ForwardedConfig | null
  /** Answers that differ from the standard ones, one a status. `errorfile`, `http-error`. */
  readonly errorAnswers: readonly ErrorAnswerConfig[]
  readonly httpRequest: readonly string[]
  readonly httpResponse: readonly string[]
  readonly acls: readonly AclConfig[]
  readonly servers: readonly ServerConfig[]
  /** What a server that is added at run time begins with: `default-server`, at no address yet. */
  readonly newServer: ServerConfig
}

/** HAProxy's `hash-type`. */
export interface HashTypeConfig {
  readonly method: 'map-based' | 'consistent'
  readonly function: HashFunction
  /** The hash is mixed once more. */
  readonly avalanche: boolean
}

/** How a key is hashed. `none`: it is a number, and is taken as it is. */
export type HashFunction = 'sdbm' | 'djb2' | 'wt6' | 'crc32' | 'none'

/**
 * HAProxy's `http-reuse`. `never`: only the session's own. `safe`: others too, but not for the
 * first request of a client connection. `aggressive`: for that one too, if the connection has
 * proved that its server keeps it. `always`: any.
 */
export type HttpReuse = 'never' | 'safe' | 'aggressive' | 'always'

/**
 * A kind of failure after which a request may be tried again. `conn-failure`: no connection came
 * about. `empty-response`: the server closed before it answered. `junk-response`: it sent no valid
 * response head. `response-timeout`: `timeout server` passed before it answered.
 */
export type RetryCause = 'conn-failure' | 'empty-response' | 'junk-response' | 'response-timeout'

/**
 * How many requests may be sent a second time, over the last ten seconds: the greater of a share
 * of the requests and a rate. Tries after a failed connection do not count: no server had work
 * with them.
 */
export interface RetryBudgetConfig {
  /** Percent of the requests, 0-100. Envoy's and Finagle's default is 20. */
  readonly percent: number
  /** Retries each second that are granted however few requests there are. Finagle's is 10. */
  readonly minPerSec: number
}

/** Timeouts on the server's side. */
export interface BackendTimeouts {
  readonly connectMs: number
  readonly serverMs: number
  readonly serverFinMs: number
  readonly queueMs: number
  readonly checkMs: number
  readonly tarpitMs: number
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
  /** `init-addr`: where its address comes from at first, tried in order, if it has a host name. */
  readonly initAddress: readonly InitAddress[]
  /** 0-256; 0 takes no new session. HAProxy's default is 1. */
  readonly weight: number
  /** Sessions at once over all threads; more wait in line (`timeout queue`). 0: no bound. */
  readonly maxconn: number
  /**
   * The bound while the backend has little to do: it grows with the backend's sessions, from this
   * to `maxconn` at `fullconn`. 0: always `maxconn`.
   */
  readonly minconn: number
  /**
   * Sessions that belong to the server and wait for it; more go elsewhere, or are refused. 0: no
   * bound.
   */
  readonly maxqueue: number
  /** Once it has come up, how long its weight and `maxconn` take to rise; 0: not at all. */
  readonly slowStartMs: number
  /** Takes sessions only when all servers that are no backups are down. */
  readonly backup: boolean
  /** Administratively down from the start (`disabled`). */
  readonly disabled: boolean
  /** What names it in the cookie of the backend; null where nothing does. */
  readonly cookie: string | null
  /** `send-proxy`, `send-proxy-v2`: connections begin with a PROXY protocol header. */
  readonly sendProxy: ProxyVersion | null
  /** `proto`: what is spoken to it, whatever it says; null: HTTP/1.1, or what ALPN chooses. */
  readonly proto: ServerProtocol | null
  /** How TLS is spoken to it; null: neither the traffic nor a check does. */
  readonly tls: OutgoingTlsConfig | null
  /** `ssl`: the traffic is over TLS; null: it is not encrypted. {@link tls} is there then. */
  readonly trafficTls: TrafficTlsConfig | null
  /** `pool-max-conn`: idle connections kept over all threads. */
  readonly poolIdleMax: number
  /** `pool-purge-delay`: each time it passes, half of the unused idle connections are closed. */
  readonly poolPurgeDelayMs: number
  /** Null: not probed, always taken for up unless it tracks another server. */
  readonly check: ProbeConfig | null
  /** What traffic tells the checks; null: nothing. Always null where {@link check} is. */
  readonly observe: ObserveConfig | null
  /** Null: no agent is asked. */
  readonly agent: AgentConfig | null
  /** `track`: the server, `BACKEND/SERVER`, whose verdict this one takes over; it has no check. */
  readonly track: string | null
}

/**
 * A way to find the address of a host name when a server begins: the one that it had last, what the
 * system finds, this IP address, or none at first.
 */
export type InitAddress = 'last' | 'libc' | 'none' | { readonly host: string }

/** A version of HTTP that is known to be spoken: HAProxy's word for it. */
export type ServerProtocol = 'h1' | 'h2'

/**
 * Version of the PROXY protocol: 1 is a line of text, 2 is binary. With `2-ssl` it tells of the
 * client's TLS, too, and with `2-ssl-cn` of the name in its certificate.
 */
export type ProxyVersion = 1 | 2 | '2-ssl' | '2-ssl-cn'

/** How a server is probed. */
export interface ProbeConfig {
  /** Between checks of a server that is fully up. */
  readonly interMs: number
  /** `fastinter`: between checks while a change of state is being made sure of. */
  readonly fastInterMs: number
  /** `downinter`: between checks of a server that is fully down. */
  readonly downInterMs: number
  /** `spread-checks`: percent of the interval, 0-50, that each may be shorter or longer. */
  readonly spreadPercent: number
  readonly rise: number
  readonly fall: number
  readonly timeoutMs: number
  /** Another address or port than the server's own, where given (`addr`, `port`). */
  readonly address: Address
  /** Checks begin with a PROXY protocol header too (`check-send-proxy`). */
  readonly sendProxy: ProxyVersion | null
  /** Null: no connection of the check is made over TLS. */
  readonly tls: ProbeTlsConfig | null
  /** What is said over the connection. Null: that it opens is success. */
  readonly protocol: ProbeProtocol | null
}

/** `agent-check`: a program beside the server says how the server does. */
export interface AgentConfig {
  readonly address: Address
  readonly interMs: number
  /** `agent-send`: what is sent once connected, in latin1; often ''. */
  readonly send: string
  /** `timeout check`: how long the answer may take once the connection is open. */
  readonly timeoutMs: number
}
