import { X509Certificate } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SluiceError } from '../../base/errors.ts'
import { nodeTls } from '../../base/host/late-modules.ts'
import {
  type CertificateContext,
  hasPrivateKey,
  inOneLine,
  type PemFile,
  readCertificate,
} from '../../certificates/certificate-reading.ts'
import { pemBlocks } from '../../certificates/pem.ts'
import { SYSTEM_AUTHORITIES } from '../../model/outgoing-tls.ts'
import type { PlannedCertificate } from '../../model/plan.ts'
import { readBoundedFile } from './bounded-files.ts'
import { readAuthority } from './certificate-authorities.ts'

/** Bytes of a file; a chain with its key has 5 to 10 KB. */
const FILE_BYTES_MAX = 1_048_576

/** Certificates of one folder. */
const FOLDER_FILES_MAX = 10_000

/** What lies beside certificates. HAProxy configuration manual, crt: it passes over the same. */
const NO_CERTIFICATE = /^\.|\.(key|ocsp|issuer|sctl)$/

/** Reads what `crt` of binds names. One instance a gathering. */
export class CertificateFiles {
  readonly #nowMs: number
  #authorities: ReadonlySet<string> | null = null

  /** @param nowMs milliseconds since 1970 */
  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  /**
   * The certificate of a file, or those of a folder by the names of their files.
   *
   * @throws SluiceError `certificate-unreadable`, `certificate-invalid`
   */
  async read(crt: string): Promise<readonly PlannedCertificate[]> {
    const paths = await filesOf(crt)
    const certificates: PlannedCertificate[] = []
    for (const path of paths) certificates.push(await this.#readOne(path))
    return certificates
  }

  async #readOne(path: string): Promise<PlannedCertificate> {
    const file = await readPem(path)
    const beside = hasPrivateKey(file) ? null : await keyBeside(path)
    this.#authorities ??= await knownAuthorities()
    const authorities = this.#authorities
    const context: CertificateContext = {
      nowMs: this.#nowMs,
      isKnownAuthority: (subject) => authorities.has(subject),
    }
    const certificate = readCertificate(file, beside, context)
    validateUse(certificate)
    return certificate
  }
}

/** Whether TLS takes it: workers must not be the first to find out. */
function validateUse({ path, chain, key }: PlannedCertificate): void {
  try {
    nodeTls().createSecureContext({ ca: [], cert: chain, key })
  } catch (error) {
    const { reason, message } = error as Error & { readonly reason?: string }
    const why = `TLS cannot use this certificate: ${reason ?? message}`
    throw new SluiceError('certificate-invalid', `${path}: ${why}`, error)
  }
}

async function filesOf(crt: string): Promise<string[]> {
  try {
    if (!(await stat(crt)).isDirectory()) return [crt]
    const names = (await readdir(crt)).filter((name) => !NO_CERTIFICATE.test(name)).sort()
    if (names.length === 0) throw unreadable(crt, 'there is no certificate in this folder')
    if (names.length > FOLDER_FILES_MAX) {
      throw unreadable(crt, `it has more than ${FOLDER_FILES_MAX} files`)
    }
    return names.map((name) => join(crt, name))
  } catch (error) {
    throw error instanceof SluiceError ? error : unreadable(crt, String(error), error)
  }
}

/** `FILE.key`, or the same with the last ending replaced. */
async function keyBeside(path: string): Promise<PemFile | null> {
  for (const candidate of [`${path}.key`, path.replace(/\.[^./]+$/, '.key')]) {
    const isThere = await stat(candidate).then(
      () => true,
      () => false,
    )
    if (isThere && candidate !== path) return readPem(candidate)
  }
  return null
}

async function readPem(path: string): Promise<PemFile> {
  const bytes = await readBoundedFile(path, {
    bytesMax: FILE_BYTES_MAX,
    isReadable: (found) => found.isFile(),
    unreadable: (why, cause) => unreadable(path, why, cause),
    tooLong: () => unreadable(path, `it has more than ${FILE_BYTES_MAX} bytes`),
  })
  return { path, text: bytes.toString('latin1') }
}

/** What this host trusts; clients are taken to know the same. */
async function knownAuthorities(): Promise<ReadonlySet<string>> {
  const subjects = new Set<string>()
  for (const { text } of pemBlocks(await readAuthority(SYSTEM_AUTHORITIES))) {
    try {
      subjects.add(inOneLine(new X509Certificate(text).subject))
    } catch {
      // One that cannot be read is known to nobody.
    }
  }
  return subjects
}

function unreadable(path: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError('certificate-unreadable', `cannot read crt ${path}: ${why}`, cause)
}
