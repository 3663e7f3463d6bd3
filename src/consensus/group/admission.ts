import type { Member, Membership, NodeId } from '../log/entries.ts'
import type { PeerAddress, PeerHello } from '../peers/transport.ts'

/** What a node knows that has to say whether it talks to a peer. */
export interface AdmissionView {
  readonly selfId: NodeId
  /** Null: it belongs to no cluster. */
  readonly clusterId: string | null
  /** As it stands in its log; null: it belongs to no cluster. */
  readonly membership: Membership | null
  /** A leader is heard: what this node knows of the members is not old. */
  readonly hasQuorum: boolean
  /** As configured. */
  readonly peers: readonly PeerAddress[]
}

/**
 * Whether a peer, which has proved that it knows the secret, is talked to.
 *
 * A node that is no member is refused by those that know so, and told so. One that is behind cannot
 * tell a node that was removed from one that was added since it heard of a leader; it talks to both,
 * for the second may be the leader that it waits for.
 *
 * @returns null to go on; otherwise why not
 */
export function objectionTo(hello: PeerHello, view: AdmissionView): string | null {
  const { name, id, clusterId, memberIds } = hello
  const { selfId, membership } = view
  if (clusterId !== null && view.clusterId !== null && clusterId !== view.clusterId) {
    return `${id} belongs to another cluster (${clusterId}) than ${selfId} (${view.clusterId})`
  }
  if (membership === null) {
    const isPeer = view.peers.some((peer) => peer.name === name)
    return isPeer || memberIds.includes(selfId) ? null : `${name} is no peer of ${selfId}`
  }
  const isExpected = [...membersOf(membership), ...membership.invited].some(
    (member) => member.name === name,
  )
  if (isExpected) return null
  if (clusterId !== null && !view.hasQuorum && memberIds.includes(selfId)) return null
  return clusterId === null
    ? `${name} is no member of the cluster; it can be added to it`
    : `${id} is no member of the cluster any more`
}

/** All members, each once; those on their way out too. */
export function membersOf({ voters, outgoing, learners }: Membership): readonly Member[] {
  const byId = new Map([...outgoing, ...voters, ...learners].map((member) => [member.id, member]))
  return [...byId.values()]
}
