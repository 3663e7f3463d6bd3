import type { BindTlsSettings } from '../../model/bind-tls.ts'
import type { ForwardedConfig, HashTypeConfig } from '../../model/config.ts'
import type { OutgoingTlsDefaults } from '../../model/outgoing-tls.ts'

/**
 * What holds where a config says nothing. Values that HAProxy has a default for are HAProxy's
 * (configuration manual); it leaves timeouts infinite, which here no timeout ever is.
 */

/** Timeouts by HAProxy's name, in milliseconds. `client-fin` and `server-fin` follow their side. */
export const DEFAULT_TIMEOUTS_MS = {
  'connect': 5_000,
  'client': 30_000,
  'server': 30_000,
  'http-request': 10_000,
  'http-keep-alive': 60_000,
  'queue': 5_000,
  'tunnel': 3_600_000,
  'check': 2_000,
} as const

/** Section `global`. Durations are milliseconds, sizes bytes. */
export const DEFAULT_GLOBAL = {
  maxconn: 10_000,
  graceMs: 30_000,
  spreadChecks: 0,
  logLevel: 'info',
  logAccess: 'stdout',
  bufsizeBytes: 16_384,
  maxrewriteBytes: 1_024,
  httpMaxhdr: 101,
  // RFC 9112 section 3 wants 8000 at least; nginx, too, ends at 8 KB.
  httpRequestLineBytesMax: 8_192,
  // As much as Node.js allows.
  httpChunkExtensionBytesMax: 16_384,
  httpTrailerBytesMax: 15_360,
  httpPipelinedMax: 1_000,
  // HAProxy keeps what fits into `tune.bufsize`.
  httpRetryBodyBytesMax: 16_384,
  // HAProxy's, but for glitches, which it bears without end unless it is told.
  h2Backend: { maxConcurrentStreams: 100, initialWindowSize: 65_536, glitchesMax: 1_000 },
  h2Frontend: { maxConcurrentStreams: 100, initialWindowSize: 65_536, glitchesMax: 1_000 },
  sslLifetimeMs: 300_000,
  // s2n-tls, too, seals by a key for two hours; Caddy for twelve.
  sslTicketKeyRotationMs: 7_200_000,
  // HAProxy asks for three in a file: the next, the present and the one before.
  sslTicketKeys: 3,
} as const

/** Most data-plane threads that a daemon can have: HAProxy's limit too, one bit for each. */
export const NBTHREAD_MAX = 64

/** Client connections that a daemon can be told to hold. */
export const MAXCONN_MAX = 1_000_000

/** Where the admin address is unless the config says otherwise. */
export const DEFAULT_ADMIN_BIND = '127.0.0.1:8404'

/** Variables that a config may name that comes over the API: nobody keeps a secret in these. */
export const DEFAULT_ADMIN_ENV = 'SLUICE_*'

/** Section `cluster`. etcd has 100 and 1000 ms, made for links between continents. */
export const DEFAULT_CLUSTER = {
  engine: 'raft',
  heartbeatIntervalMs: 50,
  electionTimeoutMs: 300,
  reads: 'read-index',
  // As etcd, whose member stops where its log is lost: somebody is to look at the disk first.
  rejoinAfterLoss: 'never',
} as const

/** Frontends and backends. */
export const DEFAULT_PROXY = {
  mode: 'tcp',
  balance: 'roundrobin',
  retries: 3,
  httpReuse: 'always',
  retryOn: ['conn-failure'],
  retryBudget: { percent: 20, minPerSec: 10 },
  healthAgreement: 'majority',
  log: true,
  forwardforHeader: 'X-Forwarded-For',
} as const

/**
 * Clients with TLS: what Mozilla recommends for general use ("intermediate", version 5.7) less
 * finite-field Diffie-Hellman, which needs parameters of its own and costs ten times as much.
 */
export const DEFAULT_BIND_TLS: BindTlsSettings = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: [
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ciphersuites: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  curves: 'auto',
  preferClientCiphers: false,
  hasTickets: true,
}

/**
 * Servers with TLS: what clients may use, so that both sides are the same. HAProxy asks for a valid
 * certificate, too (`ssl-server-verify`).
 */
export const DEFAULT_OUTGOING_TLS: OutgoingTlsDefaults = {
  minVersion: DEFAULT_BIND_TLS.minVersion,
  maxVersion: DEFAULT_BIND_TLS.maxVersion,
  ciphers: DEFAULT_BIND_TLS.ciphers,
  ciphersuites: DEFAULT_BIND_TLS.ciphersuites,
  verify: true,
  reusesSessions: true,
}

/** What `hash-type` is where it is not given. */
export const DEFAULT_HASH_TYPE: HashTypeConfig = {
  method: 'map-based',
  function: 'sdbm',
  avalanche: false,
}

/** Servers and their checks. */
export const DEFAULT_SERVER = {
  // HAProxy's is last,libc: a name that is not found keeps it from starting.
  initAddress: ['last', 'libc', 'none'],
  weight: 1,
  maxconn: 0,
  minconn: 0,
  maxqueue: 0,
  slowStartMs: 0,
  interMs: 2_000,
  agentInterMs: 2_000,
  rise: 2,
  fall: 3,
  poolMaxConn: -1,
  poolPurgeDelayMs: 5_000,
  observe: 'none',
  errorLimit: 10,
  onError: 'fail-check',
} as const

/** `outlier-detection: true`. */
export const DEFAULT_OUTLIER_DETECTION = {
  consecutiveErrors: 5,
  consecutiveGatewayErrors: 5,
  successRate: { minHosts: 3, minRequests: 30, stdevFactor: 1.9 },
  // Off unless it is asked for, since servers of one pool may well differ.
  latency: { minHosts: 3, minRequests: 30, factor: 3 },
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
  panicThreshold: 50,
} as const

/** `option forwarded` without parameters. */
export const DEFAULT_FORWARDED: ForwardedConfig = {
  proto: true,
  host: false,
  by: false,
  byPort: false,
  for: true,
  forPort: false,
}

/** `option smtpchk`. */
export const DEFAULT_SMTPCHK = { hello: 'HELO', domain: 'localhost' } as const

/** `option httpchk`. */
export const DEFAULT_HTTPCHK = {
  method: 'OPTIONS',
  uri: '/',
  expectStatus: [[200, 399]],
} as const
