import { isIPv4 } from 'node:net'
import { shortestAddress } from '../../base/ip-address.ts'
import { type ByteView, type Endpoint, inetEndpoint } from '../conn.ts'
import { INCOMPLETE, MALFORMED, type ProxyHeaderReading } from './proxy-protocol-reading.ts'

/** Bytes of a line at most, its CRLF included (proxy-protocol.txt section 2.1). */
const LINE_BYTES_MAX = 107

const UNKNOWN = 'PROXY UNKNOWN'
const BEGINNINGS = ['PROXY TCP4 ', 'PROXY TCP6 ', UNKNOWN] as const
const LINE = /^PROXY TCP([46]) ([^ ]+) ([^ ]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/
const PORT_MAX = 65_535

/**
 * Reads a header of version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CRLF
 * (proxy-protocol.txt section 2.1). What follows `UNKNOWN` in a line is ignored.
 */
export function readProxyLine(view: ByteView, start: number, end: number): ProxyHeaderReading {
  const text = view.toString('latin1', start, Math.min(end, start + LINE_BYTES_MAX))
  const mayBegin = BEGINNINGS.some((word) => word.startsWith(text) || text.startsWith(word))
  if (!mayBegin) return MALFORMED
  const lineEnd = text.search(/[\r\n]/)
  const isCut = lineEnd < 0 || lineEnd === text.length - 1
  if (text[lineEnd] === '\n') return MALFORMED
  if (isCut) return text.length < LINE_BYTES_MAX ? INCOMPLETE : MALFORMED
  if (text[lineEnd + 1] !== '\n') return MALFORMED
  return readLine(text.slice(0, lineEnd), lineEnd + 2)
}

/**
 * The line for two IP addresses. Of two families both are written as IPv6, like HAProxy does it.
 *
 * @returns latin1 with its CRLF
 */
export function encodeProxyLine(source: Endpoint, destination: Endpoint): string {
  const bothIpv4 = isIPv4(source.address) && isIPv4(destination.address)
  const write = bothIpv4 ? (address: string) => address : asIpv6
  const addresses = `${write(source.address)} ${write(destination.address)}`
  const ports = `${source.port} ${destination.port}`
  return `PROXY ${bothIpv4 ? 'TCP4' : 'TCP6'} ${addresses} ${ports}\r\n`
}

/** The line where an end is not known, or has no IP address. In latin1, with its CRLF. */
export const PROXY_LINE_UNKNOWN = `${UNKNOWN}\r\n`

function readLine(line: string, bytes: number): ProxyHeaderReading {
  if (line === UNKNOWN || line.startsWith(`${UNKNOWN} `)) {
    return { outcome: 'complete', bytes, ends: null }
  }
  const match = LINE.exec(line)
  if (match === null) return MALFORMED
  const [, digit, from = '', to = '', fromPort, toPort] = match
  const family = digit === '4' ? 4 : 6
  const source = endpoint(shortestAddress(from, family), Number(fromPort))
  const destination = endpoint(shortestAddress(to, family), Number(toPort))
  if (source === null || destination === null) return MALFORMED
  return { outcome: 'complete', bytes, ends: { source, destination } }
}

function endpoint(address: string | null, port: number): Endpoint | null {
  return address === null || port > PORT_MAX ? null : inetEndpoint(address, port)
}

function asIpv6(address: string): string {
  return isIPv4(address) ? `::ffff:${address}` : address
}
