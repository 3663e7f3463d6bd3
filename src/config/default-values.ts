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
  logLevel: 'info',
  logAccess: 'stdout',
  bufsizeBytes: 16_384,
  httpMaxhdr: 101,
  // HAProxy keeps any number, an nginx worker 32 in all.
  poolMaxConn: 128,
} as const

/** Most data-plane threads that a daemon can have: HAProxy's limit too, one bit for each. */
export const NBTHREAD_MAX = 64

/** Client connections that a daemon can be told to hold. */
export const MAXCONN_MAX = 1_000_000

/** Where the admin address is unless the config says otherwise. */
export const DEFAULT_ADMIN_BIND = '127.0.0.1:8404'

/** Frontends and backends. */
export const DEFAULT_PROXY = {
  mode: 'tcp',
  balance: 'roundrobin',
  retries: 3,
  retryOn: ['conn-failure'],
  log: true,
  forwardforHeader: 'X-Forwarded-For',
} as const

/** Servers and their checks. */
export const DEFAULT_SERVER = {
  weight: 1,
  interMs: 2_000,
  rise: 2,
  fall: 3,
} as const

/** `option httpchk`. */
export const DEFAULT_HTTPCHK = {
  method: 'OPTIONS',
  uri: '/',
  expectStatus: [[200, 399]],
} as const
