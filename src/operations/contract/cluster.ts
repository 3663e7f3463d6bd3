/** One node of the cluster. What it says of itself is null where it does not answer. */
export interface ClusterNodeReport {
  readonly name: string
  /** Of its peer links. */
  readonly address: string
  readonly role:
    | 'leader'
    | 'candidate'
    | 'follower'
    | 'learner'
    | 'outsider'
    | 'invited'
    | 'unknown'
  /** Whether the asked node reaches it. */
  readonly reachable: boolean
  readonly epoch: number | null
  readonly appliedIndex: number | null
  /** Entries that it has yet to apply. */
  readonly lagEntries: number | null
  readonly configVersion: number | null
  /** The oldest and the newest format of what is agreed on that it knows. */
  readonly formatMin: number | null
  readonly formatMax: number | null
  /** SHA-256 of the text that it runs, hexadecimal. */
  readonly configHash: string | null
  /** SHA-256 of all that it has applied: equal at equal `appliedIndex`. */
  readonly stateHash: string | null
  readonly uptimeSeconds: number | null
  /** What is wrong with it; '' for nothing. */
  readonly note: string
}

/** The cluster, as the asked node sees it. */
export interface ClusterReport {
  readonly engine: string
  /** Null while the node belongs to none. */
  readonly clusterId: string | null
  /** Name of the asked node. */
  readonly node: string
  /** Name; null while there is none. */
  readonly leader: string | null
  /** A term or a ballot. */
  readonly epoch: number
  readonly hasQuorum: boolean
  /** Names of the voters that the asked node does not reach; before the founding, of the peers. */
  readonly missing: readonly string[]
  /** The active version; 0 while there is none. */
  readonly configVersion: number
  /** In which the cluster agrees: the newest that all of its nodes knew together. */
  readonly format: number
  /** What somebody has to see to, as far as the asked node hears of it. */
  readonly alarms: readonly AlarmReport[]
  readonly nodes: readonly ClusterNodeReport[]
}

/** Something that somebody has to see to. */
export interface AlarmReport {
  readonly code:
    | 'data-lost'
    | 'data-dir-failed'
    | 'node-failed'
    | 'state-newer'
    | 'state-corrupt'
    | 'no-quorum'
    | 'quorum-at-risk'
  /** Name of the node that it is about. */
  readonly node: string
  /** ISO 8601. */
  readonly since: string
  /** What has happened. */
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}

/** A node that is let into the cluster. */
export interface Member {
  readonly name: string
  /** `HOST:PORT` of its peer links. */
  readonly address: string
}

/** A node that is taken out of the cluster. */
export interface Removal {
  readonly name: string
  /** Also where the voters that are left have no majority that answers. */
  readonly isForced: boolean
}

/** A hand-over of the leadership. */
export interface Transfer {
  /** Name of the node that is to lead. */
  readonly node: string
}

/** The first line of a backup: where it comes from. */
export interface BackupReport {
  readonly format: number
  /** Null: of a single node. */
  readonly clusterId: string | null
  /** Name of the node whose state it is. */
  readonly node: string
  /** When it was made, ISO 8601. */
  readonly time: string
  readonly epoch: number
  /** Up to which everything that was agreed on is in it. */
  readonly index: number
  /** It has all that any node had acknowledged before; otherwise what the node knew. */
  readonly linearizable: boolean
}
