import type { TLSSocket } from 'node:tls'
import type { Conn, ConnFailure, ConnHandler, Endpoint, TlsFacts } from '../conn.ts'
import { alpnOf, SocketFacts } from './socket-facts.ts'
import { describeVerificationError } from './verification-errors.ts'

/** What carries the records of TLS. */
export interface TlsCarrier {
  /** Why the connection below ended; null while it has not, and where both sides had finished. */
  readonly failure: ConnFailure | null
}

/** What a {@link TlsConn} is told of the socket that it stands on. */
export interface TlsConnOptions {
  readonly carrier: TlsCarrier
  /** The name that the client has asked for; null: none. */
  readonly serverName: string | null
  /** By which the socket tells that its handshake is complete, and the peer accepted. */
  readonly secureEvent: 'secure' | 'secureConnect'
  /**
   * Asked at the end of what the peer sends: whether the peer has said that it is the end
   * (`close_notify`, RFC 8446 section 6.1). Default: whoever ends without is taken at its word.
   */
  readonly hasEndedWell?: () => boolean
  /**
   * Of a client that may show a certificate: what OpenSSL has against that, by its name in node:tls.
   * Default: it is not asked for one.
   */
  readonly verifyError?: () => string | null
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
  readonly #hasEndedWell: () => boolean
  readonly #verifyError: (() => string | null) | null
  #facts: TlsFacts | null = null
  #isSecure = false
  /** {@link destroy} or {@link reset} was called: nothing but `onClose` is told any more. */
  #isLeft = false
  #failure: ConnFailure | null = null
  #problem: string | null = null

  /** @param conn what the socket stands on: told of ends, and asked for addresses */
  constructor(conn: Conn, tls: TLSSocket, options: TlsConnOptions, handler: ConnHandler) {
    this.handler = handler
    this.#conn = conn
    this.#carrier = options.carrier
    this.#tls = tls
    this.#serverName = options.serverName
    this.#hasEndedWell = options.hasEndedWell ?? (() => true)
    this.#verifyError = options.verifyError ?? null
    tls.on(options.secureEvent, () => {
      if (this.#isLeft) return
      this.#isSecure = true
      this.handler.onConnect(this)
    })
    tls.on('data', (data: Buffer) => {
      if (!this.#isLeft) this.handler.onData(this, data, data.length)
    })
    tls.on('drain', () => {
      if (!this.#isLeft) this.handler.onDrain(this)
    })
    tls.on('end', () => {
      if (!this.#isLeft) this.#onEnd()
    })
    const fail = (error: TlsError): void => {
      const isReset = this.#isSecure && error.code === 'ECONNRESET'
      this.#problem ??= isReset ? 'connection reset' : describeProblem(error)
      tls.destroy()
    }
    tls.on('error', fail)
    // Of a server's socket nothing else tells that a record was forged.
    tls.on('_tlsError', fail)
    tls.on('close', () => this.#onClose())
  }

  get tls(): TlsFacts | null {
    if (this.#facts === null && this.#isSecure) {
      this.#facts = new SocketFacts(this.#tls, this.#serverName, this.#verifyError)
    }
    return this.#facts
  }

  /** Why TLS has failed, for people; null where it has not. */
  get problem(): string | null {
    return this.#problem
  }

  /** The protocol that the server has chosen; null where it has chosen none. */
  get alpnProtocol(): string | null {
    return alpnOf(this.#tls)
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
    const isIdle = this.#tls.readableLength === 0
    return this.#isSecure && isIdle && !this.#isOver && this.#conn.isQuiet()
  }

  hasHungUp(): boolean {
    return this.#conn.hasHungUp()
  }

  get queuedBytes(): number {
    return this.#tls.writableLength + this.#conn.queuedBytes
  }

  write(data: Uint8Array | string): boolean {
    if (this.#isOver) return false
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
    if (this.#isOver) return
    this.#leave()
    this.#conn.destroy()
  }

  reset(): void {
    if (this.#isOver) return
    this.#leave()
    this.#conn.reset()
  }

  /**
   * The socket is destroyed by node:tls itself once the connection below is closed. To destroy it
   * after that one, within what it calls at the end of a handshake, has Node.js 20 write to memory
   * that is gone.
   */
  #leave(): void {
    this.#isLeft = true
    this.#failure = 'aborted'
  }

  get #isOver(): boolean {
    return this.#isLeft || this.#tls.destroyed
  }

  breakOff(): void {
    if (this.#isOver) return
    this.#failure = 'aborted'
    this.#tls.pause()
    const breakOff = (): void => this.#conn.breakOff()
    if (this.#tls.writable) this.#tls.write('', breakOff)
    else breakOff()
  }

  #onEnd(): void {
    if (this.#isSecure && this.#hasEndedWell()) {
      this.handler.onEnd(this)
      return
    }
    this.#problem ??= this.#isSecure ? STREAM_CUT : HANDSHAKE_CUT
    this.#tls.destroy()
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

/** The `problem` of a connection that has ended without TLS's own end: nobody knows what is missing. */
export const STREAM_CUT = 'closed without close_notify'

/** Errors that are worth more than OpenSSL's word. */
const PROBLEMS: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what came is not TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what came is not TLS',
  ECONNRESET: HANDSHAKE_CUT,
}

function describeProblem({ code = '', reason, message }: TlsError): string {
  const word = reason ?? (code === '' ? message : code)
  return PROBLEMS[code] ?? describeVerificationError(code) ?? word
}
