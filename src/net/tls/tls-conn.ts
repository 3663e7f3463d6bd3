import type { SecureContext, TLSSocket } from 'node:tls'
import { nodeTls } from '../../base/host/late-modules.ts'
import type { Conn, ConnFailure, ConnHandler, Endpoint, TlsFacts } from '../conn.ts'
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

/** What carries the records of TLS, and may hold some of them. */
export interface TlsCarrier {
  readonly readableLength: number
  readonly writableLength: number
  /** Why the connection below ended; null while it has not, and where both sides had finished. */
  readonly failure: ConnFailure | null
}

/**
 * Speaks TLS over any connection as its client. `onConnect` tells that the handshake is complete.
 *
 * @param conn is established, and taken over; what was written to it goes before the handshake
 */
export function connectTls(conn: Conn, settings: ClientTlsSettings, handler: ConnHandler): TlsConn {
  const stream = new ConnStream(conn)
  const { context, verify, serverName, alpn } = settings
  const { checkServerIdentity, connect } = nodeTls()
  const tls = connect({
    socket: stream,
    secureContext: context,
    rejectUnauthorized: verify,
    ...(serverName !== null && { servername: serverName }),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    checkServerIdentity: (_, certificate) =>
      serverName === null ? undefined : checkServerIdentity(serverName, certificate),
  })
  stream.on('close', () => tls.destroy())
  return new TlsConn(
    conn,
    tls,
    { carrier: stream, serverName, secureEvent: 'secureConnect' },
    handler,
  )
}

/** What a {@link TlsConn} is told of the socket that it stands on. */
export interface TlsConnOptions {
  readonly carrier: TlsCarrier
  /** The name that the client has asked for; null: none. */
  readonly serverName: string | null
  /** By which the socket tells that its handshake is complete, and the peer accepted. */
  readonly secureEvent: 'secure' | 'secureConnect'
}

/**
 * TLS over another connection: a {@link Conn} itself, whose `onConnect` tells that the handshake is
 * complete. Where it fails, `onClose` follows, with `problem` set unless the connection below has
 * broken.
 *
 * Unlike one without TLS it is over when a write fails: what the peer had sent before that, and was
 * not read yet, is lost.
 */
export class TlsConn implements Conn {
  handler: ConnHandler
  readonly #conn: Conn
  readonly #carrier: TlsCarrier
  readonly #tls: TLSSocket
  readonly #serverName: string | null
  #facts: TlsFacts | null = null
  #isSecure = false
  #failure: ConnFailure | null = null
  #problem: string | null = null

  /** @param conn what the socket stands on: told of ends, and asked for addresses */
  constructor(conn: Conn, tls: TLSSocket, options: TlsConnOptions, handler: ConnHandler) {
    this.handler = handler
    this.#conn = conn
    this.#carrier = options.carrier
    this.#tls = tls
    this.#serverName = options.serverName
    tls.on(options.secureEvent, () => {
      this.#isSecure = true
      this.handler.onConnect(this)
    })
    tls.on('data', (data: Buffer) => this.handler.onData(this, data, data.length))
    tls.on('drain', () => this.handler.onDrain(this))
    tls.on('end', () => this.#onEnd())
    const fail = (error: TlsError): void => {
      this.#problem ??= describeProblem(error)
      tls.destroy()
    }
    tls.on('error', fail)
    // Of a server's socket nothing else tells that a record was forged.
    tls.on('_tlsError', fail)
    tls.on('close', () => this.#onClose())
  }

  get tls(): TlsFacts | null {
    if (this.#facts === null && this.#isSecure) {
      const { alpnProtocol } = this
      this.#facts = {
        protocol: this.#tls.getProtocol() ?? '',
        cipher: this.#tls.getCipher()?.name ?? '',
        serverName: this.#serverName,
        alpn: alpnProtocol,
        isResumed: this.#tls.isSessionReused(),
      }
    }
    return this.#facts
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
    const isIdle = this.#tls.readableLength + this.#carrier.readableLength === 0
    return this.#isSecure && isIdle && !this.#tls.destroyed && this.#conn.isQuiet()
  }

  hasHungUp(): boolean {
    return this.#conn.hasHungUp()
  }

  get queuedBytes(): number {
    return this.#tls.writableLength + this.#carrier.writableLength + this.#conn.queuedBytes
  }

  write(data: Uint8Array | string): boolean {
    if (this.#tls.destroyed) return false
    if (typeof data === 'string') return this.#tls.write(data, 'latin1')
    // OpenSSL seals at once what is not queued; what is must not change with the caller's memory.
    const isSealedAtOnce = this.#isSecure && this.#tls.writableLength === 0
    return this.#tls.write(isSealedAtOnce ? data : Buffer.from(data))
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
    else {
      this.#problem ??= HANDSHAKE_CUT
      this.#tls.destroy()
    }
  }

  #onClose(): void {
    this.handler.onClose(this, this.#failure ?? this.#brokenBy())
  }

  #brokenBy(): ConnFailure | null {
    if (this.#problem !== null) return 'reset'
    // Both sides had ended: what became of the connection below after that is nobody's loss.
    const { readableEnded, writableFinished } = this.#tls
    return readableEnded && writableFinished ? null : this.#carrier.failure
  }
}

/** What an error of node:tls brings. */
interface TlsError extends Error {
  readonly code?: string
  /** OpenSSL's word for it. */
  readonly reason?: string
}

/** The `problem` of a connection whose peer has left during the handshake. */
export const HANDSHAKE_CUT = 'closed during the handshake'

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
