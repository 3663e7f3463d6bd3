import type { Duplex } from 'node:stream'

/** What the engine agrees on is applied to this, on every node in the same order. */
export interface StateMachine {
  /**
   * Applies a command. Deterministic: the same commands in the same order give the same state and
   * the same results on every node.
   *
   * @param index grows; not every index has a command
   * @returns what the proposer is given
   * @throws SluiceError `state-newer`: this node cannot go on, and takes no further part
   */
  apply(index: number, command: Uint8Array): unknown
  /** All of the state; equal states give equal bytes. */
  snapshot(): Uint8Array
  /** Becomes what {@link snapshot} gave, here or on another node. Empty bytes: the state at start. */
  restore(data: Uint8Array): void
}

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

/** What an engine tells of itself. */
export interface EngineEvents {
  /** Role, epoch, leader, quorum or members have changed. */
  onStatus(status: EngineStatus): void
  /**
   * The node cannot go on as a member: its disk has failed, or what it holds is damaged. It has
   * acknowledged nothing that it may lose, and takes no further part.
   */
  onFatal(error: Error): void
  /** A peer asks something of this node. @returns the answer; a throw is told as a refusal */
  onRequest(from: string, kind: string, body: Uint8Array): Promise<Uint8Array>
  /** A peer forwards admin requests over this stream. */
  onStream(from: string, stream: Duplex): void
}

/**
 * Agreement on a sequence of commands. Errors, all `SluiceError`: `no-quorum` (nothing was
 * proposed), `outcome-unknown` (proposed, and nobody knows yet whether it will hold),
 * `proposal-dropped` (it did not hold, again and again), `overloaded`, `engine-stopped`.
 */
export interface ConsensusEngine {
  status(): EngineStatus
  /** The leader of {@link status}, for less. */
  leader(): string | null
  /**
   * Has a command agreed on; any node may ask.
   *
   * @returns what the state machine of this node returned for it
   */
  propose(command: Uint8Array): Promise<unknown>
  /** Resolves when the state machine of this node has everything that any node had acknowledged before the call. */
  read(): Promise<void>
  /**
   * Lets a node of this name join: as a learner once it appears, as a voter once it has caught up.
   *
   * @throws SluiceError also `member-exists`
   */
  addNode(name: string, address: string): Promise<void>
  /** @throws SluiceError also `member-unknown`, `member-last` */
  removeNode(name: string): Promise<void>
  /** Hands leadership over. @throws SluiceError also `member-unknown`, `transfer-failed` */
  transfer(name: string): Promise<void>
  /**
   * Asks a peer.
   *
   * @param name of the node
   * @throws SluiceError `peer-unreachable`, `peer-refused` with the peer's message
   */
  request(name: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  /** @throws SluiceError `peer-unreachable` */
  openStream(name: string): Promise<Duplex>
  /** Ends after what is being written. A leader hands over first where it can. */
  stop(): Promise<void>
}
