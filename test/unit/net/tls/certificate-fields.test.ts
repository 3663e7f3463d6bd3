import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { readCertificateFields } from '../../../../src/net/tls/certificate-fields.ts'
import { selfSigned } from '../../../fixtures/certificates.ts'

describe('the fields of a certificate', () => {
  it('are those that node:crypto finds in all authorities that it brings', () => {
    expect(rootCertificates.length).toBeGreaterThan(100)
    for (const pem of rootCertificates) {
      const other = new X509Certificate(pem)
      const fields = readCertificateFields(other.raw)
      const serial = Buffer.from(fields?.serial ?? '', 'latin1')
        .toString('hex')
        .toUpperCase()
      expect(serial.replace(/^0+/, '')).toBe(other.serialNumber.replace(/^0+/, ''))
      expect(fields?.notBeforeMs).toBe(Date.parse(other.validFrom))
      expect(fields?.notAfterMs).toBe(Date.parse(other.validTo))
      const written = (fields?.subject ?? []).map(({ type, value }) => {
        return `${type}=${Buffer.from(value, 'latin1').toString()}`
      })
      // Escaped is what is not plain, or has a meaning in RFC 2253.
      const plain = (line: string): boolean => /^[\w .=-]+$/.test(line)
      expect(written.filter(plain)).toEqual(other.subject.split('\n').filter(plain))
    }
  })

  it('are none where bytes are missing or wrong, wherever that is', () => {
    const { raw } = new X509Certificate(selfSigned({ names: ['a.example'] }).cert)
    for (let length = 0; length < raw.length - 80; length++) {
      expect(readCertificateFields(raw.subarray(0, length))).toBeNull()
    }
    for (let at = 0; at < raw.length; at++) {
      for (const byte of [0, 0x7f, 0x80, 0x84, 0xff]) {
        const other = Buffer.from(raw)
        other[at] = byte
        expect(() => readCertificateFields(other)).not.toThrow()
      }
    }
  })
})
