import type { InetAddress } from '../../base/address.ts'
import { assert } from '../../base/errors.ts'
import type { BindTlsSettings } from '../../model/bind-tls.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type {
  AclConfig,
  AdminConfig,
  AdminSocketConfig,
  BackendConfig,
  BackendTimeouts,
  Config,
  ErrorAnswerConfig,
  FrontendConfig,
  FrontendTimeouts,
  GlobalConfig,
  RetryBudgetConfig,
  TuneConfig,
} from '../../model/config.ts'
import type { OutgoingTlsDefaults, ServerNameConfig } from '../../model/outgoing-tls.ts'
import type { ConfigInput } from '../schema/schema.ts'
import type { Cursor } from '../text/tree.ts'
import type { LanguageValidation } from '../validation/language-validation.ts'
import { parseAddress } from '../values/addresses.ts'
import {
  DEFAULT_ADMIN_BIND,
  DEFAULT_ADMIN_ENV,
  DEFAULT_GLOBAL,
  DEFAULT_HASH_TYPE,
  DEFAULT_PROXY,
  DEFAULT_TIMEOUTS_MS,
  NBTHREAD_MAX,
} from '../values/default-values.ts'
import { resolveRetryOn } from '../values/retry-causes.ts'
import { resolveAdminTls, resolveBindTls, resolveBindTlsDefaults } from './bind-tls-resolution.ts'
import { resolveCluster } from './cluster-resolution.ts'
import {
  type AnswersByStatus,
  mergeErrorAnswers,
  ownErrorAnswers,
} from './error-answer-resolution.ts'
import { resolveForwarded, resolveForwardFor } from './option-resolution.ts'
import { resolveCircuitBreaker, resolveOutlierDetection } from './outlier-resolution.ts'
import { resolvePersistence } from './persistence-resolution.ts'
import { resolveProbeProtocol } from './probe-resolution.ts'
import { mergeServerSettings, NOWHERE, resolveServer } from './server-resolution.ts'
import { resolveOutgoingTlsDefaults } from './server-tls-resolution.ts'

/** `fullconn` is a tenth of `global.maxconn`: HAProxy's share, of the frontends that lead there. */
const FULLCONN_SHARE = 10

type Defaults = NonNullable<ConfigInput['defaults']>
type Frontend = ConfigInput['frontends'][string]
type Backend = NonNullable<ConfigInput['backends']>[string]

/** What is not in the text of a config. */
interface ResolveOptions extends Pick<LanguageValidation, 'validateHttpError' | 'readSni'> {
  /** Cores that the process may use: the default of `nbthread`. */
  readonly cores: number
  /** Whose sections `global`, `admin` and `cluster` hold instead of those of the text. */
  readonly own?: Pick<Config, 'global' | 'admin' | 'cluster'>
}

/** What frontends and backends take from elsewhere. */
interface Surroundings extends ResolveOptions {
  readonly defaults: Defaults
  /** The answers of `defaults`. */
  readonly errorAnswers: AnswersByStatus
  readonly globalMaxconn: number
  /** `spread-checks` of `global`. */
  readonly spreadPercent: number
  readonly tune: TuneConfig
  /** `ssl-default-bind-*` of `global`. */
  readonly bindTls: BindTlsSettings
  /** `ssl-default-server-*` of `global`. */
  readonly outgoingTls: OutgoingTlsDefaults
}

/**
 * Settles an accepted config: what a frontend or backend does not say comes from `defaults`, what
 * that does not say from default-values.ts.
 *
 * @param tree the same config: objects give back keys that are numbers first, the tree in order
 */
export function resolveConfig(input: ConfigInput, tree: Cursor, options: ResolveOptions): Config {
  const { own } = options
  const global = own?.global ?? resolveGlobal(input.global ?? {}, options.cores)
  const defaults = input.defaults ?? {}
  const errorAnswers = ownErrorAnswers(defaults, options)
  const around = {
    ...options,
    defaults,
    errorAnswers,
    globalMaxconn: global.maxconn ?? DEFAULT_GLOBAL.maxconn,
    spreadPercent: global.spreadChecksPercent,
    tune: global.tune,
    bindTls: global.bindTls,
    outgoingTls: global.outgoingTls,
  }
  const frontends = inOrder(input.frontends, tree.at('frontends'))
  const backends = inOrder(input.backends ?? {}, tree.at('backends'))
  return {
    global,
    admin: own?.admin ?? resolveAdmin(input.admin ?? {}, global.bindTls),
    cluster: own === undefined ? clusterOf(input, tree) : own.cluster,
    frontends: frontends.map(([name, frontend, at]) => resolveFrontend(name, frontend, around, at)),
    backends: backends.map(([name, backend, at]) => resolveBackend(name, backend, around, at)),
  }
}

/** Entries of a map as the file has them: name, value, place. */
function inOrder<T>(map: Readonly<Record<string, T>>, at: Cursor): [string, T, Cursor][] {
  return at.values().map((entry) => [entry.name, map[entry.name] as T, entry])
}

function resolveAdmin(
  admin: NonNullable<ConfigInput['admin']>,
  bindTls: BindTlsSettings,
): AdminConfig {
  return {
    bind: admin.bind === undefined ? defaultAdminBind() : admin.bind,
    tls: resolveAdminTls(admin.ssl, bindTls),
    socket: resolveAdminSocket(admin.socket),
    tokenFile: admin['token-file'] ?? null,
    files: admin.files ?? null,
    env: admin.env ?? [DEFAULT_ADMIN_ENV],
    tokens: Object.entries(admin.tokens ?? {}).map(([name, { file, level }]) => {
      return { name, file, level }
    }),
  }
}

/** Whoever gives it a group wants that to connect. */
function resolveAdminSocket(
  socket: NonNullable<ConfigInput['admin']>['socket'],
): AdminSocketConfig | null {
  if (socket === null) return null
  const given = typeof socket === 'string' ? { path: socket } : (socket ?? {})
  const { path = null, group = null, mode = group === null ? 0o600 : 0o660 } = given
  return { path, mode, group }
}

function clusterOf({ cluster }: ConfigInput, tree: Cursor): ClusterConfig | null {
  return cluster === undefined ? null : resolveCluster(cluster, tree.at('cluster'))
}

function defaultAdminBind(): InetAddress | null {
  const bind = parseAddress(DEFAULT_ADMIN_BIND, 'bind')
  return 'value' in bind && bind.value.kind === 'inet' ? bind.value : null
}

function resolveGlobal(global: NonNullable<ConfigInput['global']>, cores: number): GlobalConfig {
  const { log, tune } = global
  return {
    nbthread: global.nbthread ?? Math.min(Math.max(1, cores), NBTHREAD_MAX),
    maxconn: global.maxconn ?? null,
    graceMs: global.grace ?? DEFAULT_GLOBAL.graceMs,
    spreadChecksPercent: global['spread-checks'] ?? DEFAULT_GLOBAL.spreadChecks,
    log: {
      level: log?.level ?? DEFAULT_GLOBAL.logLevel,
      access: log?.access ?? { to: DEFAULT_GLOBAL.logAccess },
    },
    tune: resolveTune(tune ?? {}),
    bindTls: resolveBindTlsDefaults(global),
    outgoingTls: resolveOutgoingTlsDefaults(global),
  }
}

function resolveTune(tune: NonNullable<NonNullable<ConfigInput['global']>['tune']>): TuneConfig {
  const bufsizeBytes = tune.bufsize ?? DEFAULT_GLOBAL.bufsizeBytes
  const { h2Backend, h2Frontend } = DEFAULT_GLOBAL
  const lineBytes = Math.min(DEFAULT_GLOBAL.httpRequestLineBytesMax, bufsizeBytes)
  return {
    bufsizeBytes,
    maxrewriteBytes: tune.maxrewrite ?? DEFAULT_GLOBAL.maxrewriteBytes,
    httpMaxhdr: tune['http.maxhdr'] ?? DEFAULT_GLOBAL.httpMaxhdr,
    httpRequestLineBytesMax: tune['http.max-request-line'] ?? lineBytes,
    httpChunkExtensionBytesMax:
      tune['http.max-chunk-ext'] ?? DEFAULT_GLOBAL.httpChunkExtensionBytesMax,
    httpTrailerBytesMax: tune['http.max-trailers'] ?? DEFAULT_GLOBAL.httpTrailerBytesMax,
    httpPipelinedMax: tune['http.max-pipelined'] ?? DEFAULT_GLOBAL.httpPipelinedMax,
    httpRetryBodyBytesMax: tune['http.retry-bufsize'] ?? DEFAULT_GLOBAL.httpRetryBodyBytesMax,
    h2Backend: {
      maxConcurrentStreams: tune['h2.be.max-concurrent-streams'] ?? h2Backend.maxConcurrentStreams,
      initialWindowSize: tune['h2.be.initial-window-size'] ?? h2Backend.initialWindowSize,
      glitchesMax: tune['h2.be.glitches-threshold'] ?? h2Backend.glitchesMax,
    },
    h2Frontend: {
      maxConcurrentStreams: tune['h2.fe.max-concurrent-streams'] ?? h2Frontend.maxConcurrentStreams,
      initialWindowSize: tune['h2.fe.initial-window-size'] ?? h2Frontend.initialWindowSize,
      glitchesMax: tune['h2.fe.glitches-threshold'] ?? h2Frontend.glitchesMax,
    },
    sslLifetimeMs: tune['ssl.lifetime'] ?? DEFAULT_GLOBAL.sslLifetimeMs,
    sslTicketKeyRotationMs:
      tune['ssl.ticket-key-rotation'] ?? DEFAULT_GLOBAL.sslTicketKeyRotationMs,
    sslTicketKeys: tune['ssl.ticket-keys'] ?? DEFAULT_GLOBAL.sslTicketKeys,
  }
}

function resolveFrontend(
  name: string,
  frontend: Frontend,
  around: Surroundings,
  at: Cursor,
): FrontendConfig {
  const { defaults, globalMaxconn } = around
  const mode = frontend.mode ?? defaults.mode ?? DEFAULT_PROXY.mode
  const isHttp = mode === 'http'
  const maxconn = frontend.maxconn ?? defaults.maxconn ?? globalMaxconn
  const standardBacklog = frontend.backlog ?? defaults.backlog ?? maxconn
  const option = { ...defaults.option, ...frontend.option }
  return {
    name,
    mode,
    binds: frontend.bind.map((bind) => {
      const given = 'kind' in bind ? { address: bind } : bind
      const { address, backlog = standardBacklog, 'accept-proxy': acceptProxy = false } = given
      const { proto = null } = given
      const tls = resolveBindTls(given, mode, around.bindTls)
      return { address, backlog, acceptProxy, proto, tls }
    }),
    maxconn,
    timeouts: frontendTimeouts({ ...defaults.timeout, ...frontend.timeout }),
    forwardfor: isHttp ? resolveForwardFor(option.forwardfor) : null,
    forwarded: isHttp ? resolveForwarded(option.forwarded) : null,
    acceptConnect: isHttp && (option['accept-connect'] ?? false),
    errorAnswers: isHttp ? resolveErrorAnswers(frontend, around) : [],
    dontlognull: option.dontlognull ?? false,
    ignoreProbes: option['http-ignore-probes'] ?? false,
    log: frontend.log ?? defaults.log ?? DEFAULT_PROXY.log,
    acls: resolveAcls(frontend.acl, at),
    captures: frontend.capture ?? [],
    httpRequest: frontend['http-request'] ?? [],
    httpResponse: frontend['http-response'] ?? [],
    tcpRequest: frontend['tcp-request'] ?? [],
    useBackend: frontend.use_backend ?? [],
    defaultBackend: frontend.default_backend ?? null,
  }
}

function frontendTimeouts(timeout: NonNullable<Defaults['timeout']>): FrontendTimeouts {
  const clientMs = timeout.client ?? DEFAULT_TIMEOUTS_MS.client
  return {
    clientMs,
    clientFinMs: timeout['client-fin'] ?? clientMs,
    httpRequestMs: timeout['http-request'] ?? DEFAULT_TIMEOUTS_MS['http-request'],
    httpKeepAliveMs: timeout['http-keep-alive'] ?? DEFAULT_TIMEOUTS_MS['http-keep-alive'],
    tarpitMs: tarpitMs(timeout),
    tcpIdleMs: timeout.client ?? DEFAULT_TIMEOUTS_MS.tunnel,
  }
}

function resolveBackend(
  name: string,
  backend: Backend,
  around: Surroundings,
  at: Cursor,
): BackendConfig {
  const { defaults, globalMaxconn, tune } = around
  const mode = backend.mode ?? defaults.mode ?? DEFAULT_PROXY.mode
  const isHttp = mode === 'http'
  const option = { ...defaults.option, ...backend.option }
  const acceptInvalidResponse = option['accept-invalid-http-response'] ?? false
  const timeouts = backendTimeouts({ ...defaults.timeout, ...backend.timeout })
  const factor = backend['hash-balance-factor'] ?? defaults['hash-balance-factor'] ?? 0
  const retryOn = backend['retry-on'] ?? defaults['retry-on'] ?? DEFAULT_PROXY.retryOn
  const ofServers = {
    standard: mergeServerSettings(
      defaults['default-server'] ?? {},
      backend['default-server'] ?? {},
    ),
    probeTimeoutMs: timeouts.checkMs,
    protocol: resolveProbeProtocol(backend, defaults, {
      acceptInvalid: acceptInvalidResponse,
      headBytesMax: tune.bufsizeBytes - tune.maxrewriteBytes,
      headersMax: tune.httpMaxhdr,
    }),
    spreadPercent: around.spreadPercent,
    globalMaxconn,
    outgoingTls: around.outgoingTls,
    readSni: sniReader(around, mode),
  }
  const servers = inOrder(backend.servers ?? {}, at.at('servers'))
  return {
    name,
    mode,
    balance: backend.balance ?? defaults.balance ?? DEFAULT_PROXY.balance,
    hashType: backend['hash-type'] ?? defaults['hash-type'] ?? DEFAULT_HASH_TYPE,
    hashBalanceFactor: factor === 0 ? null : factor,
    timeouts,
    httpReuse: backend['http-reuse'] ?? defaults['http-reuse'] ?? DEFAULT_PROXY.httpReuse,
    retries: backend.retries ?? defaults.retries ?? DEFAULT_PROXY.retries,
    ...resolveRetryOn(retryOn, mode),
    retryBudget: resolveBudget({ ...defaults['retry-budget'], ...backend['retry-budget'] }),
    circuitBreaker: resolveCircuitBreaker({
      ...defaults['circuit-breaker'],
      ...backend['circuit-breaker'],
    }),
    healthAgreement:
      backend['health-agreement'] ?? defaults['health-agreement'] ?? DEFAULT_PROXY.healthAgreement,
    checkSharding: backend['check-sharding'] ?? defaults['check-sharding'] ?? null,
    localVeto: backend['local-veto'] ?? defaults['local-veto'] ?? false,
    outlierDetection: resolveOutlierDetection(
      backend['outlier-detection'] ?? defaults['outlier-detection'] ?? false,
    ),
    fullconn: backend.fullconn ?? defaults.fullconn ?? Math.ceil(globalMaxconn / FULLCONN_SHARE),
    acceptInvalidResponse,
    allbackups: option.allbackups ?? false,
    redispatch: option.redispatch ?? false,
    persistence: resolvePersistence(backend, defaults, mode),
    forwardfor: isHttp ? resolveForwardFor(option.forwardfor) : null,
    forwarded: isHttp ? resolveForwarded(option.forwarded) : null,
    errorAnswers: isHttp ? resolveErrorAnswers(backend, around) : [],
    acls: resolveAcls(backend.acl, at),
    httpRequest: backend['http-request'] ?? [],
    httpResponse: backend['http-response'] ?? [],
    servers: servers.map(([serverName, server]) => resolveServer(serverName, server, ofServers)),
    newServer: resolveServer('', NOWHERE, ofServers),
  }
}

/** Of a text that is valid in this mode, what it says. */
function sniReader(
  { readSni }: ResolveOptions,
  mode: BackendConfig['mode'],
): (text: string) => ServerNameConfig {
  return (text) => {
    const read = readSni(text, mode)
    assert(!('message' in read), 'sni was resolved that is not valid')
    return read
  }
}

function resolveBudget(budget: NonNullable<Backend['retry-budget']>): RetryBudgetConfig {
  return {
    percent: budget.percent ?? DEFAULT_PROXY.retryBudget.percent,
    minPerSec: budget['min-per-sec'] ?? DEFAULT_PROXY.retryBudget.minPerSec,
  }
}

function backendTimeouts(timeout: NonNullable<Defaults['timeout']>): BackendTimeouts {
  const serverMs = timeout.server ?? DEFAULT_TIMEOUTS_MS.server
  return {
    connectMs: timeout.connect ?? DEFAULT_TIMEOUTS_MS.connect,
    serverMs,
    serverFinMs: timeout['server-fin'] ?? serverMs,
    queueMs: timeout.queue ?? DEFAULT_TIMEOUTS_MS.queue,
    checkMs: timeout.check ?? DEFAULT_TIMEOUTS_MS.check,
    tarpitMs: tarpitMs(timeout),
    tunnelMs: timeout.tunnel ?? DEFAULT_TIMEOUTS_MS.tunnel,
    tcpIdleMs: timeout.server ?? DEFAULT_TIMEOUTS_MS.tunnel,
    tcpTunnelMs: timeout.tunnel ?? null,
  }
}

function tarpitMs({ tarpit, connect }: NonNullable<Defaults['timeout']>): number {
  return tarpit ?? connect ?? DEFAULT_TIMEOUTS_MS.connect
}

function resolveErrorAnswers(
  section: Frontend | Backend,
  around: Surroundings,
): ErrorAnswerConfig[] {
  return mergeErrorAnswers(ownErrorAnswers(section, around), around.errorAnswers)
}

function resolveAcls(acl: Frontend['acl'], at: Cursor): AclConfig[] {
  return inOrder(acl ?? {}, at.at('acl')).map(([name, expressions]) => ({ name, expressions }))
}
