import { checkServerIdentity, connect, type SecureContext, type TLSSocket } from 'node:tls'
import type { Conn, ConnFailure, ConnHandler, Endpoint } from '../conn.ts'
import { ConnStream } from '../conn-stream.ts'

/** How a connection to a server is made secure. */
export interface ClientTlsSettings {
  /** Holds the authorities that are trusted. */
  readonly context: SecureContext
  /** False: whatever the server shows is taken. */
  readonly verify: boolean
  /**
   * The name that the server is asked for (SNI, RFC 6066 section 3) and that its certificate must
   * have. Null: none is asked for, and the certificate may have any.
   */
  readonly serverName: string | null
  /** Protocols that are offered by ALPN (RFC 7301), the preferred one first; empty: none. */
  readonly alpn: readonly string[]
}

/**
 * TLS over any connection, as its client: a {@link Conn} itself, whose `onConnect` tells that the
 * handshake is complete. Where it fails, `onClose` follows, with `problem` set unless the connection
 * below has broken.
 */
export class TlsConn implements Conn {
  handler: ConnHandler
  readonly isTls = true
  readonly #conn: Conn
  readonly #stream: ConnStream
  readonly #tls: TLSSocket
  #isSecure = false
  #failure: ConnFailure | null = null
  #problem: string | null = null

  /** @param conn is established, and taken over; what was written to it goes before the handshake */
  constructor(conn: Conn, settings: ClientTlsSettings, handler: ConnHandler) {
    this.handler = handler
    this.#conn = conn
    this.#stream = new ConnStream(conn)
    const { context, verify, serverName, alpn } = settings
    const tls = connect({
      socket: this.#stream,
      secureContext: context,
      rejectUnauthorized: verify,
      ...(serverName !== null && { servername: serverName }),
      ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
      checkServerIdentity: (_, certificate) =>
        serverName === null ? undefined : checkServerIdentity(serverName, certificate),
    })
    this.#tls = tls
    tls.on('secureConnect', () => {
      this.#isSecure = true
      this.handler.onConnect(this)
    })
    tls.on('data', (data: Buffer) => this.handler.onData(this, data, data.length))
    tls.on('drain', () => this.handler.onDrain(this))
    tls.on('end', () => this.#onEnd())
    tls.on('error', (error: TlsError) => {
      this.#problem ??= describeProblem(error)
    })
    this.#stream.on('close', () => tls.destroy())
    tls.on('close', () => this.#onClose())
  }

  /** Why TLS has failed, for people; null where it has not. */
  get problem(): string | null {
    return this.#problem
  }

  /** The protocol that the server has chosen; null where it has chosen none. */
  get alpnProtocol(): string | null {
    const { alpnProtocol } = this.#tls
    return typeof alpnProtocol === 'string' && alpnProtocol !== '' ? alpnProtocol : null
  }

  get remote(): Endpoint {
    return this.#conn.remote
  }

  get local(): Endpoint {
    return this.#conn.local
  }

  declareEndpoints(remote: Endpoint, local: Endpoint): void {
    this.#conn.declareEndpoints(remote, local)
  }

  isQuiet(): boolean {
    const isIdle = this.#tls.readableLength + this.#stream.readableLength === 0
    return this.#isSecure && isIdle && !this.#tls.destroyed && this.#conn.isQuiet()
  }

  hasHungUp(): boolean {
    return this.#conn.hasHungUp()
  }

  get queuedBytes(): number {
    return this.#tls.writableLength + this.#stream.writableLength + this.#conn.queuedBytes
  }

  write(data: Uint8Array | string): boolean {
    if (this.#tls.destroyed) return false
    // What is queued must not change with the memory of the caller.
    return this.#tls.write(
      typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data),
    )
  }

  pause(): void {
    this.#tls.pause()
  }

  resume(): void {
    this.#tls.resume()
  }

  end(): void {
    this.#tls.end()
  }

  destroy(): void {
    if (this.#tls.destroyed) return
    this.#failure = 'aborted'
    this.#conn.destroy()
    this.#tls.destroy()
  }

  reset(): void {
    if (this.#tls.destroyed) return
    this.#failure = 'aborted'
    this.#conn.reset()
    this.#tls.destroy()
  }

  breakOff(): void {
    if (this.#tls.destroyed) return
    this.#failure = 'aborted'
    this.#tls.pause()
    const breakOff = (): void => this.#conn.breakOff()
    if (this.#tls.writable) this.#tls.write('', breakOff)
    else breakOff()
  }

  #onEnd(): void {
    if (this.#isSecure) this.handler.onEnd(this)
    else this.#problem ??= HANDSHAKE_CUT
  }

  #onClose(): void {
    const broken = this.#problem === null ? this.#stream.failure : 'reset'
    this.handler.onClose(this, this.#failure ?? broken)
  }
}

/** What an error of node:tls brings. */
interface TlsError extends Error {
  readonly code?: string
  /** OpenSSL's word for it. */
  readonly reason?: string
}

const HANDSHAKE_CUT = 'closed during the handshake'

/** Errors that are worth more than OpenSSL's word (`X509_verify_cert_error_string`, node:tls). */
const PROBLEMS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is of an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate is of an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is of an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is of an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what came is not TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what came is not TLS',
  ECONNRESET: HANDSHAKE_CUT,
}

function describeProblem({ code = '', reason, message }: TlsError): string {
  return PROBLEMS[code] ?? reason ?? (code === '' ? message : code)
}
