import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { readCertificate } from '../../../../src/certificates/certificate-reading.ts'
import { makeDemoCertificate } from '../../../../src/supervisor/demo/demo-certificate.ts'

it('the certificate of the demo is for this host, is its own authority, and can be shown', () => {
  for (let n = 0; n < 50; n++) {
    const nowMs = Date.now()
    const { cert, key } = makeDemoCertificate(nowMs)
    const certificate = new X509Certificate(cert)
    expect(certificate.checkHost('localhost')).toBe('localhost')
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    // As browsers demand, no length takes more bytes than it needs: of all, and of what is signed.
    const { raw } = certificate
    const signedAt = raw[1] === 0x81 ? 3 : 4
    for (const at of [0, signedAt]) {
      expect(raw[at]).toBe(0x30)
      if (raw[at + 1] === 0x82) expect(raw.readUInt16BE(at + 2)).toBeGreaterThan(0xff)
      else expect(raw[at + 1]).toBe(0x81)
    }
    const context = { nowMs, isKnownAuthority: () => false }
    const read = readCertificate({ path: 'demo.pem', text: cert + key }, null, context)
    expect(read.names).toContain('localhost')
    expect((read.notAfterMs - nowMs) / 86_400_000).toBeCloseTo(30, 2)
  }
})
