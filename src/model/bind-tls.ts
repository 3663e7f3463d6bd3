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

/** Whose certificates clients may show, and what of that is overlooked. */
export interface ClientVerification {
  /** Whether a client that shows none is refused. One that is not valid is in either case. */
  readonly verify: 'optional' | 'required'
  /** `crt-ignore-err all`: whatever is wrong with the client's own certificate. */
  readonly ignoresCertificateErrors: boolean
  /** `ca-ignore-err all`: whatever is wrong with those of its authorities. */
  readonly ignoresAuthorityErrors: boolean
}

/** Certificates of clients, with the files that they are held against. */
export interface ClientVerificationConfig extends ClientVerification {
  /** `ca-file`: the path of the authorities that are trusted, or `@system-ca`. */
  readonly caFile: string
  /** `crl-file`: the path of lists of certificates that are trusted no more; null: none. */
  readonly crlFile: string | null
}

/** `ssl` of a bind. */
export interface BindTlsConfig extends BindTlsSettings {
  /** `crt`: files, or folders of them (with `/` at the end), in the order in which they count. */
  readonly crt: readonly string[]
  /** `strict-sni`: a client that asks for a name which no certificate has is refused. */
  readonly strictSni: boolean
  /** Protocols that are agreed on by ALPN, the preferred one first; empty: none. */
  readonly alpn: readonly string[]
  /** Null: no client is asked for a certificate (`verify none`). */
  readonly clients: ClientVerificationConfig | null
}

/** Bytes of a key that seals session tickets: its name first, then what it encrypts and signs with. */
export const TICKET_KEY_BYTES = 48

/** Bytes of a key's name, with which each ticket begins that it has sealed (RFC 5077 section 4). */
export const TICKET_KEY_NAME_BYTES = 16

/** Fewest keys that are there at once: the next one, the one that seals, and the one before. */
export const TICKET_KEYS_MIN = 3

/** Most of them: a context of TLS is made for each that a client's ticket names. */
export const TICKET_KEYS_MAX = 16

/** The keys of session tickets. They are in memory alone: never written, logged or shown. */
export interface TicketKeys {
  /** Seals new tickets; one of `opening`. */
  readonly sealing: Uint8Array
  /** Open the tickets that clients show, the newest first; {@link TICKET_KEY_BYTES} each. */
  readonly opening: readonly Uint8Array[]
}
