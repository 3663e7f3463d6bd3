import { createHash } from 'node:crypto'
import { ByteReader } from '../encoding/byte-reader.ts'
import { ByteWriter } from '../encoding/byte-writer.ts'
import type { Member, Membership, NodeId, Snapshot } from '../log/entries.ts'
import { readMembership, writeMembership } from '../log/entry-encoding.ts'
import type { PeerAddress, PeerHello } from '../peers/transport.ts'

const CLUSTER_ID_BYTES_MAX = 128

/** What a node that belongs to no cluster knows. */
export interface BirthView {
  readonly self: Member
  /** As configured; this node may be among them. */
  readonly peers: readonly PeerAddress[]
  /** What each peer says, by its name; of those alone that can be reached now. */
  readonly hellos: ReadonlyMap<string, PeerHello>
}

/** What is to be done about a node that belongs to no cluster. */
export type BirthDecision =
  /** It founds one, together with all others, who decide the same. */
  | { readonly kind: 'found'; readonly clusterId: string; readonly snapshot: Snapshot }
  /** A cluster has it as a member: this node tells what to begin with. */
  | { readonly kind: 'join'; readonly through: NodeId }
  | { readonly kind: 'wait'; readonly note: string }

/**
 * Decides how a node becomes a member. It has said nothing under its id yet that anybody counts, so
 * it may begin at the beginning wherever a cluster has this very id. It founds a cluster only where
 * all that are configured are there and none has one: were a majority enough, a node that lost its
 * data could be counted twice, once for what it had promised and once for what it promises anew.
 */
export function decideBirth({ self, peers, hellos }: BirthView): BirthDecision {
  const others = peers.filter(({ name }) => name !== self.name)
  const born = [...hellos.values()].filter(({ clusterId }) => clusterId !== null)
  const host = born.find(({ memberIds }) => memberIds.includes(self.id))
  if (host !== undefined) return { kind: 'join', through: host.id }
  const [stranger] = born
  if (stranger !== undefined) {
    const note = `${stranger.name} has a cluster that ${self.id} is no member of: it waits until it is made one`
    return { kind: 'wait', note }
  }
  const missing = others.filter(({ name }) => !hellos.has(name)).map(({ name }) => name)
  if (missing.length > 0) {
    return { kind: 'wait', note: `waits for ${missing.join(', ')} to found a cluster together` }
  }
  const members = others.map((peer): Member => {
    return { ...peer, id: hellos.get(peer.name)?.id ?? '' }
  })
  const voters = [self, ...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  return {
    kind: 'found',
    clusterId: clusterIdOf(voters.map(({ id }) => id)),
    snapshot: firstSnapshot({ voters, outgoing: [], learners: [], invited: [] }),
  }
}

/** The same on all nodes that found a cluster; another for any other nodes. */
export function clusterIdOf(ids: readonly NodeId[]): string {
  return createHash('sha256')
    .update([...ids].sort().join('\n'))
    .digest('hex')
    .slice(0, 32)
}

/** What a node begins with: nothing has happened yet. */
export function firstSnapshot(membership: Membership): Snapshot {
  return { index: 0, term: 0, membership, data: new Uint8Array() }
}

/** What a member tells a node that the cluster has made one. */
export interface BirthCertificate {
  readonly clusterId: string
  /** Agreed on, so that no majority can be found that knows less of the members. */
  readonly membership: Membership
}

/** What {@link decodeBirth} reads. */
export function encodeBirth({ clusterId, membership }: BirthCertificate): Uint8Array {
  const writer = new ByteWriter(512)
  writer.text(clusterId)
  writeMembership(writer, membership)
  return writer.finish()
}

/** @throws SluiceError `encoding-invalid` */
export function decodeBirth(bytes: Uint8Array): BirthCertificate {
  const reader = new ByteReader(bytes)
  const clusterId = reader.text(CLUSTER_ID_BYTES_MAX)
  const membership = readMembership(reader)
  reader.end()
  return { clusterId, membership }
}
