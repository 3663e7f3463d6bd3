import type { SecureContext } from 'node:tls'
import { nodeCrypto, nodeTls } from '../../base/host/late-modules.ts'
import type { BindTlsSettings, ClientVerification } from '../../model/bind-tls.ts'
import type { PlannedTls } from '../../model/plan.ts'
import type { Conn, ConnHandler } from '../conn.ts'

/** How a client's connection is made secure, decided by its ClientHello. */
export interface ServerTlsSettings {
  /** Holds the certificates that the client may be shown. */
  readonly context: SecureContext
  /** The protocol that is agreed on by ALPN; null: none is. */
  readonly alpn: string | null
  /** The name that the client has asked for; null: none. */
  readonly serverName: string | null
  /** Null: the client is asked for no certificate. */
  readonly clients: ClientVerification | null
}

/**
 * Speaks TLS as the server from now on. The connection that is given back tells by `onConnect` that
 * the handshake is complete, or by `onClose` that it has failed.
 *
 * @param conn was accepted by the same engine, and is taken over
 * @param ahead what has been read of it; copied
 */
export type AcceptTls = (
  conn: Conn,
  ahead: Uint8Array,
  settings: ServerTlsSettings,
  handler: ConnHandler,
) => Conn

/** A certificate with what comes with it, in PEM form. */
export interface KeyedCertificate {
  /** The certificate itself first, then each that has certified the one before. */
  readonly chain: string
  readonly key: string
}

/** How sessions are resumed. */
export interface SessionSettings {
  /** Seals and opens their tickets, {@link TicketKeys}. */
  readonly ticketKey: Uint8Array
  /** At most 32 characters; a session goes on only where this is what it was where it began. */
  readonly scope: string
  /** For how long after its beginning. */
  readonly lifetimeSeconds: number
}

/** What all contexts of a bind have in common. */
export type ServerContextSettings = BindTlsSettings & Pick<PlannedTls, 'clients'>

/**
 * What TLS as a server needs; to make it takes a millisecond. It throws what OpenSSL has against a
 * certificate or its key, such as that it is too small.
 *
 * @param certificates one of a kind of key
 */
export function serverContext(
  settings: ServerContextSettings,
  certificates: readonly KeyedCertificate[],
  { ticketKey, scope, lifetimeSeconds }: SessionSettings,
): SecureContext {
  const { minVersion, maxVersion, ciphers, ciphersuites, curves, clients } = settings
  const { constants } = nodeCrypto()
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET } = constants
  const { SSL_OP_CIPHER_SERVER_PREFERENCE, SSL_OP_PRIORITIZE_CHACHA } = constants
  const preference = settings.preferClientCiphers
    ? 0
    : SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
  return nodeTls().createSecureContext({
    // Where no client is verified the authorities that Node.js brings would be read without a list.
    ca: clients === null ? [] : clients.authorities.pem,
    ...(clients !== null && clients.revocations !== null && { crl: clients.revocations }),
    cert: certificates.map(({ chain }) => chain),
    key: certificates.map(({ key }) => key),
    minVersion,
    maxVersion,
    ciphers: `${ciphersuites}:${ciphers}`,
    ecdhCurve: curves,
    secureOptions:
      SSL_OP_NO_RENEGOTIATION | preference | (settings.hasTickets ? 0 : SSL_OP_NO_TICKET),
    sessionIdContext: scope,
    sessionTimeout: lifetimeSeconds,
    ticketKeys: Buffer.from(ticketKey),
  })
}
