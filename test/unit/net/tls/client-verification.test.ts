import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TlsCertificate } from '../../../../src/net/conn.ts'
import { readCertificateFields } from '../../../../src/net/tls/certificate-fields.ts'
import { clientRefusal } from '../../../../src/net/tls/client-verification.ts'
import {
  describeVerification,
  verificationNumber,
} from '../../../../src/net/tls/verification-errors.ts'
import { selfSigned } from '../../../fixtures/certificates.ts'

function certificate(validUntilDays: number): TlsCertificate {
  const { raw } = new X509Certificate(selfSigned({ names: ['c'], validUntilDays }).cert)
  return { der: raw, sha1: '', fields: readCertificateFields(raw) }
}

const [VALID, EXPIRED] = [certificate(1), certificate(-0.5)]

/** Whether one is let in with nothing, the one, the other and both overlooked. */
function verdicts(verification: number, peerCertificate: TlsCertificate | null = VALID): string {
  return [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ]
    .map(([ignoresCertificateErrors = false, ignoresAuthorityErrors = false]) => {
      const how = { verify: 'required', ignoresCertificateErrors, ignoresAuthorityErrors } as const
      const reason = clientRefusal(how, { verification, peerCertificate }, Date.now())
      return reason === null ? 'in' : reason.includes('CA chain') ? 'CA' : 'crt'
    })
    .join(' ')
}

describe('a client with a certificate is let in', () => {
  it.each([
    [0, 'nothing is wrong', VALID, 'in in in in'],
    [18, 'its own is self-signed', VALID, 'crt in crt in'],
    [20, 'its own is of nobody known', VALID, 'crt in crt in'],
    [23, 'one is revoked', VALID, 'crt in crt in'],
    [10, 'its own has expired', EXPIRED, 'crt in crt in'],
    [10, 'an authority has expired, which may hide more', VALID, 'CA CA CA in'],
    [10, 'nobody knows which has expired', null, 'crt in crt in'],
    [19, 'an authority is not known', VALID, 'CA CA in in'],
    [24, 'an authority is none, which may hide more', VALID, 'CA CA CA in'],
    [1, 'something else is wrong', VALID, 'crt in crt in'],
  ])('%i: %s', (verification, _, shown, expected) => {
    expect(verdicts(verification, shown)).toBe(expected)
  })
})

it('knows the numbers of OpenSSL, and what they mean', () => {
  expect(verificationNumber('CERT_HAS_EXPIRED')).toBe(10)
  expect(verificationNumber('CERT_REVOKED')).toBe(23)
  expect(verificationNumber('SOMETHING_NEW')).toBe(1)
  expect(describeVerification(10)).toBe('the certificate has expired')
  expect(describeVerification(1)).toBe('the certificate cannot be verified')
})
