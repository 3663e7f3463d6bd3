import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext, type PeerCertificate, type TLSSocket } from 'node:tls'
import { SluiceError } from '../../../base/errors.ts'
import type { PeerTls } from '../transport-options.ts'

/** What both ends ask for. */
interface MutualTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly minVersion: 'TLSv1.3'
  readonly rejectUnauthorized: true
}

/** Options of node:tls for the end that calls. */
export interface DiallingTls extends MutualTls {
  readonly servername: string
  checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined
}

/** Options of node:tls for the end that is called. */
export interface AcceptingTls extends MutualTls {
  readonly requestCert: true
}

/** TLS for the one that calls `peer`: the certificate must be of the authority and in that name. */
export function diallingTls(tls: PeerTls, peer: string): DiallingTls {
  return {
    ...commonTls(tls),
    servername: isIP(peer) === 0 ? peer : '',
    checkServerIdentity: (_host, { raw }) =>
      isInName(new X509Certificate(raw), peer)
        ? undefined
        : new SluiceError('peer-credentials', `the certificate at that address is not of ${peer}`),
  }
}

/** TLS for the one that is called: whoever calls has to show a certificate of the authority. */
export function acceptingTls(tls: PeerTls): AcceptingTls {
  return { ...commonTls(tls), requestCert: true }
}

/** Whether the peer at the other end has shown a certificate in a name. */
export function hasShownName(socket: TLSSocket, name: string): boolean {
  const certificate = socket.getPeerX509Certificate()
  return socket.authorized && certificate !== undefined && isInName(certificate, name)
}

/** @throws SluiceError `peer-credentials` where certificate, key and authority cannot be used */
export function expectUsable(tls: PeerTls, name: string): void {
  try {
    createSecureContext(commonTls(tls))
    if (isInName(new X509Certificate(tls.crt), name)) return
  } catch (error) {
    const message = "this node's certificate, its key or the authority's cannot be used"
    throw new SluiceError('peer-credentials', `${message}: ${String(error)}`, error)
  }
  throw new SluiceError('peer-credentials', `this node's certificate is not in its name, ${name}`)
}

/** The common name counts where there are no DNS names (RFC 6125, section 6.4.4); no wildcards. */
function isInName(certificate: X509Certificate, name: string): boolean {
  return certificate.checkHost(name, { subject: 'default', wildcards: false }) !== undefined
}

function commonTls({ ca, crt, key }: PeerTls): MutualTls {
  return { ca, cert: crt, key, minVersion: 'TLSv1.3', rejectUnauthorized: true }
}
