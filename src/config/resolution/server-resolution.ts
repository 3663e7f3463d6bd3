import type { Address } from '../../base/address.ts'
import type { AgentConfig, ProbeConfig, ProxyVersion, ServerConfig } from '../../model/config.ts'
import type { ObserveConfig } from '../../model/observation-config.ts'
import type { OutgoingTlsDefaults, ServerNameConfig } from '../../model/outgoing-tls.ts'
import type { ProbeProtocol, ProbeTlsConfig } from '../../model/probe-protocol.ts'
import type { ConfigInput } from '../schema/schema.ts'
import { DEFAULT_SERVER } from '../values/default-values.ts'
import type { ServerSettings } from './server-settings.ts'
import { mergeTls, resolveServerTls, withTlsKeysBeside } from './server-tls-resolution.ts'

type Backend = NonNullable<ConfigInput['backends']>[string]
type Server = NonNullable<Backend['servers']>[string]

/** What a server takes from elsewhere. */
export interface ServerSurroundings {
  /** What holds where the server says nothing: the `default-server` of its backend. */
  readonly standard: ServerSettings
  readonly probeTimeoutMs: number
  /** What its checks say; null where they only connect. */
  readonly protocol: ProbeProtocol | null
  /** `spread-checks` of `global`. */
  readonly spreadPercent: number
  readonly globalMaxconn: number
  /** `ssl-default-server-*` of `global`. */
  readonly outgoingTls: OutgoingTlsDefaults
  /** Reads `sni`, which is valid. */
  readonly readSni: (text: string) => ServerNameConfig
}

/** Keywords for a PROXY header, each with what it asks for. */
const SEND_PROXY = [
  ['send-proxy-v2-ssl-cn', '2-ssl-cn'],
  ['send-proxy-v2-ssl', '2-ssl'],
  ['send-proxy-v2', 2],
  ['send-proxy', 1],
] as const satisfies readonly (readonly [keyof ServerSettings, ProxyVersion])[]

const NO_HEADER = Object.fromEntries(SEND_PROXY.map(([name]) => [name, false]))

/** Settings of one place over those of a wider one, key by key. */
export function mergeServerSettings<Settings extends ServerSettings>(
  wider: ServerSettings,
  nearer: Settings,
): ServerSettings & Settings {
  const standard = withTlsKeysBeside(wider)
  const own = withTlsKeysBeside(nearer)
  // Who asks for a version of the header does not want the other, which it would inherit.
  const asked = SEND_PROXY.find(([name]) => own[name] === true)
  const version = asked === undefined ? {} : { ...NO_HEADER, [asked[0]]: true }
  // Who tracks another server is not checked, and who is checked tracks none: the nearest counts.
  const watched =
    own.track !== undefined ? { check: false } : own.check === true ? { track: undefined } : {}
  // Whoever turns the TLS of checks on or off does not want the other, which it would inherit.
  const probes =
    own['check-ssl'] === true
      ? { 'no-check-ssl': false }
      : own['no-check-ssl'] === true
        ? { 'check-ssl': undefined }
        : {}
  const ssl = mergeTls(standard.ssl, own.ssl)
  return { ...standard, ...own, ...version, ...watched, ...probes, ssl }
}

/** Where a server that is to be added at run time begins; `movedServer` gives it its address. */
export const NOWHERE = { kind: 'inet', host: '', port: 0 } as const

/** Settles one server of a backend. */
export function resolveServer(
  name: string,
  given: Server,
  around: ServerSurroundings,
): ServerConfig {
  const server = 'kind' in given ? { address: given } : given
  const settings = mergeServerSettings(around.standard, server)
  const sendProxy = SEND_PROXY.find(([keyword]) => settings[keyword] === true)?.[1] ?? null
  const track = settings.track ?? null
  const isChecked = settings.check === true && track === null
  const isElsewhere = settings.addr !== undefined || settings.port !== undefined
  const protocol = isChecked ? around.protocol : null
  const { probeTls, ...ofTls } = resolveServerTls({ ...around, settings, protocol, isElsewhere })
  const ofProbe = { settings, sendProxy, probeTls: isChecked ? probeTls : null, isElsewhere }
  return {
    name,
    address: server.address,
    initAddress: settings['init-addr'] ?? DEFAULT_SERVER.initAddress,
    weight: settings.weight ?? DEFAULT_SERVER.weight,
    maxconn: settings.maxconn ?? DEFAULT_SERVER.maxconn,
    minconn: settings.minconn ?? DEFAULT_SERVER.minconn,
    maxqueue: settings.maxqueue ?? DEFAULT_SERVER.maxqueue,
    slowStartMs: settings.slowstart ?? DEFAULT_SERVER.slowStartMs,
    backup: settings.backup ?? false,
    disabled: settings.disabled ?? false,
    cookie: settings.cookie ?? null,
    sendProxy,
    proto: settings.proto ?? null,
    ...ofTls,
    ...resolvePool(settings, around.globalMaxconn),
    check: isChecked ? resolveProbe(server.address, ofProbe, around) : null,
    observe: isChecked ? resolveObserve(settings) : null,
    agent: resolveAgent(server.address, settings, around),
    track,
  }
}

/** What of a server its checks go by. */
interface ProbedServer {
  readonly settings: ServerSettings & {
    readonly addr?: string | undefined
    readonly port?: number | undefined
  }
  readonly sendProxy: ProxyVersion | null
  readonly probeTls: ProbeTlsConfig | null
  /** Checks go to another address or port than the traffic. */
  readonly isElsewhere: boolean
}

function resolveProbe(
  address: Address,
  { settings, sendProxy, probeTls, isElsewhere }: ProbedServer,
  { probeTimeoutMs, protocol, spreadPercent }: ServerSurroundings,
): ProbeConfig {
  const interMs = settings.inter ?? DEFAULT_SERVER.interMs
  return {
    interMs,
    fastInterMs: settings.fastinter ?? interMs,
    downInterMs: settings.downinter ?? interMs,
    spreadPercent,
    rise: settings.rise ?? DEFAULT_SERVER.rise,
    fall: settings.fall ?? DEFAULT_SERVER.fall,
    timeoutMs: probeTimeoutMs,
    address: probeAddress(address, settings.addr, settings.port),
    sendProxy: probeHeader(settings['check-send-proxy'], isElsewhere, sendProxy),
    tls: probeTls,
    protocol,
  }
}

function resolveAgent(
  address: Address,
  settings: ServerSettings,
  { probeTimeoutMs }: ServerSurroundings,
): AgentConfig | null {
  const { 'agent-check': isAsked, 'agent-addr': addr, 'agent-port': port } = settings
  // That there is a port, and a host beside a Unix socket, probe-validation.ts has seen to.
  const host = addr ?? (address.kind === 'inet' ? address.host : undefined)
  if (isAsked !== true || port === undefined || host === undefined) return null
  return {
    address: { kind: 'inet', host, port },
    interMs: settings['agent-inter'] ?? DEFAULT_SERVER.agentInterMs,
    send: settings['agent-send'] ?? '',
    timeoutMs: probeTimeoutMs,
  }
}

function probeAddress(address: Address, host?: string, port?: number): Address {
  if (address.kind === 'inet') {
    return { kind: 'inet', host: host ?? address.host, port: port ?? address.port }
  }
  // Of a Unix socket, server-validation.ts has seen to it that there are both or none.
  return host === undefined || port === undefined ? address : { kind: 'inet', host, port }
}

/** HAProxy configuration manual, check-send-proxy; there it cannot be turned off. */
function probeHeader(
  isForced: boolean | undefined,
  isElsewhere: boolean,
  sendProxy: ProxyVersion | null,
): ProxyVersion | null {
  if (isForced === undefined) return isElsewhere ? null : sendProxy
  return isForced ? (sendProxy ?? 1) : null
}

function resolveObserve(settings: ServerSettings): ObserveConfig | null {
  const layer = settings.observe ?? DEFAULT_SERVER.observe
  if (layer === 'none') return null
  return {
    layer,
    errorLimit: settings['error-limit'] ?? DEFAULT_SERVER.errorLimit,
    onError: settings['on-error'] ?? DEFAULT_SERVER.onError,
  }
}

function resolvePool(
  settings: ServerSettings,
  globalMaxconn: number,
): Pick<ServerConfig, 'poolIdleMax' | 'poolPurgeDelayMs'> {
  const idleMax = settings['pool-max-conn'] ?? DEFAULT_SERVER.poolMaxConn
  const delayMs = settings['pool-purge-delay'] ?? DEFAULT_SERVER.poolPurgeDelayMs
  // Nothing is kept, so that the delay is never waited for; it is one all the same.
  if (delayMs === 0) return { poolIdleMax: 0, poolPurgeDelayMs: DEFAULT_SERVER.poolPurgeDelayMs }
  return { poolIdleMax: idleMax < 0 ? globalMaxconn : idleMax, poolPurgeDelayMs: delayMs }
}
