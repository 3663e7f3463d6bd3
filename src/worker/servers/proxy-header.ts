import type { ProxyVersion } from '../../model/config.ts'
import type { Conn } from '../../net/conn.ts'
import { encodeProxyHeader } from '../../net/proxy-protocol/proxy-protocol.ts'

/** The header that tells a server whose connection it is (HAProxy's proxy-protocol.txt). */
export function proxyHeaderOf(version: ProxyVersion, client: Conn): Uint8Array | string {
  return encodeProxyHeader(version, client.remote, client.local)
}
