import type { Duplex } from 'node:stream'
import type { RemovalOptions } from '../consensus/members.ts'
import type { AdminState } from '../model/admin-state.ts'
import type { Alarm } from './alarms.ts'
import type { AgreedBackend } from './state-machine/commands.ts'
import type {
  AgreedHealth,
  ClusterState,
  ConfigVersion,
  HealthChange,
  PoolEntry,
} from './state-machine/state.ts'

/** What a node found in a config text that is valid for it. */
export interface ValidText {
  /** `backend/server` of every server, in the order of the text. */
  readonly servers: readonly string[]
  readonly backends: readonly AgreedBackend[]
  /** Equal for texts whose `defaults`, `frontends` and `backends` say the same. */
  readonly digest: () => Promise<string>
  /** Rendered, for the operator; empty where there are none. */
  readonly warnings: string
}

/** What the config that a node runs says of a server. */
export interface ConfiguredServer {
  readonly state: AdminState
  /** 0-256. */
  readonly weight: number
  /** As `formatAddress` gives it. */
  readonly address: string
}

/** What the daemon does for its cluster node. The supervisor has it. */
export interface ClusterHost {
  /**
   * Reads a text as this node would run it.
   *
   * @throws SluiceError `config-invalid`, its message the rendered diagnostics; `reading-failed`
   */
  validate(text: string): Promise<ValidText>
  /**
   * Makes sure that this node can run a text: what {@link validate} does, then files readable, hosts
   * resolved, addresses bound. What was bound is kept for `keepMs`, so that the activation that
   * follows cannot fail for it; one preparation at a time, a later one gives up the earlier.
   *
   * @throws SluiceError why it cannot
   */
  prepare(text: string, keepMs: number): Promise<void>
  /**
   * Runs a version with a pool. The calls are made one after the other.
   *
   * @throws SluiceError why it cannot; what ran goes on
   */
  activate(version: ConfigVersion, pool: readonly PoolEntry[]): Promise<void>
  /**
   * What the text that runs says of a server, whatever was set of it at run time; null: the text
   * does not name it.
   */
  configured(backend: string, server: string): ConfiguredServer | null
  /**
   * The verdicts of the cluster, where they have changed, or `null`: there is no quorum, and this
   * node goes by its own checks until it is told verdicts again (then all of them). So it begins.
   */
  follow(verdicts: readonly HealthChange[] | null): void
  /** Which servers this node has to check: all, or those for which it is a watcher. */
  watch(isWatched: (key: string) => boolean): void
  /** A peer asks over this stream for a client, whom it has authenticated. */
  serve(stream: Duplex): void
  /**
   * A peer forwards a change, whose caller it has authenticated.
   *
   * @returns the answer, for that peer
   * @throws SluiceError `overloaded`, `request-invalid`: nothing was done
   */
  change(change: Uint8Array): Promise<Uint8Array>
}

/** A config to be applied. */
export interface ApplyRequest {
  readonly text: string
  /** Refused unless this version is active; null: whichever is. */
  readonly ifVersion: number | null
  readonly comment: string
  /** Who asks, as far as is known: `lb1, admin API`. */
  readonly author: string
  /** Goes back by itself unless confirmed within this time, 1000 at least; null: it stays. */
  readonly confirmMs: number | null
}

/** What came of an application, or of a rollback. */
export interface ApplyOutcome {
  readonly version: number
  /** False: the text was active already, and nothing was done. */
  readonly isChanged: boolean
  readonly warnings: string
  /** `prepared`: it runs it; `unreachable`: it will when it is back. */
  readonly nodes: readonly { readonly name: string; readonly result: 'prepared' | 'unreachable' }[]
}

/**
 * A change of one server at run time. What is set to what the active config says is no longer set:
 * the config rules again.
 */
export interface ServerSetting {
  readonly state?: AdminState
  /** 0-256. */
  readonly weight?: number
  readonly address?: string
}

/** One node of the cluster, as operators see it. */
export interface ClusterNodeStatus {
  readonly name: string
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
  readonly isReachable: boolean
  /** What it says of itself; null where it does not answer. */
  readonly epoch: number | null
  readonly appliedIndex: number | null
  /** Entries that it has yet to apply, by the leader's log. */
  readonly lagEntries: number | null
  readonly configVersion: number | null
  /** The oldest and the newest format that it knows. */
  readonly formatMin: number | null
  readonly formatMax: number | null
  /** SHA-256 of the text that it runs, hexadecimal. */
  readonly configHash: string | null
  /** SHA-256 of all that it has applied: equal at equal `appliedIndex`. */
  readonly stateHash: string | null
  readonly uptimeSeconds: number | null
  /** What is wrong with it: a config that it cannot run, why it is an outsider; empty: nothing. */
  readonly note: string
}

/** The cluster, as the asked node sees it. */
export interface ClusterStatus {
  readonly engine: string
  readonly clusterId: string | null
  readonly node: string
  readonly leader: string | null
  readonly epoch: number
  readonly hasQuorum: boolean
  /** Names of the voters that the asked node does not reach; before the founding, of the peers. */
  readonly missing: readonly string[]
  /** The active version; 0 while there is none. */
  readonly configVersion: number
  /** In which the cluster agrees. */
  readonly format: number
  /** Of all nodes that answer, those of the asked one first; one of a code about a node. */
  readonly alarms: readonly Alarm[]
  readonly nodes: readonly ClusterNodeStatus[]
}

/**
 * What all nodes agree on, as one of them sees and changes it. A single node is a cluster of one
 * that keeps its state in memory. Errors are those of the engine, and what is said at each method.
 */
export interface Cluster {
  /** False: a single node without a `cluster` section. */
  readonly isReplicated: boolean
  /** As this node has applied it; after {@link read}, as it was acknowledged anywhere. */
  state(): ClusterState
  health(key: string): AgreedHealth | undefined
  read(): Promise<void>
  /** Of the last command that this node has applied. */
  appliedIndex(): number
  /** Resolves when this node has applied as much, or cannot say, or takes too long. */
  untilApplied(index: number): Promise<void>
  /** Name of the leader where it is another node, which changes must be forwarded to; else null. */
  leaderElsewhere(): string | null
  /**
   * Has the leader make a change.
   *
   * @param change for {@link ClusterHost.change} of that node
   * @returns what that gave
   * @throws SluiceError `peer-unreachable`, `overloaded`: it was not told; `outcome-unknown`: it may
   *   have been; `peer-refused`: it knows no such thing, and has done nothing
   */
  forward(node: string, change: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  openStream(node: string): Promise<Duplex>
  /** @throws SluiceError `config-invalid`, `config-conflict`, `cluster-unprepared`, `confirmation-pending` */
  applyConfig(request: ApplyRequest): Promise<ApplyOutcome>
  /** @throws SluiceError `confirmation-unknown` */
  confirmConfig(version: number | null): Promise<number>
  /**
   * Applies the text of an earlier version as a new one.
   *
   * @param version null: the one before the active one
   * @throws SluiceError `config-version-unknown`, and as {@link applyConfig}
   */
  rollbackConfig(version: number | null, author: string): Promise<ApplyOutcome>
  /** @throws SluiceError `backend-unknown`, `server-exists`, `pool-full`, `change-invalid` */
  addServer(
    backend: string,
    server: string,
    address: string,
    weight: number | null,
    author: string,
  ): Promise<void>
  /** @throws SluiceError `server-unknown`, `change-invalid` */
  setServer(backend: string, server: string, setting: ServerSetting, author: string): Promise<void>
  /** @throws SluiceError `server-unknown`, `server-configured` */
  removeServer(backend: string, server: string, author: string): Promise<void>
  /** This node's own verdict on a server has changed; null: it no longer checks it. */
  report(key: string, isUp: boolean | null, reason: string): void
  status(): Promise<ClusterStatus>
  /**
   * All that is agreed on, as `decodeBackup` reads it.
   *
   * @param isStale true: as this node knows it, which needs no quorum; false: with all that any node
   *   had acknowledged before
   * @throws SluiceError `no-quorum`, also where this node has learnt nothing since its start
   */
  backUp(isStale: boolean): Promise<Uint8Array>
  /** @throws SluiceError `cluster-absent`, `member-exists` */
  addNode(name: string, address: string): Promise<void>
  /**
   * @param options forced: also where the voters that are left have no majority that answers
   * @throws SluiceError `cluster-absent`, `member-unknown`, `member-last`, `quorum-at-risk`
   */
  removeNode(name: string, options: RemovalOptions): Promise<void>
  /** @throws SluiceError `cluster-absent`, `member-unknown`, `transfer-failed` */
  transfer(name: string): Promise<void>
  stop(): Promise<void>
}
