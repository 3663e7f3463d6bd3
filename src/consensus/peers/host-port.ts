import { SluiceError } from '../../base/errors.ts'

const PORT_MAX = 65_535
/** `HOST:PORT`, `[IPV6]:PORT`, `:PORT` or `*:PORT`. */
const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:/?#@\s]*)):(\d{1,5})$/

/** Where to bind, or to call. */
export interface HostPort {
  /** Undefined: all addresses of this host. */
  readonly host: string | undefined
  readonly port: number
}

/** @throws SluiceError `bind-failed` */
export function parseHostPort(text: string): HostPort {
  const [, ipv6, name, digits] = HOST_PORT.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > PORT_MAX) {
    throw new SluiceError('bind-failed', `${text} is not HOST:PORT`)
  }
  const host = ipv6 ?? name ?? ''
  return { host: host === '' || host === '*' ? undefined : host, port }
}

/**
 * The host of an address as a connection's other end is given: an IPv4 address is one also where it
 * comes to a socket of IPv6 (RFC 4291 section 2.5.5.2).
 */
export function plainHost(host: string): string {
  return host.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase()
}

/** What {@link parseHostPort} reads. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
