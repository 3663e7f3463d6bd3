/** An IP host (or host name) with a port. */
export interface InetAddress {
  readonly kind: 'inet'
  readonly host: string
  readonly port: number
}

/** Where to listen or to connect: an IP host (or host name) with a port, or a Unix socket path. */
export type Address = InetAddress | { readonly kind: 'unix'; readonly path: string }

/** The address as HAProxy writes it: `10.0.0.1:80`, `[::1]:80`, `unix@/run/app.sock`. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix@${address.path}`
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${host}:${address.port}`
}

/** Whether two addresses are written the same. */
export function isSameAddress(one: Address, other: Address): boolean {
  return formatAddress(one) === formatAddress(other)
}

/** 127.0.0.0/8 (RFC 1122 section 3.2.1.3), also as IPv6 writes it (RFC 4291 section 2.5.5.2). */
const LOOPBACK_IPV4 = /^(::ffff:)?127(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}$/i

/** Whether only this host can connect to it. A Unix socket is guarded by its permissions. */
export function isLoopback(address: Address): boolean {
  if (address.kind === 'unix') return true
  const { host } = address
  return host === '::1' || host === 'localhost' || LOOPBACK_IPV4.test(host)
}
