import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { TlsCertificate, TlsFacts } from '../conn.ts'
import { type CertificateFields, readCertificateFields } from './certificate-fields.ts'
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
  #peerCertificate: TlsCertificate | null | undefined
  #ownCertificate: TlsCertificate | null | undefined
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

  get peerCertificate(): TlsCertificate | null {
    if (this.#verifyError === null) return null
    if (this.#peerCertificate !== undefined) return this.#peerCertificate
    this.#peerCertificate = certificateOf(this.#tls.getPeerX509Certificate())
    return this.#peerCertificate
  }

  get ownCertificate(): TlsCertificate | null {
    if (this.#ownCertificate !== undefined) return this.#ownCertificate
    this.#ownCertificate = certificateOf(this.#tls.getX509Certificate())
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

/** Over node:crypto, which has read it already. */
class NodeCertificate implements TlsCertificate {
  readonly der: Uint8Array
  readonly #certificate: X509Certificate
  #fields: CertificateFields | null | undefined

  constructor(certificate: X509Certificate) {
    this.der = certificate.raw
    this.#certificate = certificate
  }

  get sha1(): string {
    return this.#certificate.fingerprint.replaceAll(':', '')
  }

  get fields(): CertificateFields | null {
    if (this.#fields === undefined) this.#fields = readCertificateFields(this.der)
    return this.#fields
  }
}

function certificateOf(certificate: X509Certificate | undefined): TlsCertificate | null {
  return certificate === undefined ? null : new NodeCertificate(certificate)
}

/** The protocol that was agreed on by ALPN; null: none. */
export function alpnOf({ alpnProtocol }: TLSSocket): string | null {
  return typeof alpnProtocol === 'string' && alpnProtocol !== '' ? alpnProtocol : null
}
