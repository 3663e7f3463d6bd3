import type { Address } from '../model/address.ts'
import type {
  AclConfig,
  BackendConfig,
  BackendTimeouts,
  CheckConfig,
  Config,
  ForwardForConfig,
  FrontendConfig,
  FrontendTimeouts,
  GlobalConfig,
  HttpCheckConfig,
  RetryCause,
  ServerConfig,
} from '../model/config.ts'
import { parseAddress } from './addresses.ts'
import {
  DEFAULT_ADMIN_BIND,
  DEFAULT_GLOBAL,
  DEFAULT_HTTPCHK,
  DEFAULT_PROXY,
  DEFAULT_SERVER,
  DEFAULT_TIMEOUTS_MS,
  NBTHREAD_MAX,
} from './default-values.ts'
import type { ConfigInput } from './schema.ts'
import type { Cursor } from './tree.ts'

type Defaults = NonNullable<ConfigInput['defaults']>
type Frontend = ConfigInput['frontends'][string]
type Backend = NonNullable<ConfigInput['backends']>[string]
type Server = NonNullable<Backend['servers']>[string]
type ServerSettings = NonNullable<Backend['default-server']>
type ForwardFor = NonNullable<Defaults['option']>['forwardfor']
type HttpCheck = NonNullable<Defaults['option']>['httpchk']

/**
 * Settles an accepted config: what a frontend or backend does not say comes from `defaults`, what
 * that does not say from default-values.ts.
 *
 * @param tree the same config: objects give back keys that are numbers first, the tree in order
 * @param cores default of `nbthread`
 */
export function resolveConfig(input: ConfigInput, tree: Cursor, cores: number): Config {
  const global = resolveGlobal(input.global ?? {}, cores)
  const defaults = input.defaults ?? {}
  const frontends = inOrder(input.frontends, tree.at('frontends'))
  const backends = inOrder(input.backends ?? {}, tree.at('backends'))
  return {
    global,
    admin: {
      bind: input.admin?.bind === undefined ? defaultAdminBind() : input.admin.bind,
      tokenFile: input.admin?.['token-file'] ?? null,
    },
    frontends: frontends.map(([name, frontend, at]) =>
      resolveFrontend(name, frontend, defaults, global.maxconn, at),
    ),
    backends: backends.map(([name, backend, at]) => resolveBackend(name, backend, defaults, at)),
  }
}

/** Entries of a map as the file has them: name, value, place. */
function inOrder<T>(map: Readonly<Record<string, T>>, at: Cursor): [string, T, Cursor][] {
  return at.values().map((entry) => [entry.name, map[entry.name] as T, entry])
}

function defaultAdminBind(): Address | null {
  const bind = parseAddress(DEFAULT_ADMIN_BIND, 'bind')
  return 'value' in bind ? bind.value : null
}

function resolveGlobal(global: NonNullable<ConfigInput['global']>, cores: number): GlobalConfig {
  const { log, tune } = global
  return {
    nbthread: global.nbthread ?? Math.min(Math.max(1, cores), NBTHREAD_MAX),
    maxconn: global.maxconn ?? DEFAULT_GLOBAL.maxconn,
    graceMs: global.grace ?? DEFAULT_GLOBAL.graceMs,
    log: {
      level: log?.level ?? DEFAULT_GLOBAL.logLevel,
      access: log?.access ?? { to: DEFAULT_GLOBAL.logAccess },
    },
    tune: {
      bufsizeBytes: tune?.bufsize ?? DEFAULT_GLOBAL.bufsizeBytes,
      httpMaxhdr: tune?.['http.maxhdr'] ?? DEFAULT_GLOBAL.httpMaxhdr,
      poolIdleMax: tune?.['pool-max-conn'] ?? DEFAULT_GLOBAL.poolMaxConn,
    },
  }
}

function resolveFrontend(
  name: string,
  frontend: Frontend,
  defaults: Defaults,
  globalMaxconn: number,
  at: Cursor,
): FrontendConfig {
  const mode = frontend.mode ?? defaults.mode ?? DEFAULT_PROXY.mode
  const maxconn = frontend.maxconn ?? defaults.maxconn ?? globalMaxconn
  const standardBacklog = frontend.backlog ?? defaults.backlog ?? maxconn
  const option = { ...defaults.option, ...frontend.option }
  return {
    name,
    mode,
    binds: frontend.bind.map((bind) => {
      const { address, backlog = standardBacklog } = 'kind' in bind ? { address: bind } : bind
      return { address, backlog }
    }),
    maxconn,
    timeouts: frontendTimeouts({ ...defaults.timeout, ...frontend.timeout }),
    forwardfor: mode === 'http' ? resolveForwardFor(option.forwardfor) : null,
    dontlognull: option.dontlognull ?? false,
    log: frontend.log ?? defaults.log ?? DEFAULT_PROXY.log,
    acls: resolveAcls(frontend.acl, at),
    httpRequest: frontend['http-request'] ?? [],
    httpResponse: frontend['http-response'] ?? [],
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
    tcpIdleMs: timeout.client ?? DEFAULT_TIMEOUTS_MS.tunnel,
  }
}

function resolveBackend(
  name: string,
  backend: Backend,
  defaults: Defaults,
  at: Cursor,
): BackendConfig {
  const mode = backend.mode ?? defaults.mode ?? DEFAULT_PROXY.mode
  const option = { ...defaults.option, ...backend.option }
  const timeouts = backendTimeouts({ ...defaults.timeout, ...backend.timeout })
  const http = resolveHttpCheck(option.httpchk)
  const standard = { ...defaults['default-server'], ...backend['default-server'] }
  const servers = inOrder(backend.servers ?? {}, at.at('servers'))
  return {
    name,
    mode,
    balance: backend.balance ?? defaults.balance ?? DEFAULT_PROXY.balance,
    timeouts,
    retries: backend.retries ?? defaults.retries ?? DEFAULT_PROXY.retries,
    retryOn: resolveRetryOn(backend['retry-on'] ?? defaults['retry-on']),
    redispatch: option.redispatch ?? false,
    forwardfor: mode === 'http' ? resolveForwardFor(option.forwardfor) : null,
    acls: resolveAcls(backend.acl, at),
    httpRequest: backend['http-request'] ?? [],
    httpResponse: backend['http-response'] ?? [],
    servers: servers.map(([serverName, server]) =>
      resolveServer(serverName, server, standard, timeouts.checkMs, http),
    ),
  }
}

function resolveRetryOn(causes: Backend['retry-on']): RetryCause[] {
  if (causes === undefined) return [...DEFAULT_PROXY.retryOn]
  return causes.filter((cause) => cause !== 'none')
}

function backendTimeouts(timeout: NonNullable<Defaults['timeout']>): BackendTimeouts {
  const serverMs = timeout.server ?? DEFAULT_TIMEOUTS_MS.server
  return {
    connectMs: timeout.connect ?? DEFAULT_TIMEOUTS_MS.connect,
    serverMs,
    serverFinMs: timeout['server-fin'] ?? serverMs,
    queueMs: timeout.queue ?? DEFAULT_TIMEOUTS_MS.queue,
    checkMs: timeout.check ?? DEFAULT_TIMEOUTS_MS.check,
    tunnelMs: timeout.tunnel ?? DEFAULT_TIMEOUTS_MS.tunnel,
    tcpIdleMs: timeout.server ?? DEFAULT_TIMEOUTS_MS.tunnel,
    tcpTunnelMs: timeout.tunnel ?? null,
  }
}

function resolveServer(
  name: string,
  given: Server,
  standard: ServerSettings,
  checkTimeoutMs: number,
  http: HttpCheckConfig | null,
): ServerConfig {
  const server = 'kind' in given ? { address: given } : given
  const settings = { ...standard, ...server }
  const check: CheckConfig = {
    interMs: settings.inter ?? DEFAULT_SERVER.interMs,
    rise: settings.rise ?? DEFAULT_SERVER.rise,
    fall: settings.fall ?? DEFAULT_SERVER.fall,
    timeoutMs: checkTimeoutMs,
    address: checkAddress(server.address, settings.addr, settings.port),
    http,
  }
  return {
    name,
    address: server.address,
    weight: settings.weight ?? DEFAULT_SERVER.weight,
    disabled: settings.disabled ?? false,
    check: settings.check === true ? check : null,
  }
}

function checkAddress(address: Address, host?: string, port?: number): Address {
  if (address.kind === 'inet') {
    return { kind: 'inet', host: host ?? address.host, port: port ?? address.port }
  }
  // Of a Unix socket, server-checks.ts has seen to it that there are both or none.
  return host === undefined || port === undefined ? address : { kind: 'inet', host, port }
}

function resolveForwardFor(option: ForwardFor): ForwardForConfig | null {
  if (option === undefined || option === false) return null
  const given = option === true ? {} : option
  return {
    header: given.header ?? DEFAULT_PROXY.forwardforHeader,
    ifNone: given['if-none'] ?? false,
    except: given.except ?? [],
  }
}

function resolveHttpCheck(option: HttpCheck): HttpCheckConfig | null {
  if (option === undefined || option === false) return null
  const given = option === true ? {} : option
  return {
    method: given.method ?? DEFAULT_HTTPCHK.method,
    uri: given.uri ?? DEFAULT_HTTPCHK.uri,
    host: given.host ?? '',
    expectStatus: given.expect ?? DEFAULT_HTTPCHK.expectStatus,
  }
}

function resolveAcls(acl: Frontend['acl'], at: Cursor): AclConfig[] {
  return inOrder(acl ?? {}, at.at('acl')).map(([name, expressions]) => ({ name, expressions }))
}
