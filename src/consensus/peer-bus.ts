import type { Duplex } from 'node:stream'

/** Questions and streams to the other nodes, over the links that agreement has anyway. */
export interface PeerBus {
  /**
   * Asks a node.
   *
   * @param name of the node; this one may be asked as well
   * @returns what its {@link PeerBusEvents.onQuestion} gave
   * @throws SluiceError `peer-unreachable`: it was not told; `outcome-unknown`: it may have been, and
   *   has not answered in time or before its link broke; `overloaded`: it has no room for more
   *   now; `peer-refused` with the peer's message; `engine-stopped`
   */
  ask(name: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  /** Opens a stream of bytes to a node. @throws SluiceError `peer-unreachable` */
  openStream(name: string): Promise<Duplex>
}

/** What comes from the other nodes. */
export interface PeerBusEvents {
  /** A node asks something of this one. @returns the answer; a throw is told as a refusal */
  onQuestion(from: string, kind: string, body: Uint8Array): Promise<Uint8Array>
  /** A node forwards admin requests over this stream. */
  onStream(from: string, stream: Duplex): void
}
