import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** Bytes of an IPv4 address. */
export const IPV4_BYTES = 4

/** Bytes of an IPv6 address. */
export const IPV6_BYTES = 16

const IPV4_MAPPED_PREFIX = '::ffff:'
/** Byte of a mapped address at which the prefix's `ffff` is; the IPv4 address follows it. */
const IPV4_MAPPED_MARK = 10

/** An IPv4 peer of a dual-stack socket, written as what it is (RFC 4291 section 2.5.5.2). */
export function withoutMapping(address: string): string {
  const mapped = address.startsWith(IPV4_MAPPED_PREFIX) && address.includes('.')
  return mapped ? address.slice(IPV4_MAPPED_PREFIX.length) : address
}

/**
 * The shortest text form of an IP address, which is the one that sockets show: an IPv4-mapped
 * address as IPv4, any other IPv6 address as inet_ntop(3) writes it.
 *
 * @param family which kind of address the text must be
 * @returns null when it is none; a zone (`%eth0`) belongs to no address that leaves its host
 */
export function shortestAddress(text: string, family: 4 | 6): string | null {
  if (family === 4) return isIPv4(text) ? text : null
  if (!isIPv6(text) || text.includes('%')) return null
  return withoutMapping(new SocketAddress({ address: text, family: 'ipv6' }).address)
}

/** Reads the {@link IPV4_BYTES} bytes of an address. */
export function readIpv4(view: Uint8Array, at: number): string {
  return view.subarray(at, at + IPV4_BYTES).join('.')
}

/** Reads the {@link IPV6_BYTES} bytes of an address; gives what {@link shortestAddress} gives. */
export function readIpv6(view: Buffer, at: number): string {
  const groups: string[] = []
  for (let i = 0; i < IPV6_BYTES; i += 2) groups.push(view.readUInt16BE(at + i).toString(16))
  return shortestAddress(groups.join(':'), 6) as string
}

/** Writes an IPv4 address into {@link IPV4_BYTES} bytes. */
export function writeIpv4(address: string, into: Buffer, at: number): void {
  into.set(address.split('.').map(Number), at)
}

/**
 * Writes an address into {@link IPV6_BYTES} bytes, which must be zero: an IPv4 address as the
 * IPv6 address that stands for it.
 */
export function writeIpv6(address: string, into: Buffer, at: number): void {
  if (isIPv4(address)) {
    into.writeUInt16BE(0xffff, at + IPV4_MAPPED_MARK)
    writeIpv4(address, into, at + IPV4_MAPPED_MARK + 2)
    return
  }
  const [before = '', after = ''] = address.split('::')
  const last = groupsOf(after)
  for (const [i, group] of groupsOf(before).entries()) into.writeUInt16BE(group, at + 2 * i)
  const lastAt = at + IPV6_BYTES - 2 * last.length
  for (const [i, group] of last.entries()) into.writeUInt16BE(group, lastAt + 2 * i)
}

/** The 16-bit groups of a part of an IPv6 address; its end may be written as IPv4. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((piece) => {
    if (!piece.includes('.')) return [Number.parseInt(piece, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = piece.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
