import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import type { Address } from '../../base/address.ts'
import { parseNetwork } from '../../base/networks.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'

/** What an address is for: one to listen on may leave out the host, one to connect to may not. */
export type AddressUse = 'bind' | 'server'

/**
 * Bytes of a Unix socket path: 107 is what Linux has room for (unix(7), sun_path less its NUL). A
 * socket to listen on is bound beside its path first, under a longer name.
 */
export const SOCKET_PATH_BYTES_MAX: Readonly<Record<AddressUse, number>> = { bind: 94, server: 107 }

/** What an address looks like, for JSON Schema. */
export const ADDRESS_PATTERN = '^((unix@)?/.+|(ipv4@|ipv6@)?[^@/,\\s]*:[0-9]+)$'

const LABEL = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
/** RFC 1123 section 2.1, with the underscore that container networks use. */
const HOST_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(\\.${LABEL})*\\.?$`)

/**
 * Reads an address as HAProxy does (configuration manual, keyword "bind"): `10.0.0.1:80`,
 * `host:80`, `[::1]:80`, `::1:80` (the port is what follows the last colon), `:80` and `*:80` for
 * every IPv4 address, `ipv4@` and `ipv6@` to force the family, `unix@/path` or `/path`. IPv6
 * addresses are given back in their shortest form. Ports are 1 to 65535.
 */
export function parseAddress(text: string, use: AddressUse): Parsed<Address> {
  const url = /^([a-z][a-z0-9+.-]{0,20}):\/\/([^/?#]*)([/?#].*)?$/is.exec(text)
  if (url !== null) return refuseUrl(url, use)
  if (text.startsWith('/')) return parseSocketPath(text, use)
  if (text.startsWith('unix@')) return parseSocketPath(text.slice('unix@'.length), use)
  const [, family = '', rest = ''] = /^([a-z0-9+]{1,20}@)?(.*)$/s.exec(text) ?? []
  if (family !== '' && family !== 'ipv4@' && family !== 'ipv6@') {
    return refused(
      `addresses of the kind "${family}" are not available in this version`,
      'Write HOST:PORT or unix@/PATH.',
      'unsupported',
    )
  }
  const colon = rest.lastIndexOf(':')
  if (colon < 0 || rest.endsWith(']')) {
    const example = /^[0-9]+$/.test(rest) ? `:${rest}` : `${rest}:80`
    return refused('the port is missing', `Write for example ${example}.`)
  }
  const port = parsePort(rest.slice(colon + 1))
  if ('problem' in port) return port
  const host = parseHost(rest.slice(0, colon), use, family)
  if ('problem' in host) return host
  return { value: { kind: 'inet', host: host.value, port: port.value } }
}

/** @param url the scheme, the authority and what follows it */
function refuseUrl(
  [, scheme = '', authority = '', rest = '']: RegExpExecArray,
  use: AddressUse,
): Parsed<never> {
  if (/^unix$/i.test(scheme)) return refused('this is a URL', `Write unix@${rest || '/PATH'}.`)
  const isSecure = /s$/i.test(scheme)
  const host = authority.slice(authority.lastIndexOf('@') + 1) || 'HOST'
  const address = /:[0-9]+$/.test(host) ? host : `${host}:${isSecure ? 443 : 80}`
  const path = rest === '' || rest === '/' ? '' : '; a path is set by the rule set-path'
  const secure =
    use === 'bind' ? '; TLS is set by ssl' : '; TLS to servers is not available in this version'
  const tls = isSecure ? secure : ''
  return refused('this is a URL, not an address', `Write ${address}${path}${tls}.`)
}

function parseSocketPath(path: string, use: AddressUse): Parsed<Address> {
  if (!path.startsWith('/') || path.endsWith('/')) {
    return refused('the path of a Unix socket must be absolute', 'Write unix@/PATH.')
  }
  const bytesMax = SOCKET_PATH_BYTES_MAX[use]
  if (Buffer.byteLength(path) > bytesMax) {
    return refused(
      'the path of the Unix socket is too long',
      `At most ${bytesMax} bytes.`,
      'out-of-range',
    )
  }
  return { value: { kind: 'unix', path } }
}

function parsePort(text: string): Parsed<number> {
  if (/^[0-9]+-[0-9]+$/.test(text)) {
    return refused(
      'port ranges are not available in this version',
      'List one address for each port.',
      'unsupported',
    )
  }
  if (/^[+-][0-9]+$/.test(text)) {
    return refused(
      "ports relative to the client's are not available in this version",
      'Write the port itself.',
      'unsupported',
    )
  }
  if (text === '') return refused('the port is missing', 'Write it after the last colon.')
  if (!/^[0-9]+$/.test(text)) return refused('the port is not a number', 'Ports are 1 to 65535.')
  const port = Number(text)
  if (port < 1 || port > 65_535) {
    return refused(
      `port ${text.slice(0, 20)} does not exist`,
      'Ports are 1 to 65535.',
      'out-of-range',
    )
  }
  return { value: port }
}

function parseHost(text: string, use: AddressUse, family: string): Parsed<string> {
  const isAny = text === '' || text === '*'
  const host = isAny ? (family === 'ipv6@' ? '::' : '0.0.0.0') : parseIpOrName(text, family)
  if (typeof host !== 'string') return host
  if (use === 'server' && (host === '0.0.0.0' || host === '::')) {
    return refused('the host to connect to is missing', 'Write HOST:PORT.')
  }
  return { value: host }
}

/** The host in its shortest form, or what is wrong with it. */
function parseIpOrName(text: string, family: string): string | ReturnType<typeof refused> {
  const bare = /^\[.*\]$/s.test(text) ? text.slice(1, -1) : text
  const isBracketed = bare !== text
  if (isIPv4(bare) && !isBracketed) {
    return family === 'ipv6@'
      ? refused(`"${bare}" is an IPv4 address`, 'Write ipv4@, or nothing.')
      : bare
  }
  if (isIPv6(bare) && !bare.includes('%')) {
    if (family === 'ipv4@')
      return refused(`"${bare}" is an IPv6 address`, 'Write ipv6@, or nothing.')
    return new SocketAddress({ address: bare, family: 'ipv6' }).address
  }
  if (text.includes(',')) return refused('this is more than one address', 'Write them as a list.')
  if (/[:[\]%]/.test(text)) {
    return refused('this is not an IPv6 address', 'Write for example "[::1]:80", in quotes.')
  }
  if (/^[0-9.]+$/.test(text)) {
    return refused('this is not an IPv4 address', 'Write for example 10.0.0.1:80.')
  }
  if (!HOST_NAME.test(text)) return refused('this is not a host name', 'Write HOST:PORT.')
  return text
}

/** Reads the host of a health check (`addr`): an IP address or a host name, without a port. */
export function parseProbeHost(text: string): Parsed<string> {
  const host = parseIpOrName(text, '')
  if (typeof host === 'string') return { value: host }
  const [, port] = /:([0-9]+)$/.exec(text) ?? []
  return port === undefined ? host : refused('this has a port', `Write it as port: ${port}.`)
}

/** What a network looks like, for JSON Schema. */
export const NETWORK_PATTERN = '^[0-9A-Fa-f:.]+(/[0-9]+)?$'

/**
 * Reads an IP address or a network in CIDR form, as the argument `except` of HAProxy's
 * `option forwardfor` takes it: a network of {@link parseNetwork} without a mask in full. Given
 * back in CIDR form.
 */
export function parseCidr(text: string): Parsed<string> {
  const [, ip = '', bits] = /^([^/%]*)(?:\/([0-9]{1,3}))?$/s.exec(text) ?? []
  const network = parseNetwork(ip)
  if (network === null) {
    return refused('this is not an IP network', 'Write for example 10.0.0.0/8.')
  }
  const bitsMax = network.family === 4 ? 32 : 128
  const length = bits === undefined ? bitsMax : Number(bits)
  if (length > bitsMax) {
    return refused('the prefix is too long', `At most /${bitsMax}.`, 'out-of-range')
  }
  return { value: `${ip}/${length}` }
}
