import { isIPv4, isIPv6 } from 'node:net'
import type { Address } from '../base/address.ts'
import { readIpv4, readIpv6, writeIpv4, writeIpv6 } from '../base/ip-address.ts'
import { type Endpoint, inetEndpoint } from './conn.ts'

// Linux's numbers, the same on x64 and arm64, both of which are little-endian.
const AF_INET = 2
const AF_INET6 = 10
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28
/** Where the port is in either, in network order, and where the address is in each. */
const PORT_AT = 2
const IPV4_AT = 4
const IPV6_AT = 8

/** Bytes of a socket name, of each family: ascending. */
export const SOCKET_NAME_BYTES = [SOCKADDR_IN_BYTES, SOCKADDR_IN6_BYTES] as const

/**
 * An address as connect(2) takes it: a `struct sockaddr_in` or `sockaddr_in6`. Null for what is not
 * an IP address and a port.
 */
export function socketName(address: Address): Uint8Array | null {
  if (address.kind !== 'inet') return null
  const { host, port } = address
  const isFour = isIPv4(host)
  if (!isFour && (!isIPv6(host) || host.includes('%'))) return null
  const name = Buffer.alloc(isFour ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES)
  name.writeUInt16LE(isFour ? AF_INET : AF_INET6, 0)
  name.writeUInt16BE(port, PORT_AT)
  if (isFour) writeIpv4(host, name, IPV4_AT)
  else writeIpv6(host, name, IPV6_AT)
  return name
}

/** The address family of a socket name, as socket(2) takes it. */
export function familyOf(name: Uint8Array): number {
  return name.length === SOCKADDR_IN_BYTES ? AF_INET : AF_INET6
}

/**
 * Reads a `struct sockaddr_in` or `sockaddr_in6`. A zone, which is a number there, is left out.
 *
 * @returns null when it is none of these
 */
export function readSocketName(name: Buffer): Endpoint | null {
  const family = name.length >= PORT_AT ? name.readUInt16LE(0) : 0
  if (family === AF_INET && name.length === SOCKADDR_IN_BYTES) {
    return inetEndpoint(readIpv4(name, IPV4_AT), name.readUInt16BE(PORT_AT))
  }
  if (family === AF_INET6 && name.length === SOCKADDR_IN6_BYTES) {
    return inetEndpoint(readIpv6(name, IPV6_AT), name.readUInt16BE(PORT_AT))
  }
  return null
}
