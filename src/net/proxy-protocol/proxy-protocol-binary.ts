import { isIPv4 } from 'node:net'
import {
  IPV4_BYTES,
  IPV6_BYTES,
  readIpv4,
  readIpv6,
  writeIpv4,
  writeIpv6,
} from '../../base/ip-address.ts'
import { type ByteView, type Endpoint, inetEndpoint } from '../conn.ts'
import { crc32c } from './proxy-protocol-checksum.ts'
import {
  INCOMPLETE,
  MALFORMED,
  type ProxiedEnds,
  type ProxyHeaderReading,
} from './proxy-protocol-reading.ts'

/*
 * proxy-protocol.txt section 2.2: 12 bytes of signature, version and command, family and transport,
 * two bytes for the length of what follows: the addresses, then values with a type and a length.
 */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const COMMAND_AT = 12
const FAMILY_AT = 13
const LENGTH_AT = 14
const ADDRESSES_AT = 16

const VERSION = 0x20
const LOCAL = 0
const PROXY = 1

const UNSPEC = 0
const STREAM = 1
const DGRAM = 2

/** Bytes of the address block of each family: unspecified, IPv4, IPv6, Unix socket. */
const ADDRESS_BYTES = [0, 2 * IPV4_BYTES + 4, 2 * IPV6_BYTES + 4, 2 * 108] as const
const INET = 1
const INET6 = 2
const UNIX = 3

/** Type and length of a value. */
const VALUE_HEAD_BYTES = 3
/** PP2_TYPE_CRC32C (proxy-protocol.txt section 2.2.3). */
const TYPE_CRC32C = 0x03
const CRC32C_BYTES = 4

/**
 * Bytes that all values of a header may have together. HAProxy takes what fits into its buffer
 * (`tune.bufsize`); the values that are registered, with a certificate's name among them, come to
 * less than 1 KiB.
 */
const VALUES_BYTES_MAX = 4096

const BODY_BYTES_MAX = ADDRESS_BYTES[UNIX] + VALUES_BYTES_MAX

/** Bytes of a header of version 2 at most. */
export const BINARY_HEADER_BYTES_MAX = ADDRESSES_AT + BODY_BYTES_MAX

/**
 * Reads a header of version 2 (proxy-protocol.txt section 2.2).
 *
 * The ends of the connection itself stand with the command LOCAL, whose content must be ignored,
 * with an unspecified family or transport, and, as in HAProxy, for Unix sockets and datagrams.
 */
export function readBinaryHeader(view: ByteView, start: number, end: number): ProxyHeaderReading {
  const length = end - start
  const compared = Math.min(length, SIGNATURE.length)
  if (view.compare(SIGNATURE, 0, compared, start, start + compared) !== 0) return MALFORMED
  if (length <= COMMAND_AT) return INCOMPLETE
  const command = (view[start + COMMAND_AT] as number) ^ VERSION
  if (command !== LOCAL && command !== PROXY) return MALFORMED
  if (length < ADDRESSES_AT) return INCOMPLETE
  const family = (view[start + FAMILY_AT] as number) >>> 4
  const transport = (view[start + FAMILY_AT] as number) & 0xf
  const bodyBytes = view.readUInt16BE(start + LENGTH_AT)
  if (bodyBytes > BODY_BYTES_MAX) return MALFORMED
  const addressBytes = command === LOCAL ? 0 : ADDRESS_BYTES[family]
  if (addressBytes === undefined || bodyBytes < addressBytes) return MALFORMED
  if (command === PROXY && transport > DGRAM) return MALFORMED
  const bytes = ADDRESSES_AT + bodyBytes
  if (length < bytes) return INCOMPLETE
  if (command === LOCAL || family === UNSPEC || transport === UNSPEC) {
    return { outcome: 'complete', bytes, ends: null }
  }
  const valuesAt = start + ADDRESSES_AT + addressBytes
  if (!areValuesValid(view, start, valuesAt, start + bytes)) return MALFORMED
  const ends = transport === STREAM ? readEnds(view, start + ADDRESSES_AT, family) : null
  return { outcome: 'complete', bytes, ends }
}

/**
 * The header for two IP addresses. Of two families both are written as IPv6, like HAProxy does it.
 *
 * @param values what goes behind the addresses
 * @returns a new buffer, owned by the caller
 */
export function encodeBinaryHeader(
  source: Endpoint,
  destination: Endpoint,
  values: Uint8Array,
): Uint8Array {
  const bothIpv4 = isIPv4(source.address) && isIPv4(destination.address)
  const family = bothIpv4 ? INET : INET6
  const addressesEnd = ADDRESS_BYTES[family]
  const header = headOf(PROXY, (family << 4) | STREAM, addressesEnd + values.length)
  header.set(values, ADDRESSES_AT + addressesEnd)
  const write = bothIpv4 ? writeIpv4 : writeIpv6
  const addressBytes = bothIpv4 ? IPV4_BYTES : IPV6_BYTES
  const portsAt = ADDRESSES_AT + 2 * addressBytes
  write(source.address, header, ADDRESSES_AT)
  write(destination.address, header, ADDRESSES_AT + addressBytes)
  header.writeUInt16BE(source.port, portsAt)
  header.writeUInt16BE(destination.port, portsAt + 2)
  return header
}

/** The header of a connection that its sender has opened by itself. A new buffer. */
export function encodeLocalHeader(): Uint8Array {
  return headOf(LOCAL, UNSPEC, 0)
}

function headOf(command: number, family: number, bodyBytes: number): Buffer {
  const header = Buffer.alloc(ADDRESSES_AT + bodyBytes)
  header.set(SIGNATURE)
  header[COMMAND_AT] = VERSION | command
  header[FAMILY_AT] = family
  header.writeUInt16BE(bodyBytes, LENGTH_AT)
  return header
}

function readEnds(view: ByteView, at: number, family: number): ProxiedEnds | null {
  if (family === UNIX) return null
  const read = family === INET ? readIpv4 : readIpv6
  const addressBytes = family === INET ? IPV4_BYTES : IPV6_BYTES
  const portsAt = at + 2 * addressBytes
  const port = view.readUInt16BE(portsAt)
  const destinationPort = view.readUInt16BE(portsAt + 2)
  return {
    source: inetEndpoint(read(view, at), port),
    destination: inetEndpoint(read(view, at + addressBytes), destinationPort),
  }
}

/** Whether the values fill `view[from, end)` exactly and a checksum among them is right. */
function areValuesValid(view: ByteView, start: number, from: number, end: number): boolean {
  let at = from
  while (at < end) {
    if (at + VALUE_HEAD_BYTES > end) return false
    const type = view[at]
    const bytes = view.readUInt16BE(at + 1)
    const valueAt = at + VALUE_HEAD_BYTES
    at = valueAt + bytes
    if (at > end) return false
    if (type !== TYPE_CRC32C) continue
    if (bytes !== CRC32C_BYTES) return false
    if (crc32c(view, start, end, valueAt) !== view.readUInt32BE(valueAt)) return false
  }
  return true
}
