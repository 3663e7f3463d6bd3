import {
  binaryHeader,
  INET_ADDRESSES,
  typedValue,
  withChecksum,
} from '../../unit/net/proxy-protocol/binary-headers.ts'
import type { Seeded } from '../http/seeded.ts'

const IPV4 = ['192.0.2.1', '0.0.0.0', '255.255.255.255', '10.1.20.100']
const ODD_IPV4 = [
  '192.0.2',
  '192.0.2.01',
  '192.0.2.256',
  '::1',
  'localhost',
  '',
  '1.2.3.4.5',
  '-1.2.3.4',
]
const IPV6 = [
  '2001:db8::1',
  '::',
  '::1',
  '::ffff:192.0.2.1',
  '1:2:3:4:5:6:7:8',
  'FE80::a:B',
  '::1.2.3.4',
]
const ODD_IPV6 = ['192.0.2.1', '1::2::3', ':::', '::g', 'fe80::1%1', '1:2:3:4:5:6:7', '', '::1.2.3']
const PORTS = ['0', '1', '443', '65535', '56324']
const ODD_PORTS = ['65536', '00', '080', '', '+1', '1e3', ' 1', '100000', '0x10', '４']
const ENDS = ['\r\n']
const ODD_ENDS = ['\n', '\r', '\r\r\n', ' \r\n', '', '\n\r']
const INSERTIONS = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\0',
  '\xff',
  ':',
  '.',
  '0',
  'P',
  'PROXY ',
  'QUIT',
  '\x03\0\x04',
]
const COMMANDS = [0x21, 0x21, 0x21, 0x20]
const ODD_COMMANDS = [0x22, 0x11, 0x31, 0x2f, 0x00]
const FAMILIES = [0x11, 0x11, 0x21, 0x21, 0x12, 0x22, 0x31, 0x32, 0x00, 0x01, 0x10]
const ODD_FAMILIES = [0x41, 0x13, 0xff, 0x2f, 0xf1]
const ADDRESS_BYTES = [0, 12, 36, 216]

function line(random: Seeded): Buffer {
  const family = random.mostly(
    ['TCP4', 'TCP6', 'TCP4', 'TCP6', 'UNKNOWN'],
    ['UDP4', 'TCP', 'tcp4', ''],
    8,
  )
  const [right, odd] = family.endsWith('6') ? [IPV6, ODD_IPV6] : [IPV4, ODD_IPV4]
  const addresses = [random.mostly(right, odd, 8), random.mostly(right, odd, 8)]
  const ports = [random.mostly(PORTS, ODD_PORTS, 8), random.mostly(PORTS, ODD_PORTS, 8)]
  const fields = family === 'UNKNOWN' && random.once(2) ? [] : [...addresses, ...ports]
  const padding = random.once(20) ? 'x'.repeat(random.below(60)) : ''
  const text = ['PROXY', family, ...fields].join(' ') + padding + random.mostly(ENDS, ODD_ENDS, 8)
  return Buffer.from(text, 'latin1')
}

function bytes(random: Seeded, length: number): Buffer {
  const sparse = random.once(2)
  return Buffer.from(
    Array.from({ length }, () => (sparse && random.once(2) ? 0 : random.below(256))),
  )
}

function addressesOf(random: Seeded, family: number): Buffer {
  const right = ADDRESS_BYTES[family >> 4] ?? 12
  const length = random.mostly([right], [0, 11, 35, 100, 215], 10)
  return length === 12 && random.once(2) ? INET_ADDRESSES : bytes(random, length)
}

function values(random: Seeded): Buffer {
  const all: Buffer[] = []
  for (let left = random.below(4); left > 0; left--) {
    const type = random.pick([0x01, 0x02, 0x04, 0x05, 0x20, 0x30, 0xe0, random.below(256)])
    const length = random.once(30) ? 3000 : random.below(20)
    const value = typedValue(type, bytes(random, length))
    const cut = random.allowsOddities && random.once(10) ? random.below(value.length) : 0
    all.push(value.subarray(0, value.length - cut))
  }
  return Buffer.concat(all)
}

function binary(random: Seeded): Buffer {
  const command = random.mostly(COMMANDS, ODD_COMMANDS, 10)
  const family = random.mostly(FAMILIES, ODD_FAMILIES, 10)
  const parts = { command, family, addresses: addressesOf(random, family), values: values(random) }
  if (random.once(3)) return withChecksum(parts)
  if (!random.allowsOddities || random.once(2)) return binaryHeader(parts)
  return binaryHeader({ ...parts, length: random.pick([0, 12, 36, 4312, 4313, 65_535]) })
}

/** Changes a few bytes at random places, as one who tries out a parser would. */
function mutated(random: Seeded, header: Buffer): Buffer {
  let changed = header
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(changed.length + 1)
    const end = Math.min(changed.length, at + random.below(random.once(4) ? 30 : 3))
    const inserted = random.once(3)
      ? Buffer.of(random.below(256))
      : Buffer.from(random.pick(['', ...INSERTIONS]), 'latin1')
    changed = Buffer.concat([changed.subarray(0, at), inserted, changed.subarray(end)])
  }
  return changed
}

/** What a proxy, or somebody who is none, might begin a connection with. */
export function headerBytes(random: Seeded): Buffer {
  random.allowsOddities = random.once(2)
  const header = random.once(2) ? line(random) : binary(random)
  const sent = random.allowsOddities && random.once(2) ? mutated(random, header) : header
  const behind = random.pick(['', 'GET / HTTP/1.1\r\n\r\n', '\n', '\x16\x03\x01'])
  return Buffer.concat([sent, Buffer.from(behind, 'latin1')])
}
