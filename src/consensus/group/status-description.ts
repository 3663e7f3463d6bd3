import type { CoreStatus } from '../core/core-status.ts'
import type { EngineStatus, NodeStatus, Role } from '../engine-status.ts'
import type { Member, NodeId } from '../log/entries.ts'
import type { PeerAddress, PeerHello } from '../peers/transport.ts'
import type { NodeIdentity } from '../store/log-store.ts'
import { membersOf } from './admission.ts'

/** What a status is made of. */
export interface StatusParts {
  /** As operators know it. */
  readonly engine: string
  readonly identity: NodeIdentity
  /** The core's; null: the node belongs to no cluster. */
  readonly core: CoreStatus | null
  readonly hasQuorum: boolean
  /** Names of a node's address; the configured one comes before that of the membership. */
  readonly addressOf: (member: PeerAddress) => string
  /** As configured, for a node that belongs to no cluster. */
  readonly peers: readonly PeerAddress[]
  /** What the peers say that can be reached now, by name. */
  readonly hellos: ReadonlyMap<string, PeerHello>
  /** Why the node takes no part any more, or null. */
  readonly failure: string | null
  /** Why it waits, or is not talked to; empty: neither. */
  readonly note: string
}

/** Puts the status of an engine together. */
export function describeEngine(parts: StatusParts): EngineStatus {
  const { identity, core, failure } = parts
  const role = failure === null ? roleOf(parts) : 'outsider'
  return {
    engine: parts.engine,
    name: identity.name,
    id: identity.id,
    clusterId: identity.clusterId,
    role,
    epoch: core?.term ?? 0,
    leader: failure === null && core?.leader ? nameOf(core.leader) : null,
    hasQuorum: failure === null && parts.hasQuorum,
    commitIndex: core?.commitIndex ?? 0,
    appliedIndex: core?.appliedIndex ?? 0,
    lastIndex: core?.lastIndex ?? 0,
    firstIndex: core?.firstIndex ?? 1,
    nodes: core === null ? expectedNodes(parts) : memberNodes(parts, core),
    note: failure ?? (role === 'outsider' || !parts.hasQuorum ? parts.note : ''),
  }
}

/** The part of an id that operators use. */
export function nameOf(id: NodeId): string {
  return id.slice(0, id.lastIndexOf('/'))
}

/** Whether two statuses differ in what listeners are told of. */
export function isNews(before: EngineStatus, after: EngineStatus): boolean {
  const newsOf = ({ role, epoch, leader, hasQuorum, nodes, note, clusterId }: EngineStatus) =>
    JSON.stringify([
      ...[role, epoch, leader, hasQuorum, note, clusterId],
      ...nodes.map(({ id, name, address, membership, isReachable }) => [
        ...[id, name, address, membership, isReachable],
      ]),
    ])
  return newsOf(before) !== newsOf(after)
}

function roleOf({ core, identity, hasQuorum, note }: StatusParts): Role {
  if (core === null) return 'outsider'
  const isMember = membersOf(core.membership).some(({ id }) => id === identity.id)
  if (!isMember && core.role !== 'leader') return 'outsider'
  // It may have been removed while it was away, and so not know it from its own log.
  if (!hasQuorum && note !== '') return 'outsider'
  return core.role === 'pre-candidate' ? 'candidate' : core.role
}

function memberNodes(parts: StatusParts, core: CoreStatus): readonly NodeStatus[] {
  const { learners, invited } = core.membership
  const learnerIds = new Set(learners.map(({ id }) => id))
  const members = membersOf(core.membership).map((member): NodeStatus => {
    return {
      name: member.name,
      id: member.id,
      address: parts.addressOf(member),
      membership: learnerIds.has(member.id) ? 'learner' : 'voter',
      ...progressOf(member, core),
    }
  })
  const guests = invited.map((guest): NodeStatus => {
    const address = parts.addressOf(guest)
    return {
      name: guest.name,
      id: '',
      address,
      membership: 'invited',
      isReachable: null,
      matchIndex: null,
    }
  })
  return [...members, ...guests]
}

function progressOf(
  { id }: Member,
  core: CoreStatus,
): Pick<NodeStatus, 'isReachable' | 'matchIndex'> {
  if (id === core.id) return { isReachable: true, matchIndex: core.lastIndex }
  const peer = core.peers.find((other) => other.id === id)
  if (core.role !== 'leader' || peer === undefined) return { isReachable: null, matchIndex: null }
  return { isReachable: peer.isRecentlyActive, matchIndex: peer.matchIndex }
}

/** Whom a node without a cluster looks for. */
function expectedNodes({ identity, peers, hellos }: StatusParts): readonly NodeStatus[] {
  return peers.map(({ name, address }) => {
    const isSelf = name === identity.name
    return {
      name,
      id: isSelf ? identity.id : (hellos.get(name)?.id ?? ''),
      address,
      membership: 'invited',
      isReachable: isSelf || hellos.has(name),
      matchIndex: null,
    }
  })
}
