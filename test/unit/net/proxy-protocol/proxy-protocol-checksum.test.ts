import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../../src/net/proxy-protocol/proxy-protocol-checksum.ts'
import { bitwiseCrc32c } from './binary-headers.ts'

describe('the checksum', () => {
  it.each([
    ['', 0],
    [Buffer.from('123456789').toString('hex'), 0xe3069283],
    // RFC 3720 appendix B.4.
    ['00'.repeat(32), 0x8a9136aa],
    ['ff'.repeat(32), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, n) => n)).toString('hex'), 0x46dd794e],
  ])('of %s', (hex, sum) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(crc32c(bytes, 0, bytes.length)).toBe(sum)
  })

  it('is that of its definition, for any part of any bytes and any place that counts as zero', () => {
    const some = fc.uint8Array({ minLength: 4, maxLength: 200 })
    fc.assert(
      fc.property(some, fc.nat(), fc.nat(), (bytes, from, place) => {
        const start = from % (bytes.length - 3)
        const zeroAt = start + (place % (bytes.length - start - 3))
        const zeroed = bytes.slice(start).fill(0, zeroAt - start, zeroAt - start + 4)
        expect(crc32c(bytes, start, bytes.length, zeroAt)).toBe(bitwiseCrc32c(zeroed))
        expect(crc32c(bytes, start, bytes.length)).toBe(bitwiseCrc32c(bytes.slice(start)))
      }),
    )
  })
})
