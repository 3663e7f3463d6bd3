import { randomBytes } from 'node:crypto'
import { type ClientOptions, WebSocket } from 'ws'
import { diallingTls } from './handshake/certificates.ts'
import { DiallingHandshake } from './handshake/handshake.ts'
import { type Host, Introduction } from './handshake/introduction.ts'
import { NONCE_BYTES, type Purpose } from './handshake/proofs.ts'
import type { PeerAddress } from './transport.ts'
import type { PeerTransportOptions } from './transport-options.ts'
import { PATHS, SOCKET_OPTIONS } from './web-sockets.ts'

/** Errors of TLS: either certificate is not what it should be. */
const TLS_FAILURE = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_|peer-cred)/

/** A call of a peer. */
export interface Call {
  /** Ends it, whatever has become of it. */
  giveUp(): void
  /** Resolves when the connection, which may have become a link meanwhile, has ended. */
  readonly ended: Promise<void>
}

/**
 * Calls a peer once.
 *
 * @param host told exactly once what came of it
 */
export function dial(
  peer: PeerAddress,
  purpose: Purpose,
  options: PeerTransportOptions,
  host: Host,
): Call {
  host.counters.dials++
  const scheme = options.tls === null ? 'ws' : 'wss'
  const url = `${scheme}://${peer.address}${PATHS[purpose]}`
  if (!URL.canParse(url)) {
    setImmediate(() => host.onLost(null))
    return { giveUp: () => {}, ended: Promise.resolve() }
  }
  const socket = openSocket(peer, url, options)
  const deadline = setTimeout(() => socket.terminate(), host.limits.dialTimeoutMs)
  let failure: Error | null = null
  const keep = (error: Error) => {
    failure = error
  }
  const end = () => {
    clearTimeout(deadline)
    const code = (failure as NodeJS.ErrnoException | null)?.code ?? ''
    if (failure === null || !TLS_FAILURE.test(code)) host.onLost(failure)
    else host.onRefused({ reason: 'credentials', message: failure.message }, true, peer.name)
  }
  socket.on('error', keep)
  socket.on('close', end)
  socket.on('upgrade', (response) => response.socket.setKeepAlive(true))
  socket.on('open', () => {
    clearTimeout(deadline)
    socket.off('error', keep)
    socket.off('close', end)
    const credentials = { name: options.hello.name, secret: options.secret }
    const nonce = randomBytes(NONCE_BYTES)
    const handshake = new DiallingHandshake(credentials, purpose, peer.name, nonce)
    new Introduction(socket, handshake, 'dialler', host)
  })
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  return { giveUp: () => socket.terminate(), ended }
}

function openSocket(peer: PeerAddress, url: string, { tls }: PeerTransportOptions): WebSocket {
  const client = {
    ...SOCKET_OPTIONS,
    // Masks keep a browser's script from making proxies see requests (RFC 6455, section 10.3). Here
    // no script chooses what is sent: without them a message is written as it is, uncopied.
    generateMask: (mask: Buffer) => void mask.fill(0),
    ...(tls === null ? {} : diallingTls(tls, peer.name)),
  }
  // Its types have another `checkServerIdentity` than node:tls, to which ws hands it on.
  return new WebSocket(url, client as unknown as ClientOptions)
}
