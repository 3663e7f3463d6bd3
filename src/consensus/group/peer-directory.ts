import type { Membership, NodeId } from '../log/entries.ts'
import type { Refusal } from '../peers/refusals.ts'
import type { PeerAddress, PeerHello } from '../peers/transport.ts'
import { membersOf } from './admission.ts'

/** What a node knows of its peers beside the membership. */
export class PeerDirectory {
  readonly #selfName: string
  /** As configured. */
  readonly peers: readonly PeerAddress[]
  /** What each peer said last, by its name. */
  readonly #hellos = new Map<string, PeerHello>()
  /** What peers have against this node, by their names. */
  readonly #objections = new Map<string, string>()

  constructor(selfName: string, peers: readonly PeerAddress[]) {
    this.#selfName = selfName
    this.peers = peers
  }

  /** Why peers do not talk to this node; empty: none refuses to. */
  get objection(): string {
    return [...this.#objections].map(([name, message]) => `${name}: ${message}`).join('; ')
  }

  /** A peer that is admitted has introduced itself. */
  heard(hello: PeerHello): void {
    this.#hellos.set(hello.name, hello)
  }

  /** A peer talks to this node. */
  opened(hello: PeerHello): void {
    this.heard(hello)
    this.#objections.delete(hello.name)
  }

  /** A link did not come about. */
  refused({ isOurs, reason, name, message }: Refusal): void {
    const isAboutUs = reason === 'not-admitted' || reason === 'twin'
    if (!isOurs && isAboutUs && name !== null) this.#objections.set(name, message)
  }

  /** What the peers say that can be reached now, by their names. */
  reachable(isConnected: (id: NodeId) => boolean): ReadonlyMap<string, PeerHello> {
    return new Map([...this.#hellos].filter(([, { id }]) => isConnected(id)))
  }

  /**
   * The address of a node. What this node's own config says of a name rules over what the cluster
   * was once told, so that a node can move without leaving.
   */
  addressOf({ name, address }: PeerAddress): string {
    return this.peers.find((peer) => peer.name === name)?.address ?? address
  }

  /**
   * Whom to call, and forgets all others: the configured peers while this node belongs to no
   * cluster, its members and those who are invited once it does.
   */
  toCall(membership: Membership | null): readonly PeerAddress[] {
    const nodes = membership === null ? this.peers : namedIn(membership)
    const called = nodes
      .filter(({ name }) => name !== this.#selfName)
      .map((node) => ({ name: node.name, address: this.addressOf(node) }))
    const names = new Set(called.map(({ name }) => name))
    for (const known of [this.#hellos, this.#objections]) {
      for (const name of [...known.keys()]) if (!names.has(name)) known.delete(name)
    }
    return called
  }
}

function namedIn(membership: Membership): readonly PeerAddress[] {
  return [...membersOf(membership), ...membership.invited]
}
