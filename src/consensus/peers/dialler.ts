import { type ClientOptions, WebSocket } from 'ws'
import { diallingTls } from './handshake/certificates.ts'
import { DiallingHandshake, type Purpose } from './handshake/handshake.ts'
import { type Host, Introduction } from './handshake/introduction.ts'
import { offeredFormats } from './handshake/link-format.ts'
import { diallingKeyTls } from './handshake/shared-key.ts'
import type { Objection } from './refusals.ts'
import type { PeerAddress } from './transport.ts'
import type { PeerTransportOptions } from './transport-options.ts'
import { PATHS, SOCKET_OPTIONS } from './web-sockets.ts'

/** Errors of TLS: either end is not what it should be. */
const TLS_FAILURE = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_|peer-cred)/
/** How OpenSSL tells what the other end has against the handshake, whatever the code says. */
const ALERT = /\balert\b/
/** The other end speaks something else than TLS. */
const NO_TLS = /wrong version number|packet length too long/
/** How ws says that the other end knows none of the formats that were offered. */
const NO_FORMAT = /subprotocol|response: 426/

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
  const scheme = options.tls === null && options.secret === null ? 'ws' : 'wss'
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
    const refusal = failure === null ? null : refusalIn(failure, peer, options)
    if (refusal === null) host.onLost(failure)
    else host.onRefused(refusal.objection, refusal.isOurs, peer.name)
  }
  socket.on('error', keep)
  socket.on('close', end)
  socket.on('upgrade', (response) => response.socket.setKeepAlive(true))
  socket.on('open', () => {
    clearTimeout(deadline)
    socket.off('error', keep)
    socket.off('close', end)
    const handshake = new DiallingHandshake(options.hello.name, peer.name)
    new Introduction(socket, handshake, 'dialler', host)
  })
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  return { giveUp: () => socket.terminate(), ended }
}

/**
 * What a failed call says of either end.
 *
 * @returns null: nothing, the peer cannot be reached
 */
function refusalIn(
  failure: Error,
  { name }: PeerAddress,
  { tls }: PeerTransportOptions,
): { readonly objection: Objection; readonly isOurs: boolean } | null {
  const { message } = failure
  const { code = '' } = failure as NodeJS.ErrnoException
  if (ALERT.test(message)) {
    const what = tls === null ? 'has another secret, or none' : "refuses this node's certificate"
    return { objection: { reason: 'credentials', message: `${name} ${what}` }, isOurs: false }
  }
  if (NO_TLS.test(message)) {
    const text = `${name} speaks no TLS: it has neither a secret nor certificates, or is of a version that used none for a secret`
    return { objection: { reason: 'credentials', message: text }, isOurs: true }
  }
  if (NO_FORMAT.test(message)) {
    const text = `${name} knows none of the formats ${offeredFormats().join(', ')}`
    return { objection: { reason: 'version', message: text }, isOurs: false }
  }
  if (!TLS_FAILURE.test(code)) return null
  return { objection: { reason: 'credentials', message }, isOurs: true }
}

function openSocket(
  peer: PeerAddress,
  url: string,
  { hello, secret, tls }: PeerTransportOptions,
): WebSocket {
  const client = {
    ...SOCKET_OPTIONS,
    // Masks keep a browser's script from making proxies see requests (RFC 6455, section 10.3). Here
    // no script chooses what is sent: without them a message is written as it is, uncopied.
    generateMask: (mask: Buffer) => void mask.fill(0),
    ...(secret !== null && diallingKeyTls(secret, hello.name)),
    ...(tls !== null && diallingTls(tls, peer.name)),
  }
  // Its types have another `checkServerIdentity` than node:tls, to which ws hands it on.
  return new WebSocket(url, offeredFormats(), client as unknown as ClientOptions)
}
