/** Where to listen or to connect: an IP host (or host name) with a port, or a Unix socket path. */
export type Address =
  | { readonly kind: 'inet'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** The address as HAProxy writes it: `10.0.0.1:80`, `[::1]:80`, `unix@/run/app.sock`. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix@${address.path}`
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${host}:${address.port}`
}
