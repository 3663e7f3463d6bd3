const MIB = 2 ** 20

/** The bounds of a transport. Times are milliseconds. */
export interface PeerLimits {
  /** For the connection, TLS and the HTTP upgrade. */
  readonly dialTimeoutMs: number
  /** From a connection's beginning to the peer's admission. */
  readonly handshakeTimeoutMs: number
  /** Until it has asked for a WebSocket, over TLS where there is any: as long as a peer would try. */
  readonly silenceTimeoutMs: number
  /** Before the next try at a peer that cannot be reached: doubles from here, */
  readonly backoffMinMs: number
  /** up to here; half of each is drawn at random. */
  readonly backoffMaxMs: number
  /** Between two pings on a link. */
  readonly keepAliveMs: number
  /** Pings in a row without a sign of life after which a link is dead. */
  readonly keepAliveMissesMax: number
  /** For the closing handshake of a connection, and for what is to be sent before it. */
  readonly closeTimeoutMs: number
  /** Bytes that wait on one link: what is sent beyond is dropped. */
  readonly sendBufferBytesMax: number
  /** Bytes of one frame; longer ones are dropped, and such of a peer close its link. */
  readonly frameBytesMax: number
  /** Connections that have been accepted and are not admitted yet, from addresses of no member. */
  readonly handshakesMax: number
  /** Of these, from one address: nobody can keep out all others. */
  readonly handshakesPerAddressMax: number
  /** Such connections from addresses at which members are known to be, beside the others. */
  readonly memberHandshakesMax: number
  /** Of these, from one address. */
  readonly memberHandshakesPerAddressMax: number
  /** Links that peers have opened. */
  readonly acceptedLinksMax: number
  /** Byte streams with one peer, by each side. */
  readonly streamsPerPeerMax: number
}

/**
 * Links that say nothing for two seconds are given up: a leader's silence is noticed by election
 * timeouts long before, this is so that a link comes back when a cable does. A frame has room for a
 * config of some megabytes.
 */
export const DEFAULT_PEER_LIMITS: PeerLimits = {
  dialTimeoutMs: 2000,
  handshakeTimeoutMs: 5000,
  silenceTimeoutMs: 2000,
  backoffMinMs: 50,
  backoffMaxMs: 2000,
  keepAliveMs: 500,
  keepAliveMissesMax: 4,
  closeTimeoutMs: 500,
  sendBufferBytesMax: 32 * MIB,
  frameBytesMax: 16 * MIB,
  handshakesMax: 64,
  handshakesPerAddressMax: 16,
  memberHandshakesMax: 64,
  memberHandshakesPerAddressMax: 32,
  acceptedLinksMax: 128,
  streamsPerPeerMax: 64,
}
