import { SluiceError } from '../../../base/errors.ts'
import { nodeTls } from '../../../base/host/late-modules.ts'
import { pemBlocks } from '../../../certificates/pem.ts'
import { readBoundedFile } from '../bounded-files.ts'

/** Bytes of a file; lists of large authorities have some hundred KB. */
const FILE_BYTES_MAX = 4 * 1_048_576

/**
 * Reads a `crl-file`: lists of certificates that their authorities trust no more (RFC 5280 section
 * 5), each in PEM form.
 *
 * @returns PEM
 * @throws SluiceError `crl-file-unusable`
 */
export async function readRevocations(path: string): Promise<string> {
  const bytes = await readBoundedFile(path, {
    bytesMax: FILE_BYTES_MAX,
    isReadable: (found) => found.isFile(),
    unreadable: (why, cause) => unusable(path, `it cannot be read: ${why}`, cause),
    tooLong: () => unusable(path, `it has more than ${FILE_BYTES_MAX} bytes`),
  })
  const lists = pemBlocks(bytes.toString('latin1')).filter(({ label }) => label === 'X509 CRL')
  if (lists.length === 0) throw unusable(path, 'there is no X509 CRL in it')
  for (const { text, line } of lists) {
    try {
      nodeTls().createSecureContext({ ca: [], crl: text })
    } catch (error) {
      throw unusable(path, `the list on line ${line} cannot be read`, error)
    }
  }
  return lists.map(({ text }) => text).join('\n')
}

function unusable(path: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError('crl-file-unusable', `crl-file ${path}: ${why}`, cause)
}
