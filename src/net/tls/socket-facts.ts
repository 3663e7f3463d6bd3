import type { TLSSocket } from 'node:tls'
import type { TlsFacts } from '../conn.ts'
import { verificationNumber } from './verification-errors.ts'

/** The facts of a socket whose handshake is complete; those of certificates are made when asked for. */
export class SocketFacts implements TlsFacts {
  readonly protocol: string
  readonly cipher: string
  readonly serverName: string | null
  readonly alpn: string | null
  readonly isResumed: boolean
  readonly #tls: TLSSocket
  readonly #verifyError: (() => string | null) | null
  #peerCertificate: Uint8Array | null | undefined
  #ownCertificate: Uint8Array | null | undefined
  #verification: number | undefined

  /** @param verifyError null: the peer is no client that may show a certificate */
  constructor(
    tls: TLSSocket,
    serverName: string | null,
    verifyError: (() => string | null) | null,
  ) {
    this.#tls = tls
    this.#verifyError = verifyError
    this.protocol = tls.getProtocol() ?? ''
    this.cipher = tls.getCipher()?.name ?? ''
    this.serverName = serverName
    this.alpn = alpnOf(tls)
    this.isResumed = tls.isSessionReused()
  }

  get peerCertificate(): Uint8Array | null {
    if (this.#verifyError === null) return null
    this.#peerCertificate ??= this.#tls.getPeerX509Certificate()?.raw ?? null
    return this.#peerCertificate
  }

  get ownCertificate(): Uint8Array | null {
    this.#ownCertificate ??= this.#tls.getX509Certificate()?.raw ?? null
    return this.#ownCertificate
  }

  get verification(): number {
    this.#verification ??= this.#verify()
    return this.#verification
  }

  /** Of a client that has shown nothing OpenSSL finds that wrong, too. */
  #verify(): number {
    const isShown = this.#verifyError !== null && this.peerCertificate !== null
    const name = isShown ? (this.#verifyError?.() ?? null) : null
    return name === null ? 0 : verificationNumber(name)
  }
}

/** The protocol that was agreed on by ALPN; null: none. */
export function alpnOf({ alpnProtocol }: TLSSocket): string | null {
  return typeof alpnProtocol === 'string' && alpnProtocol !== '' ? alpnProtocol : null
}
