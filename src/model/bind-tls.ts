/** Versions of TLS that clients may use. */
export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** A version of TLS. */
export type TlsVersion = (typeof TLS_VERSIONS)[number]

/** What the clients of a bind may agree on. */
export interface BindTlsSettings {
  /** `ssl-min-ver`. */
  readonly minVersion: TlsVersion
  /** `ssl-max-ver`. */
  readonly maxVersion: TlsVersion
  /** Of TLS 1.2, in OpenSSL's words, the preferred one first. */
  readonly ciphers: string
  /** Of TLS 1.3. */
  readonly ciphersuites: string
  /** Groups of the key exchange, the preferred one first; `auto`: those of OpenSSL. */
  readonly curves: string
  /** `prefer-client-ciphers`: the order of the client counts. */
  readonly preferClientCiphers: boolean
  /** Sessions may be resumed: no `no-tls-tickets`. */
  readonly hasTickets: boolean
}

/** `ssl` of a bind. */
export interface BindTlsConfig extends BindTlsSettings {
  /** `crt`: files, or folders of them (with `/` at the end), in the order in which they count. */
  readonly crt: readonly string[]
  /** `strict-sni`: a client that asks for a name which no certificate has is refused. */
  readonly strictSni: boolean
  /** Protocols that are agreed on by ALPN, the preferred one first; empty: none. */
  readonly alpn: readonly string[]
}
