import { isIP } from 'node:net'
import { assert } from '../../base/errors.ts'
import type { ProxyVersion } from '../../model/config.ts'
import { type ByteView, type Endpoint, inetEndpoint, type TlsFacts } from '../conn.ts'
import {
  BINARY_HEADER_BYTES_MAX,
  encodeBinaryHeader,
  encodeLocalHeader,
  readBinaryHeader,
} from './proxy-protocol-binary.ts'
import { encodeProxyLine, PROXY_LINE_UNKNOWN, readProxyLine } from './proxy-protocol-line.ts'
import { INCOMPLETE, type ProxyHeaderReading } from './proxy-protocol-reading.ts'
import { encodeTlsValues } from './proxy-protocol-tls.ts'

/** Bytes of a header of either version at most: with so many, no reading is incomplete. */
export const PROXY_HEADER_BYTES_MAX = BINARY_HEADER_BYTES_MAX

const LINE_FIRST_BYTE = 'P'.charCodeAt(0)

/**
 * Reads the PROXY protocol header at the beginning of a connection, of version 1 or 2
 * (proxy-protocol.txt section 2). To be called again, from the header's first byte, when more has
 * arrived. What begins like no header is refused with its first byte that differs.
 *
 * @param view the bytes are `view[start, end)`
 */
export function parseProxyHeader(view: ByteView, start: number, end: number): ProxyHeaderReading {
  if (start === end) return INCOMPLETE
  const isLine = view[start] === LINE_FIRST_BYTE
  return isLine ? readProxyLine(view, start, end) : readBinaryHeader(view, start, end)
}

/**
 * The PROXY protocol header to begin a connection to a server with, for a client's connection.
 * Where an end is not known or has no IP address, the header says only that it is one: `UNKNOWN`,
 * in version 2 the command LOCAL (proxy-protocol.txt section 2).
 *
 * @param source the client's end
 * @param destination the end that the client connected to
 * @param tls of the client's connection, told of by version 2; default: it is not encrypted
 * @returns version 1: a string in latin1; version 2: a new buffer, owned by the caller
 */
export function encodeProxyHeader(
  version: ProxyVersion,
  source: Endpoint,
  destination: Endpoint,
  tls: TlsFacts | null = null,
): Uint8Array | string {
  const from = withoutZone(source)
  const to = withoutZone(destination)
  const isKnown = from.kind === 'inet' && to.kind === 'inet'
  if (version === 1) return isKnown ? encodeProxyLine(from, to) : PROXY_LINE_UNKNOWN
  return isKnown ? encodeBinaryHeader(from, to, encodeTlsValues(version, tls)) : encodeLocalHeader()
}

/** A zone (`fe80::1%eth0`) means nothing to another host, and the header has no place for it. */
function withoutZone(end: Endpoint): Endpoint {
  if (end.kind !== 'inet') return end
  const zone = end.address.indexOf('%')
  const address = zone < 0 ? end.address : end.address.slice(0, zone)
  assert(isIP(address) !== 0, `${address} is no IP address`)
  return inetEndpoint(address, end.port)
}
