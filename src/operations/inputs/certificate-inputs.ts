import type { CertificateReload } from '../contract/certificates.ts'
import { InputMembers } from './input-members.ts'

/**
 * Checks how certificates are to be taken up.
 *
 * @param input as JSON gives it
 * @throws SluiceError `change-invalid`
 */
export function parseCertificateReload(input: unknown): CertificateReload {
  const trial = new InputMembers(input, ['trial']).flag('trial')
  return trial === undefined ? {} : { trial }
}
