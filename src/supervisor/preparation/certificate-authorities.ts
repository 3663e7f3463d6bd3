import { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { SluiceError } from '../../base/errors.ts'
import { nodeTls } from '../../base/host/late-modules.ts'
import { SYSTEM_AUTHORITIES } from '../../model/outgoing-tls.ts'
import { readBoundedFile } from './bounded-files.ts'

/** Bytes of a file; what systems trust takes about 220 KB. */
const FILE_BYTES_MAX = 4 * 1_048_576

/** Where systems keep the authorities that they trust: Debian, Fedora, openSUSE, Alpine and macOS. */
const SYSTEM_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Reads a `ca-file`. For `@system-ca` the first of the places is read where systems keep theirs;
 * where there is none, those that Node.js brings are taken.
 *
 * @returns PEM
 * @throws SluiceError `ca-file-unreadable`, `ca-file-invalid`
 */
export function readAuthority(caFile: string): Promise<string> {
  return caFile === SYSTEM_AUTHORITIES ? readSystem() : readAuthorities(caFile)
}

async function readSystem(): Promise<string> {
  for (const path of SYSTEM_FILES) {
    const isFile = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    )
    if (isFile) return readBounded(path)
  }
  return nodeTls().rootCertificates.join('\n')
}

/** Reads a file and looks at each certificate in it: TLS would pass over what it cannot read. */
async function readAuthorities(path: string): Promise<string> {
  const pem = await readBounded(path)
  const certificates = pem.match(CERTIFICATE) ?? []
  if (certificates.length === 0) throw invalid(path, 'there is no certificate in it')
  for (const [n, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate)
    } catch (error) {
      throw invalid(path, `its certificate ${n + 1} cannot be read`, error)
    }
  }
  return pem
}

async function readBounded(path: string): Promise<string> {
  const file = await readBoundedFile(path, {
    bytesMax: FILE_BYTES_MAX,
    isReadable: (found) => found.isFile(),
    unreadable: (why, cause) => unreadable(path, why, cause),
    tooLong: () => invalid(path, `it has more than ${FILE_BYTES_MAX} bytes`),
  })
  return file.toString('latin1')
}

function unreadable(path: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError('ca-file-unreadable', `cannot read ca-file ${path}: ${why}`, cause)
}

function invalid(path: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError('ca-file-invalid', `ca-file ${path}: ${why}`, cause)
}
