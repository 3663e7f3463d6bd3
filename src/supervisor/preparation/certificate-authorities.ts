import { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import { SluiceError } from '../../base/errors.ts'
import type { Config } from '../../model/config.ts'
import type { PlannedAuthorities } from '../../model/plan.ts'
import { SYSTEM_AUTHORITIES } from '../../model/probe-protocol.ts'
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
 * Reads the files of `ca-file`, each once. They are kept: a file that changes is read again with the
 * next reload. For `@system-ca` the first of the places is read where systems keep theirs; where
 * there is none, those that Node.js brings are taken.
 *
 * @param previous what runs now: text that is the same is kept, so that it need not be compared
 *   again for each server
 * @throws SluiceError `ca-file-unreadable`, `ca-file-invalid`
 */
export async function readAuthorities(
  config: Config,
  previous: readonly PlannedAuthorities[] = [],
): Promise<readonly PlannedAuthorities[]> {
  const servers = config.backends.flatMap(({ servers }) => servers)
  const named = new Set(
    servers.flatMap(({ check }) => (check?.tls?.verify ? check.tls.caFile : [])),
  )
  const read: PlannedAuthorities[] = []
  for (const caFile of named) {
    const pem = caFile === SYSTEM_AUTHORITIES ? await readSystem() : await readChecked(caFile)
    const known = previous.find((one) => one.caFile === caFile && one.pem === pem)
    read.push(known ?? { caFile, pem })
  }
  return read
}

async function readSystem(): Promise<string> {
  for (const path of SYSTEM_FILES) {
    const isFile = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    )
    if (isFile) return readBounded(path)
  }
  return rootCertificates.join('\n')
}

/** Reads a file and looks at each certificate in it: TLS would pass over what it cannot read. */
async function readChecked(path: string): Promise<string> {
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
