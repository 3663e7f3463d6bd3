import type { Address } from '../base/address.ts'
import type { CertificateFields } from './tls/certificate-fields.ts'

/**
 * Bytes as an engine hands them over. Every engine gives Node's Buffer; the interface names only
 * what readers use, so that pure rooms can take it without importing anything.
 */
export type ByteView = Buffer

/** Why a connection ended other than by both sides finishing. */
export type ConnFailure =
  | 'refused' // nobody listens there
  | 'unreachable' // no route, no such host or path
  | 'exhausted' // this process has no descriptor or memory left: nothing is known of the peer
  | 'portless' // this host has no local port left for that peer: nothing is known of it
  | 'reset' // the peer aborted, or wrote to a closed side
  | 'aborted' // we called destroy() or reset()

/**
 * What a user of a connection is told. One handler at a time; `conn.handler` may be exchanged, as
 * when a request turns into a tunnel.
 *
 * Order: `onConnect` once (outgoing only), then any number of `onData` and `onDrain`, `onEnd` at
 * most once, `onClose` exactly once and last. Nothing is called from within `write`, `end`,
 * `pause`, `resume` or `destroy`: callbacks come from the event loop.
 */
export interface ConnHandler {
  /** An outgoing connection is established. */
  onConnect(conn: Conn): void
  /**
   * Bytes `view[0, length)` arrived. The view belongs to the engine and is valid only during the
   * call: copy what must outlive it.
   */
  onData(conn: Conn, view: ByteView, length: number): void
  /**
   * What was queued by `write` is handed to the kernel; called once after a `write` said false,
   * unless `end` or `breakOff` was called meanwhile.
   */
  onDrain(conn: Conn): void
  /** The peer will send no more. Our side stays open until `end`. */
  onEnd(conn: Conn): void
  /**
   * The connection is gone and its resources are released. `null`: both sides had ended. That the
   * peer takes nothing more (`reset`) is told after all that it had sent, and after `onEnd` where it
   * had ended its side before.
   */
  onClose(conn: Conn, failure: ConnFailure | null): void
}

/** One end of a connection. */
export interface Endpoint {
  readonly kind: 'inet' | 'unix' | 'unknown'
  /** An IP address in its shortest text form; '' where the kind is not `inet`. */
  readonly address: string
  /** 0 where the kind is not `inet`. */
  readonly port: number
}

/** @param address an IP address in its shortest text form */
export function inetEndpoint(address: string, port: number): Endpoint {
  return { kind: 'inet', address, port }
}

/** The end of a Unix socket: it has no IP address. */
export const UNIX_ENDPOINT: Endpoint = { kind: 'unix', address: '', port: 0 }

/** An end that has an IP address, but which one is not known. */
export const UNKNOWN_ENDPOINT: Endpoint = { kind: 'unknown', address: '', port: 0 }

/** What two ends have agreed on in their TLS handshake. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string
  /** As OpenSSL calls it: `TLS_AES_128_GCM_SHA256`, `ECDHE-RSA-AES128-GCM-SHA256`. */
  readonly cipher: string
  /** The name that the client has asked for (SNI, RFC 6066 section 3); null: none. */
  readonly serverName: string | null
  /** The protocol that was chosen by ALPN (RFC 7301); null: none. */
  readonly alpn: string | null
  /** An earlier session was resumed: no certificate was shown again. */
  readonly isResumed: boolean
  /** The certificate that a client has shown; null: none. Of a connection to a server: null. */
  readonly peerCertificate: TlsCertificate | null
  /** The certificate that a client was shown. Of a connection to a server: null. */
  readonly ownCertificate: TlsCertificate | null
  /** What OpenSSL has against what a client has shown (`X509_V_ERR_...`); 0: nothing. */
  readonly verification: number
}

/** A certificate of a connection. What it says is read when it is asked for. */
export interface TlsCertificate {
  readonly der: Uint8Array
  /** SHA-1 of that: upper-case hexadecimal digits. */
  readonly sha1: string
  /** Null: they cannot be read. */
  readonly fields: CertificateFields | null
}

/** One byte stream: TCP, Unix socket, or TLS over one of them. Lives in one thread. */
export interface Conn {
  handler: ConnHandler
  /**
   * The peer's end: of an accepted connection always known. Of an outgoing one it is unknown until
   * `onConnect`, and after the connection is gone unless it was asked for before.
   */
  readonly remote: Endpoint
  /** Our own end. Unknown until `onConnect`, and once the connection is gone if not asked before. */
  readonly local: Endpoint
  /** Of TLS, from `onConnect` on; null: it is not encrypted. */
  readonly tls: TlsFacts | null
  /**
   * Takes the ends that a proxy in front has told of for those of this connection: what the two
   * properties above say from now on, also after the connection is gone.
   */
  declareEndpoints(remote: Endpoint, local: Endpoint): void
  /**
   * Asks the kernel, without waiting for the event loop: true when the connection is established
   * and open, and there are no bytes to be handed over and no end or reset of the peer. An idle
   * connection that is not quiet cannot be used again. Changes nothing of what the handler is told.
   */
  isQuiet(): boolean
  /**
   * Asks the kernel whether the connection is broken or both of its directions have ended, which
   * the handler of a paused connection is not told. False before `onConnect` and once it is gone.
   */
  hasHungUp(): boolean
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly queuedBytes: number
  /**
   * Queues bytes for the peer. The memory may be reused as soon as the call returns: the engine
   * copies what it cannot hand to the kernel at once. A string is written as latin1.
   * Before `onConnect`, writes are queued and sent on connection. After `end` it must not be
   * called; once the connection is gone it does nothing and says false. Where the peer takes nothing
   * more, what is written is dropped, and what the peer had sent is read on; `onClose` follows that.
   *
   * @returns false when the caller should stop until `onDrain`
   */
  write(data: Uint8Array | string): boolean
  /** Stops reading; `onData` and `onEnd` are not called until `resume`. */
  pause(): void
  resume(): void
  /** Sends FIN after what is queued. Reading goes on. */
  end(): void
  /** Closes at once; what is queued is lost. `onClose` follows. Idempotent. */
  destroy(): void
  /** Like `destroy`, but the peer is sent RST where the transport has one. */
  reset(): void
  /**
   * Like `reset`, but once the peer has got what was written, so that it neither loses any of that
   * nor takes a stream that was cut for a whole one. Nothing is read meanwhile, and nothing but
   * `onClose` follows. How long the peer may take is for the caller to say, by `destroy`.
   */
  breakOff(): void
}

/** A listening socket shared with other threads; owned by the caller as a descriptor. */
export interface Listener {
  /**
   * Stops accepting in this thread until `resume`: who comes waits in the kernel's queue. May be
   * called from within `onAccept`, of which there is then no other. Idempotent.
   */
  pause(): void
  /**
   * Accepts again. Costs no descriptor that the listener does not hold already, but where none
   * could be had during the pause before. Idempotent.
   *
   * @returns false where the system has no descriptor left for it: to be tried again later
   */
  resume(): boolean
  /**
   * Takes in who waits in the kernel's queue, also during a pause, then closes: with the last
   * descriptor of the socket the kernel resets who has not been accepted. `pause` gives up the
   * rest. Who comes meanwhile is accepted too, so that it ends after a bounded number of turns of
   * the loop where they never stop coming.
   *
   * @param onDrained called once: at once where nobody waits, else from the event loop
   */
  drain(onDrained: () => void): void
  /** Stops accepting in this thread for good. Connections that were accepted live on. */
  close(): void
}

/** How a thread performs byte streams. One conformance suite runs against every engine. */
export interface NetEngine {
  readonly name: 'node' | 'epoll'
  /**
   * Accepts in this thread on a listening descriptor that other threads may share. The engine
   * works on duplicates: closing here never closes the descriptor that was given, which must stay
   * open until then. Where there is no descriptor left for one, the listener is paused.
   *
   * @param onAccept gets each connection, reading, and must set `conn.handler` before returning.
   *   Its peer is known: a connection over IP whose peer the system does not tell is closed instead,
   *   since nobody could say whether it may come in
   * @param backlog length of the kernel's accept queue, which accepting sets anew on the shared
   *   socket; default: the most that the system grants
   */
  listen(
    fd: number,
    kind: Address['kind'],
    onAccept: (conn: Conn) => void,
    backlog?: number,
  ): Listener
  /** Opens a connection. Failure comes as `onClose` with its reason, never as a throw. */
  connect(address: Address, handler: ConnHandler): Conn
}
