/** What a node is to its cluster. `outsider`: it has no cluster yet, or has been removed from it. */
export type Role = 'leader' | 'candidate' | 'follower' | 'learner' | 'outsider'

/** One node of the cluster, as this node knows it. */
export interface NodeStatus {
  readonly name: string
  /** Unique over all time; `NAME/...`. Empty for a node that is invited and has not appeared. */
  readonly id: string
  /** `HOST:PORT` of its peer links. */
  readonly address: string
  readonly membership: 'voter' | 'learner' | 'invited'
  /** Whether it has answered lately; known to a leader, and of itself to each node, else null. */
  readonly isReachable: boolean | null
  /** Last index known to be in its log; as `isReachable`. */
  readonly matchIndex: number | null
}

/** The engine at one moment. */
export interface EngineStatus {
  readonly engine: string
  readonly name: string
  readonly id: string
  readonly clusterId: string | null
  readonly role: Role
  /** A term or a ballot; grows. */
  readonly epoch: number
  /** Name of the leader, where one is known. */
  readonly leader: string | null
  /** A leader is known and has been heard of within an election timeout; or is this node. */
  readonly hasQuorum: boolean
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  /** First index of the log that is still kept. */
  readonly firstIndex: number
  readonly nodes: readonly NodeStatus[]
  /** Why the node is an outsider, or why it waits; empty otherwise. */
  readonly note: string
}
