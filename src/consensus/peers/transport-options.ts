import type { Server } from 'node:net'
import type { PeerLimits } from './peer-limits.ts'
import type { Refusal } from './refusals.ts'
import type { PeerHello } from './transport.ts'

/** Certificates for mutual TLS, PEM. */
export interface PeerTls {
  /** Of the authority that signed the certificates of all nodes, and of nobody else. */
  readonly ca: string
  /** In the name of this node: DNS name of the subject's alternative names, or common name. */
  readonly crt: string
  readonly key: string
}

/** Says when servers accept: while the process has a descriptor left for who comes. */
export interface AcceptControl {
  /**
   * Takes charge of a server that listens.
   *
   * @throws SluiceError `descriptors-exhausted`
   */
  add(server: Server): void
  /** Lets go of a server that is about to be closed. Idempotent. */
  remove(server: Server): void
}

/** What a transport of WebSockets is made with. */
export interface PeerTransportOptions {
  /** `HOST:PORT`; no host, or `*`: all addresses. Port 0: one that the system chooses. */
  readonly bind: string
  /** What this node says of itself at first. */
  readonly hello: PeerHello
  /** 32 bytes at least, the same on all nodes; null: certificates say who a peer is. */
  readonly secret: Uint8Array | null
  /** Null where there is a secret: a connection has one of them. */
  readonly tls: PeerTls | null
  /** Neither a secret nor TLS, whoever reaches the address is believed: for loopback alone. */
  readonly isOpenAllowed: boolean
  readonly limits: PeerLimits
  /** Of the process; what accepts connections of peers is handed to it. */
  readonly accepts: AcceptControl
  /** Uniform in [0, 1); for the times between tries. */
  readonly random: () => number
  /** Told of every refusal, of either side; whoever logs them limits their rate. */
  readonly onRefused: (refusal: Refusal) => void
}
