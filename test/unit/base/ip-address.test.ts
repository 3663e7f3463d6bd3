import { isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  IPV4_BYTES,
  IPV6_BYTES,
  readIpv4,
  readIpv6,
  shortestAddress,
  withoutMapping,
  writeIpv4,
  writeIpv6,
} from '../../../src/base/ip-address.ts'

describe('the shortest text form', () => {
  it.each([
    ['192.0.2.1', 4, '192.0.2.1'],
    ['0.0.0.0', 4, '0.0.0.0'],
    ['255.255.255.255', 4, '255.255.255.255'],
    ['2001:DB8:0:0:0:0:0:1', 6, '2001:db8::1'],
    ['2001:0db8:0000:0001:0000:0000:0000:0001', 6, '2001:db8:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', 6, '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7::', 6, '1:2:3:4:5:6:7:0'],
    ['::', 6, '::'],
    ['::1', 6, '::1'],
    ['::FFFF:192.0.2.1', 6, '192.0.2.1'],
    ['::ffff:c000:201', 6, '192.0.2.1'],
    ['0:0:0:0:0:ffff:0:0', 6, '0.0.0.0'],
    ['64:ff9b::192.0.2.1', 6, '64:ff9b::c000:201'],
  ] as const)('of %s, family %i', (text, family, shortest) => {
    expect(shortestAddress(text, family)).toBe(shortest)
  })

  it.each([
    ['', 4],
    ['192.0.2', 4],
    ['192.0.2.1.', 4],
    ['192.0.2.01', 4],
    ['192.0.2.256', 4],
    ['+192.0.2.1', 4],
    ['0xc0.0.2.1', 4],
    ['::1', 4],
    ['::ffff:192.0.2.1', 4],
    ['localhost', 4],
    ['', 6],
    ['192.0.2.1', 6],
    [':', 6],
    ['1::2::3', 6],
    ['1:2:3:4:5:6:7', 6],
    ['1:2:3:4:5:6:7:8:9', 6],
    ['12345::', 6],
    ['g::', 6],
    ['::1%lo', 6],
    ['[::1]', 6],
    ['::1/128', 6],
    ['::ffff:192.0.2.01', 6],
  ] as const)('is none for %j, family %i', (text, family) => {
    expect(shortestAddress(text, family)).toBeNull()
  })
})

describe('bytes of an address', () => {
  const ipv4Bytes = fc.uint8Array({ minLength: IPV4_BYTES, maxLength: IPV4_BYTES })
  /** With runs of zeroes as addresses have them, and the prefixes that stand for IPv4. */
  const ipv6Bytes = fc
    .array(fc.oneof(fc.constantFrom(0, 0, 0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
    .map((groups) => {
      const bytes = Buffer.alloc(IPV6_BYTES)
      for (const [n, group] of groups.entries()) bytes.writeUInt16BE(group, 2 * n)
      return bytes
    })
  const offset = fc.nat(7)

  it('come back as they were, IPv4', () => {
    fc.assert(
      fc.property(ipv4Bytes, offset, (bytes, at) => {
        const view = Buffer.concat([Buffer.alloc(at, 0xee), bytes, Buffer.alloc(3, 0xee)])
        const text = readIpv4(view, at)
        expect(shortestAddress(text, 4)).toBe(text)
        const written = Buffer.alloc(at + IPV4_BYTES)
        writeIpv4(text, written, at)
        expect([...written.subarray(at)]).toEqual([...bytes])
      }),
    )
  })

  it('come back as they were, IPv6, and read as the system reads them', () => {
    fc.assert(
      fc.property(ipv6Bytes, offset, (bytes, at) => {
        const view = Buffer.concat([Buffer.alloc(at, 0xee), bytes, Buffer.alloc(3, 0xee)])
        const text = readIpv6(view, at)
        const plain = (bytes.toString('hex').match(/.{4}/g) ?? []).join(':')
        const ofSystem = new SocketAddress({ address: plain, family: 'ipv6' }).address
        expect(text).toBe(withoutMapping(ofSystem))
        for (const form of [text, ofSystem, plain]) {
          const written = Buffer.alloc(at + IPV6_BYTES)
          writeIpv6(form, written, at)
          expect(written.subarray(at).toString('hex')).toBe(bytes.toString('hex'))
        }
      }),
    )
  })

  it('are the same for all texts of an IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        fc.pre(isIPv6(text))
        const [bytes, again] = [Buffer.alloc(IPV6_BYTES), Buffer.alloc(IPV6_BYTES)]
        writeIpv6(text, bytes, 0)
        writeIpv6(shortestAddress(text, 6) as string, again, 0)
        expect(again).toEqual(bytes)
      }),
    )
  })
})
