import type { Duplex } from 'node:stream'
import { SluiceError } from '../../base/errors.ts'
import type { Member, NodeId } from '../log/entries.ts'

/** Where a peer is looked for. */
export type PeerAddress = Pick<Member, 'name' | 'address'>

/** What a node says of itself to a peer, after both have proved that they belong together. */
export interface PeerHello {
  readonly name: string
  readonly id: NodeId
  /** Null: it belongs to no cluster yet. */
  readonly clusterId: string | null
  /** The ids of the members as it knows them; while it has no cluster, its own alone. */
  readonly memberIds: readonly NodeId[]
}

/** What a frame on a link is for. */
export type Channel = 'consensus' | 'request' | 'reply'

/** What a transport tells. */
export interface PeerEvents {
  /**
   * A peer has introduced itself, on a link that it has opened or that this node has.
   *
   * @returns null to go on; otherwise why it is refused, which it is told
   */
  admit(hello: PeerHello): string | null
  /** A link to the peer is open: what is sent to it may arrive. */
  onOpen(hello: PeerHello): void
  /** It is open no more: what was sent on it last may not have arrived. */
  onClose(hello: PeerHello): void
  /**
   * @param data the receiver's to keep
   * @throws SluiceError `encoding-invalid`: the peer speaks garbage; its link is closed, and counted
   */
  onMessage(from: NodeId, channel: Channel, data: Uint8Array): void
  /**
   * A peer has opened a byte stream, over which it forwards admin requests. Whoever takes it listens
   * for its `error` before returning.
   */
  onStream(from: NodeId, stream: Duplex): void
}

/**
 * Links to the peers. Nothing is promised: frames may be lost, never altered, and those that arrive
 * over one link arrive in order.
 */
export interface PeerTransport {
  /**
   * @returns the bound address, `HOST:PORT`
   * @throws SluiceError `address-in-use`, `bind-failed`
   */
  listen(): Promise<string>
  /** Keeps links to these peers, and closes those to any other. This node's own name is left out. */
  setPeers(peers: readonly PeerAddress[]): void
  /** What this node says of itself from now on; peers that have heard otherwise are told anew. */
  setHello(hello: PeerHello): void
  /**
   * @param data not to be changed before the turn of the event loop has ended
   * @returns false where the frame was dropped: no link is open, its buffer is full, or the frame is
   *   longer than any may be
   */
  send(to: NodeId, channel: Channel, data: Uint8Array): boolean
  /** Sends at once what would otherwise go out at the end of this turn of the event loop. */
  flush(): void
  isConnected(to: NodeId): boolean
  /**
   * Opens a byte stream to a peer.
   *
   * @throws SluiceError `peer-unreachable`
   */
  openStream(to: NodeId): Promise<Duplex>
  close(): Promise<void>
}

/** @returns the error of whoever wants something of a peer that cannot be had now */
export function unreachable(peer: string, why: string): SluiceError {
  return new SluiceError('peer-unreachable', `${peer}: ${why}`)
}
