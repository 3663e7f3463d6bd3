import type { TLSSocketOptions } from 'node:tls'
import { assert } from '../../../base/errors.ts'
import { nodeTls } from '../../../base/host/late-modules.ts'
import type { Conn, ConnFailure, ConnHandler } from '../../conn.ts'
import type { ServerTlsSettings } from '../../tls/server-tls.ts'
import { type TlsCarrier, TlsConn } from '../../tls/tls-conn.ts'
import { UNHEARD } from '../../unheard.ts'
import { NodeConn } from './node-conn.ts'

/** As much as a connection without TLS queues before it asks to wait. */
const HIGH_WATER_BYTES = 65_536

/**
 * TLS on the handle of an accepted socket, in native code from the ciphertext to the plain text.
 * Over a stream in JavaScript, as a client's TLS is (tls-conn.ts), it was measured at twice the
 * processor time for small answers and at four times for large ones.
 */
export function acceptNodeTls(
  conn: Conn,
  ahead: Uint8Array,
  { context, alpn, serverName }: ServerTlsSettings,
  handler: ConnHandler,
): Conn {
  assert(conn instanceof NodeConn, 'a connection of another engine')
  const below = new Below()
  conn.handler = below
  const options: TLSSocketOptions & { highWaterMark: number } = {
    isServer: true,
    secureContext: context,
    highWaterMark: HIGH_WATER_BYTES,
    ...(alpn !== null && { ALPNProtocols: [alpn] }),
  }
  const { TLSSocket } = nodeTls()
  const tls = new TLSSocket(conn.lend(ahead), options)
  return new TlsConn(conn, tls, { carrier: below, serverName, secureEvent: 'secure' }, handler)
}

/** The connection below, whose bytes never come here: it only tells why it ended. */
class Below implements TlsCarrier, ConnHandler {
  readonly readableLength = 0
  readonly writableLength = 0
  readonly onConnect = UNHEARD.onConnect
  readonly onData = UNHEARD.onData
  readonly onDrain = UNHEARD.onDrain
  readonly onEnd = UNHEARD.onEnd
  failure: ConnFailure | null = null

  onClose(_conn: Conn, failure: ConnFailure | null): void {
    this.failure = failure
  }
}
