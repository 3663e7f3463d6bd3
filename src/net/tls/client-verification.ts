import type { ClientVerification } from '../../model/bind-tls.ts'
import type { TlsCertificate, TlsFacts } from '../conn.ts'

/** Those that can only be of a certificate above the client's own. */
const OF_AUTHORITIES: ReadonlySet<number> = new Set([2, 19, 22, 24, 25])

/** Those among them that OpenSSL finds before it looks at anything of the client's own. */
const FOUND_FIRST: ReadonlySet<number> = new Set([2, 19, 22])

/** Those of a certificate's time, which may be of any in the chain. */
const OF_TIME: ReadonlySet<number> = new Set([9, 10])

/** HAProxy's words in its log for the two kinds of refusals. */
const CERTIFICATE_REFUSED = 'SSL client certificate not trusted'
const AUTHORITY_REFUSED = 'SSL client CA chain cannot be verified'

/**
 * Why a client is not let in for the certificate that it has shown, in the words of HAProxy's log;
 * null: it may come in. Whoever had to show one, and has not, does not come so far.
 *
 * OpenSSL tells the last of all that it has found, which may hide others: so the two switches, not a
 * list of numbers, say what is overlooked. What may hide something that they do not is refused.
 *
 * @param nowMs milliseconds since 1970
 */
export function clientRefusal(
  { ignoresCertificateErrors, ignoresAuthorityErrors }: ClientVerification,
  { verification, peerCertificate }: Pick<TlsFacts, 'verification' | 'peerCertificate'>,
  nowMs: number,
): string | null {
  if (verification === 0) return null
  const isOfAuthority =
    OF_AUTHORITIES.has(verification) ||
    (OF_TIME.has(verification) && isInTime(peerCertificate, nowMs))
  if (!isOfAuthority) return ignoresCertificateErrors ? null : CERTIFICATE_REFUSED
  const hidesNothing = ignoresCertificateErrors || FOUND_FIRST.has(verification)
  return ignoresAuthorityErrors && hidesNothing ? null : AUTHORITY_REFUSED
}

function isInTime(certificate: TlsCertificate | null, nowMs: number): boolean {
  const fields = certificate?.fields ?? null
  return fields !== null && fields.notBeforeMs <= nowMs && nowMs <= fields.notAfterMs
}
