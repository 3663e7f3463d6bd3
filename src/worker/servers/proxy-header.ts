import type { ProxyVersion } from '../../model/config.ts'
import type { Endpoint, TlsFacts } from '../../net/conn.ts'
import { encodeProxyHeader } from '../../net/proxy-protocol/proxy-protocol.ts'

/** The two ends of a client's connection, and its TLS. */
export interface ClientEnds {
  readonly remote: Endpoint
  readonly local: Endpoint
  readonly tls: TlsFacts | null
}

/** The header that tells a server whose connection it is (HAProxy's proxy-protocol.txt). */
export function proxyHeaderOf(version: ProxyVersion, client: ClientEnds): Uint8Array | string {
  return encodeProxyHeader(version, client.remote, client.local, client.tls)
}
