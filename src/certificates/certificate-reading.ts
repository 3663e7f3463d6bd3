import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { SluiceError } from '../base/errors.ts'
import type { PlannedCertificate } from '../model/plan.ts'
import { type PemBlock, pemBlocks } from './pem.ts'

/** Certificates in one file; chains of the public internet have two or three. */
const CHAIN_LENGTH_MAX = 10

/** A file in PEM form. */
export interface PemFile {
  readonly path: string
  readonly text: string
}

/** What a certificate is held against. */
export interface CertificateContext {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** Whether every client is taken to know this authority, by its subject in one line. */
  readonly isKnownAuthority: (subject: string) => boolean
}

/** A certificate of a file, read. */
interface Read {
  readonly block: PemBlock
  readonly certificate: X509Certificate
}

/** Whether a file holds a private key, so that none need be beside it. */
export function hasPrivateKey({ text }: PemFile): boolean {
  return pemBlocks(text).some(isKey)
}

/**
 * Reads the certificate of a file, whose key is in the same file or in the one beside it, and makes
 * sure that clients could accept it: it can be read, the key is its own, it is valid now, and the
 * certificates are there that lead from it to an authority which clients know.
 *
 * A certificate that names where its issuer's own is to be had (AIA, RFC 5280 section 4.2.2.1), and
 * comes without that, misses its chain. One that does not is of an authority which is not public.
 *
 * @param beside the file with the key; null: it is in the first one
 * @throws SluiceError `certificate-invalid` with file, line and subject
 */
export function readCertificate(
  file: PemFile,
  beside: PemFile | null,
  context: CertificateContext,
): PlannedCertificate {
  const blocks = pemBlocks(file.text)
  const all = blocks.filter(({ label }) => /^(X509 |TRUSTED )?CERTIFICATE$/.test(label))
  const [first, ...others] = all.map((block) => readBlock(file, block))
  if (first === undefined) throw invalid(file, null, 'there is no certificate in it')
  if (all.length > CHAIN_LENGTH_MAX) {
    throw invalid(file, null, `it has more than ${CHAIN_LENGTH_MAX} certificates`)
  }
  const key = readKey(file, beside, first)
  validateTime(file, first, context.nowMs)
  const chain = chainOf(first, others)
  validateChain(file, chain, context)
  return {
    path: file.path,
    chain: chain.map(({ block }) => block.text).join('\n'),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    names: namesOf(first.certificate),
    keyType: first.certificate.publicKey.asymmetricKeyType ?? '',
    notAfterMs: Date.parse(first.certificate.validTo),
  }
}

function readBlock(file: PemFile, block: PemBlock): Read {
  try {
    return { block, certificate: new X509Certificate(block.text) }
  } catch (error) {
    throw invalid(file, block, 'this certificate cannot be read', error)
  }
}

function isKey({ label }: PemBlock): boolean {
  return /^((RSA|EC|ENCRYPTED) )?PRIVATE KEY$/.test(label)
}

function readKey(file: PemFile, beside: PemFile | null, { certificate, block }: Read): KeyObject {
  const place = beside ?? file
  const [found, second] = pemBlocks(place.text).filter(isKey)
  const { subject } = described(certificate)
  if (found === undefined)
    throw invalid(place, null, `there is no private key for ${subject} in it`)
  if (second !== undefined) throw invalid(place, second, 'this is a second private key')
  let key: KeyObject
  try {
    key = createPrivateKey(found.text)
  } catch (error) {
    const isSealed = /ENCRYPTED/.test(found.text)
    const why = isSealed ? 'is sealed by a passphrase, which nobody can give' : 'cannot be read'
    // The library's error may quote what it has read.
    throw invalid(place, found, `this private key ${why}`, isSealed ? undefined : codeOf(error))
  }
  if (certificate.checkPrivateKey(key)) return key
  const line = beside === null ? `line ${block.line}` : `${file.path}:${block.line}`
  throw invalid(place, found, `this private key is not that of ${subject} (${line})`)
}

function validateTime(file: PemFile, { block, certificate }: Read, nowMs: number): void {
  const { subject } = described(certificate)
  if (Date.parse(certificate.validTo) <= nowMs) {
    throw invalid(file, block, `the certificate of ${subject} has expired: ${certificate.validTo}`)
  }
  if (Date.parse(certificate.validFrom) > nowMs) {
    const { validFrom } = certificate
    throw invalid(file, block, `the certificate of ${subject} is not valid before ${validFrom}`)
  }
}

/** From the certificate towards an authority, as far as the file leads; what else is there is not sent. */
function chainOf(first: Read, others: readonly Read[]): Read[] {
  const chain = [first]
  const left = [...others]
  for (let last = first; !isSelfSigned(last.certificate); ) {
    const at = left.findIndex(({ certificate }) => isIssuer(certificate, last.certificate))
    if (at < 0) break
    last = left.splice(at, 1)[0] as Read
    chain.push(last)
  }
  return chain
}

function validateChain(file: PemFile, chain: readonly Read[], context: CertificateContext): void {
  const [first] = chain as [Read]
  const { certificate } = first
  if (chain.length > 1 || isSelfSigned(certificate)) return
  const { subject, issuer } = described(certificate)
  if (context.isKnownAuthority(issuer)) return
  if (!/^CA Issuers/m.test(certificate.infoAccess ?? '')) return
  const message = `the certificate of ${subject} misses its chain: that of its issuer, ${issuer}, is not in the file`
  throw invalid(file, first.block, message)
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return isIssuer(certificate, certificate)
}

function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** Names of its subject and its alternatives, as HAProxy takes both. */
function namesOf({ subject, subjectAltName }: X509Certificate): string[] {
  const names = new Set<string>()
  for (const [, name = ''] of (subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^",]+)/g)) {
    names.add(name.toLowerCase())
  }
  for (const [, name = ''] of (subject ?? '').matchAll(/^CN=(.+)$/gm)) {
    if (/^[\w*.-]+$/.test(name)) names.add(name.toLowerCase())
  }
  return [...names]
}

/** Subject and issuer, each in one line. */
function described({ subject, issuer }: X509Certificate): { subject: string; issuer: string } {
  return { subject: inOneLine(subject ?? ''), issuer: inOneLine(issuer ?? '') }
}

/** A name of a certificate as node:crypto writes it, in one line. */
export function inOneLine(name: string): string {
  return name === '' ? '(no subject)' : name.split('\n').join(', ')
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code)
}

function invalid(file: PemFile, block: PemBlock | null, why: string, cause?: unknown): SluiceError {
  const place = block === null ? file.path : `${file.path}:${block.line}`
  return new SluiceError('certificate-invalid', `${place}: ${why}`, cause)
}
