import type { Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket, TLSSocketOptions } from 'node:tls'
import { assert } from '../../../base/errors.ts'
import { nodeTls } from '../../../base/host/late-modules.ts'
import type { Conn, ConnFailure, ConnHandler } from '../../conn.ts'
import type { ClientTlsSettings } from '../../tls/client-tls.ts'
import type { ServerTlsSettings } from '../../tls/server-tls.ts'
import { type TlsCarrier, TlsConn } from '../../tls/tls-conn.ts'
import { UNHEARD } from '../../unheard.ts'
import { NodeConn } from './node-conn.ts'
import { hasMoreToRead, isReading, verifyErrorOf } from './node-handle.ts'

/** As much as a connection without TLS queues before it asks to wait. */
const HIGH_WATER_BYTES = 65_536

/**
 * TLS on the handle of an accepted socket, in native code from the ciphertext to the plain text.
 * Over a stream in JavaScript it was measured at twice the processor time for small answers and at
 * four times for large ones.
 */
export function acceptNodeTls(
  conn: Conn,
  ahead: Uint8Array,
  { context, alpn, serverName, clients }: ServerTlsSettings,
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
    ...(clients !== null && {
      requestCert: true,
      rejectUnauthorized: clients.verify === 'required',
    }),
  }
  const { TLSSocket } = nodeTls()
  const tls = new TLSSocket(conn.lend(ahead), options)
  const ofTls = { carrier: below, serverName, secureEvent: 'secure' } as const
  const ofClient = clients === null ? {} : { verifyError: () => verifyErrorOf(tls) }
  return new TlsConn(conn, tls, { ...ofTls, ...ofClient }, handler)
}

/**
 * Speaks TLS as the client on the handle of a socket, as {@link acceptNodeTls} does as the server.
 * Whoever ends without `close_notify` has broken off: `onEnd` tells of whole streams alone.
 */
export function connectNodeTls(
  conn: Conn,
  { context, verify, serverName, certificateName, alpn, sessions }: ClientTlsSettings,
  handler: ConnHandler,
): TlsConn {
  assert(conn instanceof NodeConn, 'a connection of another engine')
  const below = new Below()
  conn.handler = below
  const session = sessions?.get(serverName)
  const socket = conn.lend(null)
  const { checkServerIdentity, connect } = nodeTls()
  const tls = connect({
    socket,
    secureContext: context,
    highWaterMark: HIGH_WATER_BYTES,
    rejectUnauthorized: verify,
    ...(session !== undefined && { session }),
    ...(serverName !== null && { servername: serverName }),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    checkServerIdentity: (_, certificate) =>
      certificateName === null ? undefined : checkServerIdentity(certificateName, certificate),
  } as ConnectionOptions)
  if (sessions !== null) {
    tls.on('session', (given: Buffer) => sessions.keep(serverName, given))
    tls.once('error', () => sessions.forget(serverName))
  }
  const hasEndedWell = endWatchOf(tls, socket)
  const options = {
    carrier: below,
    serverName,
    secureEvent: 'secureConnect',
    hasEndedWell,
  } as const
  return new TlsConn(conn, tls, options, handler)
}

/**
 * Finds out why what a TLS socket reads has ended. TLSWrap of Node.js tells an end of the connection
 * below like one that the peer has said (`close_notify`); but only in the first case has libuv
 * stopped to read by then.
 *
 * @returns asks for it, after the end
 */
function endWatchOf(tls: TLSSocket, below: Socket): () => boolean {
  let isWell = false
  const { push } = tls
  tls.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null) isWell = !isReading(tls) || hasMoreToRead(below)
    return push.call(tls, chunk, encoding)
  }
  return () => isWell
}

/** The connection below, whose bytes never come here: it only tells why it ended. */
class Below implements TlsCarrier, ConnHandler {
  readonly onConnect = UNHEARD.onConnect
  readonly onData = UNHEARD.onData
  readonly onDrain = UNHEARD.onDrain
  readonly onEnd = UNHEARD.onEnd
  failure: ConnFailure | null = null

  onClose(_conn: Conn, failure: ConnFailure | null): void {
    this.failure = failure
  }
}
