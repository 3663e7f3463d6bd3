import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressIn, foldAddress, isInNetworks, parseNetwork } from '../../../src/base/networks.ts'

/** An address as one big number, the plain way: the twin of the one that avoids allocation. */
interface Ip {
  readonly family: 4 | 6
  readonly number: bigint
}

function ipv4Text(number: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 0xffn).join('.')
}

/** Groups in hexadecimal, with `::` for the zeros from `gapAt` on where there are any. */
function ipv6Text(number: bigint, gapAt: number): string {
  const groups = Array.from({ length: 8 }, (_, n) =>
    ((number >> BigInt(112 - 16 * n)) & 0xffffn).toString(16),
  )
  let gapEnd = gapAt
  while (groups[gapEnd] === '0') gapEnd++
  if (gapEnd === gapAt) return groups.join(':')
  return `${groups.slice(0, gapAt).join(':')}::${groups.slice(gapEnd).join(':')}`
}

const ipv4Numbers = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffffffffn }),
  fc.constantFrom(0n, 1n, 0x7f000001n, 0x0a000000n, 0xffffffffn),
)
const ipv6Numbers = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  ipv4Numbers,
  ipv4Numbers.map((number) => (0xffffn << 32n) | number),
  ipv4Numbers.map((number) => (0x2002n << 112n) | (number << 80n) | 1n),
  ipv4Numbers.map((number) => number << 96n),
)
const ips = fc.oneof(
  ipv4Numbers.map((number): { ip: Ip; text: string } => ({
    ip: { family: 4, number },
    text: ipv4Text(number),
  })),
  fc.tuple(ipv6Numbers, fc.nat(7)).map(([number, gapAt]): { ip: Ip; text: string } => ({
    ip: { family: 6, number },
    text: ipv6Text(number, gapAt),
  })),
)

/** HAProxy configuration manual, section 7.1.6, word for word. */
function isInside(ip: Ip, network: Ip, bits: number): boolean {
  const same = (a: bigint, b: bigint, width: number): boolean =>
    a >> BigInt(width - bits) === b >> BigInt(width - bits)
  if (ip.family === network.family)
    return same(ip.number, network.number, ip.family === 4 ? 32 : 128)
  if (network.family === 6) return same((0xffffn << 32n) | ip.number, network.number, 128)
  const high = ip.number >> 32n
  if (high === 0n || high === 0xffffn) return same(ip.number & 0xffffffffn, network.number, 32)
  if (ip.number >> 112n === 0x2002n) {
    return same((ip.number >> 80n) & 0xffffffffn, network.number, 32)
  }
  return false
}

describe('networks', () => {
  it('hold the addresses that arithmetic on big numbers says', () => {
    const bits = fc.oneof(fc.nat(128), fc.constantFrom(0, 8, 31, 32, 33, 96, 127, 128))
    fc.assert(
      fc.property(ips, ips, bits, fc.boolean(), (tested, pattern, anyBits, isNear) => {
        const width = pattern.ip.family === 4 ? 32 : 128
        const length = anyBits % (width + 1)
        // Half of the time the address is one of the network, so that both answers come up.
        const inside =
          isNear && tested.ip.family === pattern.ip.family
            ? { family: tested.ip.family, number: pattern.ip.number ^ (tested.ip.number & 1n) }
            : tested.ip
        const text = inside.family === 4 ? ipv4Text(inside.number) : ipv6Text(inside.number, 0)
        const network = parseNetwork(`${pattern.text}/${length}`)
        expect(isInNetworks(text, [network!])).toBe(isInside(inside, pattern.ip, length))
      }),
      { numRuns: 2000 },
    )
  })

  it('are one address without a mask', () => {
    fc.assert(
      fc.property(ips, ips, (one, other) => {
        const network = parseNetwork(one.text)
        expect(isInNetworks(one.text, [network!])).toBe(true)
        const width = one.ip.family === 4 ? 32 : 128
        expect(isInNetworks(other.text, [network!])).toBe(isInside(other.ip, one.ip, width))
      }),
    )
  })

  it('take IPv4 masks, which may have holes', () => {
    const network = parseNetwork('10.0.5.0/255.0.255.0')
    expect(isInNetworks('10.200.5.77', [network!])).toBe(true)
    expect(isInNetworks('10.200.6.77', [network!])).toBe(false)
    expect(isInNetworks('11.200.5.77', [network!])).toBe(false)
  })

  it.each([
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '1::8',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
    '::1.2.3.4',
    'FE80::A',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    'fe80::1%eth0',
    '0.0.0.0',
    '255.255.255.255',
  ])('%s is an address', (text) => {
    expect(addressIn(text)).toBe(text)
  })

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '.1.2.3',
    '1..2.3',
    ':',
    ':::',
    '1:',
    ':1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '12345::',
    'g::',
    '1.2.3.4::',
    '1:1.2.3.4:1::',
    '::1.2.3',
    '[::1]',
    '1.2.3.4:',
    '1.2.3.4:65536',
    'localhost',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('%j is none', (text) => {
    expect(addressIn(text)).toBeNull()
    expect(isInNetworks(text, [parseNetwork('0.0.0.0/0')!, parseNetwork('::/0')!])).toBe(false)
  })

  it('fold to the exclusive or of their words', () => {
    fc.assert(
      fc.property(ips, ({ ip, text }) => {
        const words = [96n, 64n, 32n, 0n].map((shift) => BigInt.asUintN(32, ip.number >> shift))
        const folded = words.reduce((before, word) => before ^ word)
        expect(foldAddress(text)).toBe(Number(folded))
      }),
    )
    expect(foldAddress('localhost')).toBeNull()
  })

  it('drop the port behind an IPv4 address', () => {
    expect(addressIn('192.0.2.1:65535')).toBe('192.0.2.1')
  })

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    '::/255.0.0.0',
    '10/8',
    '10.0.0.0/255.0',
    '/8',
    'example.com',
  ])('%s is no network', (text) => {
    expect(parseNetwork(text)).toBeNull()
  })

  it('are read from any text without a throw', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:./%]*$/))
    fc.assert(
      fc.property(text, (any) => {
        const network = parseNetwork(any)
        expect(network === null || network.words.length === 4).toBe(true)
      }),
    )
  })
})
