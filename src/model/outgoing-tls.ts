import type { TlsVersion } from './bind-tls.ts'

/** How TLS is spoken to a server, by the traffic and by checks. */
export interface OutgoingTlsSettings {
  /** `ssl-min-ver`. */
  readonly minVersion: TlsVersion
  /** `ssl-max-ver`. */
  readonly maxVersion: TlsVersion
  /** Of TLS 1.2, in OpenSSL's words, the preferred one first. */
  readonly ciphers: string
  /** Of TLS 1.3. */
  readonly ciphersuites: string
  /** `verify required`: without a valid certificate the connection fails. */
  readonly verify: boolean
}

/** What holds for every server with `ssl` that does not say otherwise. */
export interface OutgoingTlsDefaults extends OutgoingTlsSettings {
  /** Sessions may be resumed: no `no-ssl-reuse`. */
  readonly reusesSessions: boolean
}

/** TLS of a server, with the files that it goes by. */
export interface OutgoingTlsConfig extends OutgoingTlsSettings {
  /** `verifyhost`: the name that the certificate must have; null: the one that is asked for. */
  readonly verifyHost: string | null
  /** `ca-file`: the path of the authorities that are trusted, or {@link SYSTEM_AUTHORITIES}. */
  readonly caFile: string
  /** `crl-file`: the path of lists of certificates that are trusted no more; null: none. */
  readonly crlFile: string | null
  /** `crt`: the path of the certificate that the server is shown; null: none. */
  readonly crt: string | null
}

/** The value of `ca-file` that stands for the authorities which the system trusts. */
export const SYSTEM_AUTHORITIES = '@system-ca'

/** `sni`: a name, or an expression that gives one for each session or request. */
export type ServerNameConfig =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'expression'; readonly text: string }

/** What of TLS is for the traffic of a server alone. */
export interface TrafficTlsConfig {
  /** Null: the server is asked for no name. */
  readonly sni: ServerNameConfig | null
  /** Protocols that are offered by ALPN, the preferred one first; empty: none. */
  readonly alpn: readonly string[]
  /** Sessions may be resumed: no `no-ssl-reuse`. */
  readonly reusesSessions: boolean
}
