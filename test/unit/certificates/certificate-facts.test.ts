import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { factsOf } from '../../../src/certificates/certificate-facts.ts'
import { readCertificate } from '../../../src/certificates/certificate-reading.ts'
import { createAuthority } from '../../fixtures/certificates.ts'

it('tells what a certificate says of itself, and what is sent along', () => {
  const root = createAuthority('Root')
  const middle = root.certify('Middle')
  const { cert, key } = middle.issue({ names: ['a.example'], validFromDays: -3 })
  const nowMs = Date.now()
  const text = cert + middle.cert + key
  const context = { nowMs, isKnownAuthority: () => false }
  const planned = readCertificate({ path: 'a.pem', text }, null, context)
  const { fingerprint256, serialNumber } = new X509Certificate(cert)
  const facts = factsOf(planned)
  expect(facts).toEqual({
    subject: 'CN=a.example',
    issuer: 'CN=Middle',
    serial: serialNumber.toLowerCase(),
    sha256: fingerprint256.replaceAll(':', '').toLowerCase(),
    notBeforeMs: expect.any(Number),
    chain: ['CN=Middle'],
  })
  expect((nowMs - facts.notBeforeMs) / 86_400_000).toBeCloseTo(3, 3)
  expect(factsOf(planned)).toBe(facts)
})
