import { type Family, gauge, type Labels } from './metric-families.ts'

/** One node of the cluster, as a leader sees it. */
export interface NodeFacts {
  readonly name: string
  readonly membership: 'voter' | 'learner' | 'invited'
  /** Last index known to be in its log; null where nobody knows. */
  readonly matchIndex: number | null
}

/** The links to the peers. */
export interface LinkFacts {
  readonly links: number
  readonly framesIn: number
  readonly framesOut: number
  readonly framesDropped: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Connections that this node refused or ended, by reason. */
  readonly refused: Readonly<Record<string, number>>
  /** The same by peers, as they say. */
  readonly refusedByPeers: Readonly<Record<string, number>>
}

/** This node's part in the cluster. */
export interface ClusterFacts {
  readonly role: string
  readonly epoch: number
  readonly hasQuorum: boolean
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  readonly firstIndex: number
  /** In which the cluster agrees. */
  readonly format: number
  /** The newest that this node knows. */
  readonly formatMax: number
  /** What this node raises alarms for. */
  readonly alarms: readonly { readonly code: string; readonly node: string }[]
  readonly nodes: readonly NodeFacts[]
  readonly links: LinkFacts
}

/** The cluster, for its families. */
export interface ClusterSubject extends ClusterFacts {
  readonly labels: Labels
}

const MEMBERSHIPS = ['voter', 'learner', 'invited'] as const

/** Families of a node that is in a cluster. HAProxy has nothing like it. */
export const CLUSTER_FAMILIES: readonly Family<ClusterSubject>[] = [
  gauge('cluster_leader', '1 on the node that leads.', (it) => Number(it.role === 'leader')),
  gauge('cluster_has_quorum', '1 while changes can be agreed on.', (it) => Number(it.hasQuorum)),
  gauge('cluster_epoch', 'Grows with every election.', (it) => it.epoch),
  gauge('cluster_commit_index', 'Last entry known to be agreed on.', (it) => it.commitIndex),
  gauge('cluster_applied_index', 'Last entry that this node acts by.', (it) => it.appliedIndex),
  gauge('cluster_log_entries', 'Entries kept beside the snapshot.', (it) =>
    Math.max(0, it.lastIndex - it.firstIndex + 1),
  ),
  gauge('cluster_format', 'Format in which the cluster agrees.', (it) => it.format),
  gauge('cluster_format_max', 'Newest format that this node knows.', (it) => it.formatMax),
  gauge('cluster_alarm', '1 for each alarm that this node raises.', ({ alarms }) =>
    alarms.map(({ code, node }) => ({ labels: { code, node }, value: 1 })),
  ),
  gauge('cluster_nodes', 'Nodes by membership.', ({ nodes }) =>
    MEMBERSHIPS.map((membership) => ({
      labels: { membership },
      value: nodes.filter((node) => node.membership === membership).length,
    })),
  ),
  gauge('cluster_node_lag_entries', 'Entries that a node lacks, on the leader.', (it) =>
    it.role !== 'leader'
      ? []
      : it.nodes.flatMap(({ name, matchIndex }) =>
          matchIndex === null
            ? []
            : { labels: { node: name }, value: Math.max(0, it.lastIndex - matchIndex) },
        ),
  ),
  gauge('cluster_peer_links', 'Links that this node has to peers.', ({ links }) => links.links),
  inAndOut('cluster_peer_frames_total', 'Frames on links.', ({ links }) => [
    links.framesIn,
    links.framesOut,
  ]),
  inAndOut('cluster_peer_bytes_total', 'Bytes on links.', ({ links }) => [
    links.bytesIn,
    links.bytesOut,
  ]),
  {
    name: 'cluster_peer_frames_dropped_total',
    type: 'counter',
    help: 'Frames that were not sent: no link, or its buffer was full.',
    read: ({ links }) => links.framesDropped,
  },
  {
    name: 'cluster_peer_refusals_total',
    type: 'counter',
    help: 'Connections between peers that were refused, by whom and why.',
    read: ({ links }) => [
      ...refusals('this', links.refused),
      ...refusals('peer', links.refusedByPeers),
    ],
  },
]

function inAndOut(
  name: string,
  help: string,
  read: (subject: ClusterSubject) => readonly [number, number],
): Family<ClusterSubject> {
  return {
    name,
    type: 'counter',
    help,
    read: (subject) => {
      const [received, sent] = read(subject)
      return [
        { labels: { direction: 'in' }, value: received },
        { labels: { direction: 'out' }, value: sent },
      ]
    },
  }
}

function refusals(
  by: string,
  counts: Readonly<Record<string, number>>,
): { readonly labels: Labels; readonly value: number }[] {
  return Object.entries(counts).map(([reason, value]) => ({ labels: { by, reason }, value }))
}
