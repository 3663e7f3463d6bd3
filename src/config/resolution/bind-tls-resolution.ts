import type {
  BindTlsConfig,
  BindTlsSettings,
  ClientVerificationConfig,
} from '../../model/bind-tls.ts'
import type { AdminTlsConfig, Mode } from '../../model/config.ts'
import type { ConfigInput } from '../schema/schema.ts'
import { DEFAULT_BIND_TLS } from '../values/default-values.ts'

type Global = NonNullable<ConfigInput['global']>
type Bind = Exclude<ConfigInput['frontends'][string]['bind'][number], { readonly kind: string }>

/** HAProxy's since 2.8, where `proto` names none. */
const STANDARD_ALPN = { any: ['h2', 'http/1.1'], h1: ['http/1.1'], h2: ['h2'] } as const

/** What holds for every bind with `ssl` that does not say otherwise. */
export function resolveBindTlsDefaults(global: Global): BindTlsSettings {
  const standard = DEFAULT_BIND_TLS
  return {
    ...optionsOf(global['ssl-default-bind-options'] ?? {}, standard),
    ciphers: global['ssl-default-bind-ciphers'] ?? standard.ciphers,
    ciphersuites: global['ssl-default-bind-ciphersuites'] ?? standard.ciphersuites,
    curves: global['ssl-default-bind-curves'] ?? standard.curves,
  }
}

/** TLS of the admin address; null without `ssl`, or where it is off. */
export function resolveAdminTls(
  ssl: NonNullable<ConfigInput['admin']>['ssl'],
  defaults: BindTlsSettings,
): AdminTlsConfig | null {
  if (ssl === undefined || ssl === 'off') return null
  return { ...settingsOf(ssl, defaults), crt: ssl.crt }
}

/** TLS of one bind; null without `ssl`. */
export function resolveBindTls(
  { ssl, alpn, proto }: Bind,
  mode: Mode,
  defaults: BindTlsSettings,
): BindTlsConfig | null {
  if (ssl === undefined) return null
  return {
    ...settingsOf(ssl, defaults),
    crt: ssl.crt,
    strictSni: ssl['strict-sni'] ?? false,
    alpn: alpn ?? (mode === 'http' ? STANDARD_ALPN[proto ?? 'any'] : []),
    clients: clientsOf(ssl),
  }
}

function clientsOf(ssl: NonNullable<Bind['ssl']>): ClientVerificationConfig | null {
  const { verify = 'none' } = ssl
  const caFile = ssl['ca-file']
  if (verify === 'none' || caFile === undefined) return null
  return {
    verify,
    caFile,
    crlFile: ssl['crl-file'] ?? null,
    ignoresCertificateErrors: ssl['crt-ignore-err'] === 'all',
    ignoresAuthorityErrors: ssl['ca-ignore-err'] === 'all',
  }
}

function settingsOf(
  ssl: Exclude<NonNullable<ConfigInput['admin']>['ssl'], 'off' | undefined>,
  defaults: BindTlsSettings,
): BindTlsSettings {
  return {
    ...optionsOf(ssl, defaults),
    ciphers: ssl.ciphers ?? defaults.ciphers,
    ciphersuites: ssl.ciphersuites ?? defaults.ciphersuites,
    curves: ssl.curves ?? defaults.curves,
  }
}

function optionsOf(
  options: NonNullable<Global['ssl-default-bind-options']>,
  otherwise: BindTlsSettings,
): Omit<BindTlsSettings, 'ciphers' | 'ciphersuites' | 'curves'> {
  const noTickets = options['no-tls-tickets']
  return {
    minVersion: options['ssl-min-ver'] ?? otherwise.minVersion,
    maxVersion: options['ssl-max-ver'] ?? otherwise.maxVersion,
    preferClientCiphers: options['prefer-client-ciphers'] ?? otherwise.preferClientCiphers,
    hasTickets: noTickets === undefined ? otherwise.hasTickets : !noTickets,
  }
}
