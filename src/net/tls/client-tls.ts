import type { SecureContext } from 'node:tls'
import { nodeTls } from '../../base/host/late-modules.ts'
import type { PlannedOutgoingTls } from '../../model/plan.ts'
import type { Conn, ConnHandler } from '../conn.ts'
import type { ClientSessions } from './client-sessions.ts'

/** How a connection to a server is made secure. */
export interface ClientTlsSettings {
  /** Holds the authorities that are trusted, and what the server is shown. */
  readonly context: SecureContext
  /** False: whatever the server shows is taken. */
  readonly verify: boolean
  /** The name that the server is asked for (SNI, RFC 6066 section 3); null: none. */
  readonly serverName: string | null
  /** The name that its certificate must have; null: it may have any. */
  readonly certificateName: string | null
  /** Protocols that are offered by ALPN (RFC 7301), the preferred one first; empty: none. */
  readonly alpn: readonly string[]
  /** Earlier sessions with the server, and where this one goes; null: none is resumed. */
  readonly sessions: ClientSessions | null
}

/**
 * Speaks TLS as the client from now on. The connection that is given back tells by `onConnect` that
 * the handshake is complete and the server accepted, or by `onClose` that it is not.
 *
 * @param conn was opened by the same engine, is established, and is taken over; what was written to
 *   it goes before the handshake
 */
export type ConnectTls = (conn: Conn, settings: ClientTlsSettings, handler: ConnHandler) => Conn

/** Terms that are looked through for some that are the same; a config hardly has more. */
const TERMS_MAX = 64

/** What all connections share that go by the same files, versions and ciphers. */
export class ClientTlsTerms {
  readonly tls: PlannedOutgoingTls
  #context: SecureContext | null = null

  constructor(tls: PlannedOutgoingTls) {
    this.tls = tls
  }

  /**
   * Made when it is first needed: to read a set of authorities takes milliseconds.
   *
   * @throws what OpenSSL has against a certificate, a key or a list
   */
  get context(): SecureContext {
    this.#context ??= clientContext(this.tls)
    return this.#context
  }
}

/**
 * The terms of outgoing connections: those that are the same are one object, also over plans. One
 * instance a thread.
 */
export class ClientTlsContexts {
  readonly #byTls = new WeakMap<PlannedOutgoingTls, ClientTlsTerms>()
  readonly #made: ClientTlsTerms[] = []

  of(tls: PlannedOutgoingTls): ClientTlsTerms {
    const known = this.#byTls.get(tls)
    if (known !== undefined) return known
    const same = this.#made.find((terms) => isSameContext(terms.tls, tls))
    const terms = same ?? new ClientTlsTerms(tls)
    this.#byTls.set(tls, terms)
    if (same !== undefined) return terms
    if (this.#made.length >= TERMS_MAX) this.#made.shift()
    this.#made.push(terms)
    return terms
  }
}

function isSameContext(one: PlannedOutgoingTls, other: PlannedOutgoingTls): boolean {
  return (
    one.authorities?.pem === other.authorities?.pem &&
    one.revocations === other.revocations &&
    one.certificate?.chain === other.certificate?.chain &&
    one.certificate?.key === other.certificate?.key &&
    one.minVersion === other.minVersion &&
    one.maxVersion === other.maxVersion &&
    one.ciphers === other.ciphers &&
    one.ciphersuites === other.ciphersuites
  )
}

function clientContext(tls: PlannedOutgoingTls): SecureContext {
  const { authorities, revocations, certificate, minVersion, maxVersion } = tls
  return nodeTls().createSecureContext({
    // Without a list the roots that Node.js brings would be trusted.
    ca: authorities === null ? [] : authorities.pem,
    minVersion,
    maxVersion,
    ciphers: `${tls.ciphersuites}:${tls.ciphers}`,
    ...(revocations !== null && { crl: revocations }),
    ...(certificate !== null && { cert: certificate.chain, key: certificate.key }),
  })
}
