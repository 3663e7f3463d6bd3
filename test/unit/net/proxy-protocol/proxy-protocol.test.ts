import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shortestAddress } from '../../../../src/base/ip-address.ts'
import type { ProxyVersion } from '../../../../src/model/config.ts'
import {
  type Endpoint,
  inetEndpoint,
  UNIX_ENDPOINT,
  UNKNOWN_ENDPOINT,
} from '../../../../src/net/conn.ts'
import {
  encodeProxyHeader,
  PROXY_HEADER_BYTES_MAX,
  parseProxyHeader,
} from '../../../../src/net/proxy-protocol/proxy-protocol.ts'
import type { ProxyHeaderReading } from '../../../../src/net/proxy-protocol/proxy-protocol-reading.ts'
import {
  BINARY_SIGNATURE,
  binaryHeader,
  INET_ADDRESSES,
  typedValue,
  withChecksum,
} from './binary-headers.ts'

const IPV4_ENDS = {
  source: inetEndpoint('192.0.2.1', 56_324),
  destination: inetEndpoint('192.0.2.2', 443),
}
/** `[2001:db8::1]:56324` to `192.0.2.2:443`, the latter mapped. */
const INET6_ADDRESSES = Buffer.from(
  '20010db8000000000000000000000001' + '00000000000000000000ffffc0000202' + 'dc0401bb',
  'hex',
)
const MIXED_ENDS = { ...IPV4_ENDS, source: inetEndpoint('2001:db8::1', 56_324) }
const UNIX_ADDRESSES = Buffer.alloc(216, '/run/a.sock\0')

function read(bytes: Buffer | string): ProxyHeaderReading {
  const view = Buffer.from(bytes as string, 'latin1')
  return parseProxyHeader(view, 0, view.length)
}

function complete(bytes: number, ends: object | null): ProxyHeaderReading {
  return { outcome: 'complete', bytes, ends } as ProxyHeaderReading
}

/** Of every beginning that is shorter than the header it is known only that it may become one. */
function expectIncompleteWhenCut(header: Buffer): void {
  for (let end = 0; end < header.length; end++) {
    const { outcome } = parseProxyHeader(header, 0, end)
    if (outcome !== 'incomplete') expect(outcome, `cut at ${end}`).toBe('incomplete')
  }
}

describe('a line', () => {
  it.each([
    ['PROXY TCP4 192.0.2.1 192.0.2.2 56324 443', IPV4_ENDS],
    ['PROXY TCP6 2001:DB8:0::1 ::ffff:192.0.2.2 56324 443', MIXED_ENDS],
    ['PROXY TCP6 2001:db8::1 ::FFFF:c000:0202 56324 443', MIXED_ENDS],
    [
      'PROXY TCP4 0.0.0.0 255.255.255.255 0 65535',
      {
        source: inetEndpoint('0.0.0.0', 0),
        destination: inetEndpoint('255.255.255.255', 65_535),
      },
    ],
    [
      `PROXY TCP6 ${'1111:'.repeat(7)}1111 ${'ffff:'.repeat(7)}ffff 65535 65535`,
      {
        source: inetEndpoint(`${'1111:'.repeat(7)}1111`, 65_535),
        destination: inetEndpoint(`${'ffff:'.repeat(7)}ffff`, 65_535),
      },
    ],
    ['PROXY UNKNOWN', null],
    ['PROXY UNKNOWN ', null],
    ['PROXY UNKNOWN whatever \x00\xff 1 2 3', null],
    [`PROXY UNKNOWN ${`${'ffff:'.repeat(7)}ffff `.repeat(2)}65535 65535`, null],
  ])('%j is read whole, never in part, and nothing behind it', (line, ends) => {
    const header = Buffer.from(`${line}\r\n`, 'latin1')
    expectIncompleteWhenCut(header)
    expect(read(header)).toEqual(complete(header.length, ends))
    const followed = Buffer.concat([header, Buffer.from('\r\nPROXY')])
    expect(read(followed)).toEqual(complete(header.length, ends))
  })

  const ports = '56324 443'
  it.each([
    ['another word', 'PROXX TCP4 192.0.2.1 192.0.2.2 56324 443\r\n'],
    ['lower case', 'proxy TCP4 192.0.2.1 192.0.2.2 56324 443\r\n'],
    ['another protocol', `PROXY TCP5 192.0.2.1 192.0.2.2 ${ports}\r\n`],
    ['UDP', `PROXY UDP4 192.0.2.1 192.0.2.2 ${ports}\r\n`],
    ['a longer word', 'PROXY UNKNOWNS\r\n'],
    ['nothing behind the protocol', 'PROXY TCP4\r\n'],
    ['a missing port', 'PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n'],
    ['one more field', `PROXY TCP4 192.0.2.1 192.0.2.2 ${ports} 1\r\n`],
    ['two spaces', `PROXY TCP4  192.0.2.1 192.0.2.2 ${ports}\r\n`],
    ['a space at the end', `PROXY TCP4 192.0.2.1 192.0.2.2 ${ports} \r\n`],
    ['a tab', `PROXY TCP4 192.0.2.1\t192.0.2.2 ${ports}\r\n`],
    ['a space before', ` PROXY TCP4 192.0.2.1 192.0.2.2 ${ports}\r\n`],
    ['IPv6 for TCP4', `PROXY TCP4 2001:db8::1 2001:db8::2 ${ports}\r\n`],
    ['IPv4 for TCP6', `PROXY TCP6 192.0.2.1 192.0.2.2 ${ports}\r\n`],
    ['two families', `PROXY TCP6 2001:db8::1 192.0.2.2 ${ports}\r\n`],
    ['a host name', `PROXY TCP4 localhost 192.0.2.2 ${ports}\r\n`],
    ['an octet with a leading zero', `PROXY TCP4 192.0.02.1 192.0.2.2 ${ports}\r\n`],
    ['a short address', `PROXY TCP4 192.0.2 192.0.2.2 ${ports}\r\n`],
    ['a zone', `PROXY TCP6 fe80::1%1 2001:db8::2 ${ports}\r\n`],
    ['a port with a leading zero', 'PROXY TCP4 192.0.2.1 192.0.2.2 056324 443\r\n'],
    ['a port of two zeroes', 'PROXY TCP4 192.0.2.1 192.0.2.2 00 443\r\n'],
    ['a port that is too great', 'PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n'],
    ['a port of six digits', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 100000\r\n'],
    ['a port with a sign', 'PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n'],
    ['a port in hexadecimal', 'PROXY TCP4 192.0.2.1 192.0.2.2 0x1 443\r\n'],
    ['LF alone', `PROXY TCP4 192.0.2.1 192.0.2.2 ${ports}\n`],
    ['CR alone', `PROXY TCP4 192.0.2.1 192.0.2.2 ${ports}\r`.padEnd(108)],
    ['CR within an unknown one', 'PROXY UNKNOWN \r \r\n'],
    ['LF within an unknown one', 'PROXY UNKNOWN \n \r\n'],
    ['108 bytes', `${'PROXY UNKNOWN'.padEnd(106)}\r\n`],
    ['a bare CR as byte 107', `${'PROXY UNKNOWN'.padEnd(106)}\r`],
  ])('with %s is malformed', (_, text) => {
    expect(read(text)).toEqual({ outcome: 'malformed' })
  })

  it('may have 107 bytes and its end then', () => {
    const header = `${'PROXY UNKNOWN'.padEnd(105)}\r\n`
    expect(header).toHaveLength(107)
    expect(read(header)).toEqual(complete(107, null))
    expect(read(header.slice(0, 106))).toEqual({ outcome: 'incomplete' })
  })
})

describe('a binary header', () => {
  it.each([
    ['TCP over IPv4', binaryHeader(), IPV4_ENDS],
    ['TCP over IPv6', binaryHeader({ family: 0x21, addresses: INET6_ADDRESSES }), MIXED_ENDS],
    ['UDP over IPv4', binaryHeader({ family: 0x12 }), null],
    ['UDP over IPv6', binaryHeader({ family: 0x22, addresses: INET6_ADDRESSES }), null],
    ['a Unix stream', binaryHeader({ family: 0x31, addresses: UNIX_ADDRESSES }), null],
    ['Unix datagrams', binaryHeader({ family: 0x32, addresses: UNIX_ADDRESSES }), null],
    ['nothing known', binaryHeader({ family: 0, addresses: Buffer.of() }), null],
    ['no family, content to ignore', binaryHeader({ family: 0x01 }), null],
    ['no transport, content to ignore', binaryHeader({ family: 0x10 }), null],
    ['LOCAL', binaryHeader({ command: 0x20, family: 0, addresses: Buffer.of() }), null],
    ['LOCAL, content to ignore', binaryHeader({ command: 0x20, family: 0xff }), null],
    ['values', binaryHeader({ values: typedValue(0x02, 'example.com') }), IPV4_ENDS],
    [
      'an empty, an unknown and a private value',
      binaryHeader({
        values: Buffer.concat([typedValue(4, ''), typedValue(0x77, 'x'), typedValue(0xe0, 'yz')]),
      }),
      IPV4_ENDS,
    ],
    ['a checksum', withChecksum(), IPV4_ENDS],
    ['a checksum behind a value', withChecksum({ values: typedValue(0x05, 'id') }), IPV4_ENDS],
    ['4 KiB of values', binaryHeader({ values: typedValue(0x04, Buffer.alloc(4093)) }), IPV4_ENDS],
    [
      'as much as there can be',
      binaryHeader({
        family: 0x31,
        addresses: UNIX_ADDRESSES,
        values: typedValue(0x04, Buffer.alloc(4093)),
      }),
      null,
    ],
  ])('for %s is read whole, never in part, and nothing behind it', (_, header, ends) => {
    expectIncompleteWhenCut(header)
    expect(header.length).toBeLessThanOrEqual(PROXY_HEADER_BYTES_MAX)
    expect(read(header)).toEqual(complete(header.length, ends))
    const followed = Buffer.concat([header, Buffer.from('\x04\x00\x00GET /')])
    expect(read(followed)).toEqual(complete(header.length, ends))
  })

  const truncated = typedValue(0x04, 'four').subarray(0, 6)
  const falseSum = withChecksum()
  falseSum.fill(0, falseSum.length - 4)
  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a TLS handshake', Buffer.from('16030100', 'hex')],
    ['a signature with one byte changed', Buffer.from('\r\n\r\n\0\r\nQUIT\r', 'latin1')],
    ['version 1', binaryHeader({ command: 0x11 })],
    ['version 3', binaryHeader({ command: 0x31 })],
    ['another command', binaryHeader({ command: 0x22 })],
    ['another family', binaryHeader({ family: 0x41 })],
    ['another transport', binaryHeader({ family: 0x13 })],
    ['addresses that do not fit', binaryHeader({ addresses: INET_ADDRESSES.subarray(1) })],
    ['IPv4 addresses for IPv6', binaryHeader({ family: 0x21 })],
    [
      'IPv6 addresses for a Unix socket',
      binaryHeader({ family: 0x31, addresses: INET6_ADDRESSES }),
    ],
    ['bytes that are no value', binaryHeader({ values: Buffer.of(4, 0) })],
    ['a value that is cut', binaryHeader({ values: truncated })],
    ['a false checksum', falseSum],
    ['a checksum of three bytes', binaryHeader({ values: typedValue(3, 'abc') })],
    ['a checksum of five bytes', binaryHeader({ values: typedValue(3, 'abcde') })],
    ['a length beyond the bound', binaryHeader({ length: 4096 + 216 + 1 }).subarray(0, 16)],
    ['the greatest length', binaryHeader({ command: 0x20, length: 65_535 }).subarray(0, 16)],
  ])('with %s is malformed', (_, bytes) => {
    expect(read(bytes)).toEqual({ outcome: 'malformed' })
  })

  it('is refused at its first byte that is wrong', () => {
    for (let at = 0; at < BINARY_SIGNATURE.length; at++) {
      const wrong = Buffer.from(BINARY_SIGNATURE.subarray(0, at + 1))
      wrong[at] = (wrong[at] as number) ^ 0x80
      expect(read(wrong)).toEqual({ outcome: 'malformed' })
    }
    expect(read(binaryHeader({ command: 0x1 }).subarray(0, 13))).toEqual({ outcome: 'malformed' })
  })

  it('is found false whichever bit of it is flipped, if it has a checksum', () => {
    const header = withChecksum({ values: typedValue(0x05, 'some id') })
    for (let bit = 0; bit < header.length * 8; bit++) {
      const flipped = Buffer.from(header)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      const reading = read(flipped)
      // Of another type it is no checksum; LOCAL and what has no family need none.
      const isTypeOfChecksum = bit >> 3 === header.length - 7
      const isCommandOrFamily = bit >> 3 === 12 || bit >> 3 === 13
      if (isCommandOrFamily && reading.outcome === 'complete') expect(reading.ends).toBeNull()
      else if (!isTypeOfChecksum) expect(reading.outcome, `bit ${bit}`).not.toBe('complete')
    }
  })
})

describe('the header to send', () => {
  const unix = UNIX_ENDPOINT
  const unknown = UNKNOWN_ENDPOINT
  const ipv4 = IPV4_ENDS.source
  const ipv6 = inetEndpoint('2001:db8::2', 443)
  const local = `${BINARY_SIGNATURE.toString('hex')}20000000`
  it.each<[string, Endpoint, Endpoint, string, string]>([
    [
      'IPv4',
      ipv4,
      IPV4_ENDS.destination,
      'PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n',
      binaryHeader().toString('hex'),
    ],
    [
      'IPv6',
      MIXED_ENDS.source,
      ipv6,
      'PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n',
      `${BINARY_SIGNATURE.toString('hex')}21210024${'20010db8000000000000000000000001'}${'20010db8000000000000000000000002'}dc0401bb`,
    ],
    [
      'an IPv4 client of an IPv6 address',
      ipv4,
      ipv6,
      'PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 56324 443\r\n',
      `${BINARY_SIGNATURE.toString('hex')}21210024${'00000000000000000000ffffc0000201'}${'20010db8000000000000000000000002'}dc0401bb`,
    ],
    [
      'an IPv6 client of an IPv4 address',
      MIXED_ENDS.source,
      MIXED_ENDS.destination,
      'PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 56324 443\r\n',
      binaryHeader({ family: 0x21, addresses: INET6_ADDRESSES }).toString('hex'),
    ],
    [
      'a client with a zone',
      inetEndpoint('fe80::1%eth0', 1),
      ipv6,
      'PROXY TCP6 fe80::1 2001:db8::2 1 443\r\n',
      `${BINARY_SIGNATURE.toString('hex')}21210024${'fe800000000000000000000000000001'}${'20010db8000000000000000000000002'}000101bb`,
    ],
    ['a Unix socket', unix, unix, 'PROXY UNKNOWN\r\n', local],
    ['a client that is not known', unknown, ipv4, 'PROXY UNKNOWN\r\n', local],
    ['a destination that is not known', ipv4, unknown, 'PROXY UNKNOWN\r\n', local],
  ])('for %s', (_, source, destination, line, hex) => {
    expect(encodeProxyHeader(1, source, destination)).toBe(line)
    const binary = encodeProxyHeader(2, source, destination) as Uint8Array
    expect(Buffer.from(binary).toString('hex')).toBe(hex)
  })

  it('needs IP addresses', () => {
    for (const version of [1, 2] as const) {
      expect(() => encodeProxyHeader(version, inetEndpoint('localhost', 1), ipv4)).toThrow(
        expect.objectContaining({ code: 'invariant-broken' }),
      )
    }
  })
})

describe('any header', () => {
  const ipv4 = fc.ipV4()
  const ipv6 = fc.oneof(
    fc.ipV6(),
    ipv4.map((address) => `::ffff:${address}`),
    fc.constantFrom('::', '::1', '64:ff9b::c000:201'),
  )
  const address = fc.oneof(ipv4, ipv6).map((text) => {
    return (shortestAddress(text, 4) ?? shortestAddress(text, 6)) as string
  })
  const end = fc.tuple(address, fc.nat(65_535)).map(([host, port]) => inetEndpoint(host, port))
  const version = fc.constantFrom<ProxyVersion>(1, 2)

  function encoded(...given: Parameters<typeof encodeProxyHeader>): Buffer {
    return Buffer.from(encodeProxyHeader(...given) as string, 'latin1')
  }

  it('is read as it was written, wherever it lies and however it is cut', () => {
    const around = fc.uint8Array({ maxLength: 20 })
    fc.assert(
      fc.property(version, end, end, around, around, (v, source, destination, before, after) => {
        const header = encoded(v, source, destination)
        const view = Buffer.concat([before, header, after])
        const reading = parseProxyHeader(view, before.length, view.length)
        expect(reading).toEqual(complete(header.length, { source, destination }))
        expect(header.length).toBeLessThanOrEqual(v === 1 ? 107 : 52)
        expectIncompleteWhenCut(header)
      }),
    )
  })

  it('with mutations never throws, and never gives ends that are no IP addresses', () => {
    const mutation = fc.record({
      at: fc.nat(),
      removed: fc.nat(3),
      inserted: fc.oneof(
        fc.uint8Array({ maxLength: 3 }),
        fc.constantFrom(' ', '\r\n', '0', ':', '.', '::', '%1', '\0').map((s) => Buffer.from(s)),
      ),
    })
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(version, end, end, mutations, (v, source, destination, changes) => {
        let bytes = encoded(v, source, destination)
        for (const { at, removed, inserted } of changes) {
          const start = at % (bytes.length + 1)
          const rest = bytes.subarray(start + removed)
          bytes = Buffer.concat([bytes.subarray(0, start), inserted, rest])
        }
        const reading = read(bytes)
        if (reading.outcome !== 'complete') return
        expect(reading.bytes).toBeLessThanOrEqual(bytes.length)
        if (reading.ends === null) return
        for (const one of [reading.ends.source, reading.ends.destination]) {
          expect(isIP(one.address)).not.toBe(0)
          expect([shortestAddress(one.address, 4), shortestAddress(one.address, 6)]).toContain(
            one.address,
          )
          expect(Number.isInteger(one.port) && one.port >= 0 && one.port <= 65_535).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('is not awaited any longer once the longest could be there', () => {
    const beginning = fc.constantFrom(
      'PROXY UNKNOWN ',
      'PROXY TCP4 ',
      '\r\n\r\n\0\r\nQUIT\n\x21\x11',
    )
    fc.assert(
      fc.property(beginning, fc.uint8Array({ minLength: 10, maxLength: 60 }), (text, tail) => {
        const filled = Buffer.alloc(PROXY_HEADER_BYTES_MAX, tail)
        filled.write(text, 'latin1')
        expect(read(filled).outcome).not.toBe('incomplete')
      }),
    )
  })
})
