import type {
  OutgoingTlsConfig,
  OutgoingTlsDefaults,
  ServerNameConfig,
  TrafficTlsConfig,
} from '../../model/outgoing-tls.ts'
import { SYSTEM_AUTHORITIES } from '../../model/outgoing-tls.ts'
import type { ProbeProtocol, ProbeTlsConfig } from '../../model/probe-protocol.ts'
import type { ConfigInput } from '../schema/schema.ts'
import { DEFAULT_OUTGOING_TLS } from '../values/default-values.ts'
import type { ServerSettings } from './server-settings.ts'

type Global = NonNullable<ConfigInput['global']>
type Options = NonNullable<Global['ssl-default-server-options']>
type TlsSettings = Exclude<NonNullable<ServerSettings['ssl']>, boolean>

/** What holds for every server with `ssl` that does not say otherwise. */
export function resolveOutgoingTlsDefaults(global: Global): OutgoingTlsDefaults {
  const standard = DEFAULT_OUTGOING_TLS
  return {
    ...optionsOf(global['ssl-default-server-options'] ?? {}, standard),
    ciphers: global['ssl-default-server-ciphers'] ?? standard.ciphers,
    ciphersuites: global['ssl-default-server-ciphersuites'] ?? standard.ciphersuites,
  }
}

/**
 * The settings of one place, with what `ssl` says that may also stand beside it in one place:
 * `verify` and `ca-file`, which checks go by, too, that are over TLS alone.
 */
export function withTlsKeysBeside<Settings extends ServerSettings>(settings: Settings): Settings {
  if (typeof settings.ssl !== 'object') return settings
  const { verify, 'ca-file': caFile, ...ssl } = settings.ssl
  return {
    ...settings,
    ssl,
    ...(verify !== undefined && { verify }),
    ...(caFile !== undefined && { 'ca-file': caFile }),
  }
}

/** `ssl` of one place over that of a wider one, key by key; `true` only turns it on. */
export function mergeTls(
  standard: ServerSettings['ssl'],
  own: ServerSettings['ssl'],
): ServerSettings['ssl'] {
  if (own === undefined || own === false) return own ?? standard
  const wider = typeof standard === 'object' ? standard : {}
  return own === true ? wider : { ...wider, ...own }
}

/** What the TLS of one server is resolved from. */
export interface TlsSurroundings {
  readonly settings: ServerSettings
  readonly outgoingTls: OutgoingTlsDefaults
  /** Reads `sni`, which is valid. */
  readonly readSni: (text: string) => ServerNameConfig
  /** What checks say; null where there are none, or they only connect. */
  readonly protocol: ProbeProtocol | null
  /** Checks go to another address or port than the traffic. */
  readonly isElsewhere: boolean
}

/** TLS of the traffic and the checks of a server: each null where there is none. */
export interface ServerTls {
  readonly tls: OutgoingTlsConfig | null
  readonly trafficTls: TrafficTlsConfig | null
  readonly probeTls: ProbeTlsConfig | null
}

/** Settles the TLS of a server. */
export function resolveServerTls({
  settings,
  outgoingTls,
  readSni,
  protocol,
  isElsewhere,
}: TlsSurroundings): ServerTls {
  const ssl = settingsOf(settings.ssl)
  // Servers that speak both choose HTTP/2 where it is offered.
  const { sni, alpn = settings.proto === 'h2' ? ['h2'] : [] } = ssl ?? {}
  const name = sni === undefined ? null : readSni(sni)
  const { reusesSessions, ...options } = optionsOf({ ...ssl, verify: settings.verify }, outgoingTls)
  const trafficTls = ssl === null ? null : { sni: name, alpn, reusesSessions }
  const probeTls = resolveProbeTls(settings, protocol, name, ssl !== null && !isElsewhere)
  if (trafficTls === null && probeTls === null) return { tls: null, trafficTls, probeTls }
  const tls = {
    ...options,
    ciphers: ssl?.ciphers ?? outgoingTls.ciphers,
    ciphersuites: ssl?.ciphersuites ?? outgoingTls.ciphersuites,
    verifyHost: ssl?.verifyhost ?? null,
    caFile: settings['ca-file'] ?? SYSTEM_AUTHORITIES,
    crlFile: ssl?.['crl-file'] ?? null,
    crt: ssl?.crt ?? null,
  }
  return { tls, trafficTls, probeTls }
}

/** Null: there is no TLS. */
function settingsOf(ssl: ServerSettings['ssl']): TlsSettings | null {
  if (ssl === undefined || ssl === false) return null
  return ssl === true ? {} : ssl
}

/**
 * How the checks of a server use TLS; null where neither the server nor a step of the check asks
 * for it. HAProxy configuration manual, check-ssl and no-check-ssl.
 */
function resolveProbeTls(
  settings: ServerSettings,
  protocol: ProbeProtocol | null,
  sni: ServerNameConfig | null,
  isInherited: boolean,
): ProbeTlsConfig | null {
  const isOff = settings['no-check-ssl'] === true
  const isDefault = settings['check-ssl'] ?? (isInherited && !isOff)
  const steps = protocol?.kind === 'steps' ? protocol.steps : []
  if (!isDefault && !steps.some((step) => step.kind === 'connect' && step.tls !== null)) return null
  return {
    isDefault,
    serverName: settings['check-sni'] ?? (sni?.kind === 'name' ? sni.name : null),
    alpn: settings['check-alpn'] ?? [],
  }
}

function optionsOf(
  options: Options,
  otherwise: OutgoingTlsDefaults,
): Omit<OutgoingTlsDefaults, 'ciphers' | 'ciphersuites'> {
  const noReuse = options['no-ssl-reuse']
  return {
    verify: options.verify === undefined ? otherwise.verify : options.verify === 'required',
    minVersion: options['ssl-min-ver'] ?? otherwise.minVersion,
    maxVersion: options['ssl-max-ver'] ?? otherwise.maxVersion,
    reusesSessions: noReuse === undefined ? otherwise.reusesSessions : !noReuse,
  }
}
