import { BINARY_SIGNATURE, bitwiseCrc32c } from '../../unit/net/proxy-protocol/binary-headers.ts'

/** What bytes amount to: `incomplete`, `malformed`, or the length of the header and its ends. */
export type TwinReading = string | { readonly bytes: number; readonly ends: string | null }

/** Bytes behind the fixed part at most. */
const BODY_BYTES_MAX = 4096 + 216
const LINE_BYTES_MAX = 107

/**
 * Reads a header in the plainest way, all at once. An address is written as 32 hexadecimal digits,
 * so that its text form plays no part.
 */
export function readLikeTwin(bytes: Buffer): TwinReading {
  const begins = (text: Buffer): boolean => {
    const shorter = Math.min(bytes.length, text.length)
    return bytes.subarray(0, shorter).equals(text.subarray(0, shorter))
  }
  if (bytes.length > 0 && bytes[0] === 0x50) return readLine(bytes.toString('latin1'))
  return begins(BINARY_SIGNATURE) ? readBinary(bytes) : 'malformed'
}

/** The 32 digits of an address, or null when the text is none. */
export function digitsOf(text: string, family: '4' | '6'): string | null {
  if (family === '4') {
    const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1) ?? []
    const isRight =
      octets.length === 4 && octets.every((o) => `${Number(o)}` === o && Number(o) < 256)
    const digits = octets.map((octet) => Number(octet).toString(16).padStart(2, '0')).join('')
    return isRight ? `00000000000000000000ffff${digits}` : null
  }
  if (!/^[0-9a-fA-F:.]+$/.test(text)) return null
  try {
    // The parser of URLs reads IPv6 addresses by itself.
    const { hostname } = new URL(`http://[${text}]/`)
    const [before = '', after] = hostname.slice(1, -1).split('::')
    const first = before === '' ? [] : before.split(':')
    const last = after === undefined || after === '' ? [] : after.split(':')
    const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0')
    return [...first, ...zeros, ...last].map((group) => group.padStart(4, '0')).join('')
  } catch {
    return null
  }
}

function readLine(text: string): TwinReading {
  const line =
    /^PROXY (?:TCP([46]) ([^ \r\n]*) ([^ \r\n]*) (\d{1,5}) (\d{1,5})|UNKNOWN(?: [^\r\n]*)?)\r\n/.exec(
      text,
    )
  const couldGoOn = /^PROXY (?:TCP[46](?: [^\r\n]*\r?)?|UNKNOWN[^\r\n]*\r?)$/.test(text)
  const couldBegin = ['PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN'].some((w) => w.startsWith(text))
  if (line === null) {
    return (couldGoOn || couldBegin) && text.length < LINE_BYTES_MAX ? 'incomplete' : 'malformed'
  }
  const [all, family, source = '', destination = '', from = '', to = ''] = line
  if (all.length > LINE_BYTES_MAX) return 'malformed'
  if (family === undefined) return { bytes: all.length, ends: null }
  const addresses = [source, destination].map((one) => digitsOf(one, family as '4' | '6'))
  const ports = [from, to]
  const areRight = ports.every((port) => `${Number(port)}` === port && Number(port) < 65_536)
  if (addresses.includes(null) || !areRight) return 'malformed'
  return { bytes: all.length, ends: [...addresses, ...ports].join(' ') }
}

function readBinary(bytes: Buffer): TwinReading {
  const [command, family] = [bytes[12], bytes[13]]
  if (command !== undefined && command !== 0x20 && command !== 0x21) return 'malformed'
  if (bytes.length < 16 || family === undefined) return 'incomplete'
  const bodyBytes = bytes.readUInt16BE(14)
  const addressBytes = [0, 12, 36, 216][family >> 4]
  if (bodyBytes > BODY_BYTES_MAX) return 'malformed'
  if (command === 0x21) {
    if (addressBytes === undefined || addressBytes > bodyBytes) return 'malformed'
    if ((family & 0xf) > 2) return 'malformed'
  }
  const all = bytes.subarray(0, 16 + bodyBytes)
  if (all.length < 16 + bodyBytes) return 'incomplete'
  const unread = { bytes: all.length, ends: null }
  if (command === 0x20 || family >> 4 === 0 || (family & 0xf) === 0) return unread
  if (!areValuesRight(all, 16 + (addressBytes ?? 0))) return 'malformed'
  if (family !== 0x11 && family !== 0x21) return unread
  const width = family === 0x11 ? 4 : 16
  const prefix = family === 0x11 ? '00000000000000000000ffff' : ''
  const hex = (at: number): string => prefix + all.toString('hex', at, at + width)
  const ports = `${all.readUInt16BE(16 + 2 * width)} ${all.readUInt16BE(18 + 2 * width)}`
  return { bytes: all.length, ends: `${hex(16)} ${hex(16 + width)} ${ports}` }
}

function areValuesRight(all: Buffer, from: number): boolean {
  if (from === all.length) return true
  if (from + 3 > all.length) return false
  const next = from + 3 + all.readUInt16BE(from + 1)
  if (next > all.length) return false
  if (all[from] === 3) {
    const zeroed = Buffer.from(all).fill(0, from + 3, next)
    if (next - from !== 7 || all.readUInt32BE(from + 3) !== bitwiseCrc32c(zeroed)) return false
  }
  return areValuesRight(all, next)
}
