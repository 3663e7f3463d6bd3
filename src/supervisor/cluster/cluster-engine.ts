import { randomBytes } from 'node:crypto'
import { ClusterNode } from '../../cluster/cluster-node.ts'
import { SYSTEM_TIMERS } from '../../cluster/duties/node-timers.ts'
import type { Seed } from '../../cluster/own-file.ts'
import type { StateMachine } from '../../consensus/agreement.ts'
import type { Engine, EngineEvents } from '../../consensus/engine.ts'
import { GroupEngine } from '../../consensus/group/group-engine.ts'
import { nodeScheduler } from '../../consensus/group/node-scheduler.ts'
import { raftProtocol } from '../../consensus/raft/raft-protocol.ts'
import { SoloEngine } from '../../consensus/solo/solo-engine.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { NodeHost } from './cluster-host.ts'
import type { PeerLinks } from './peer-links.ts'

/** What a single node is called. */
const SINGLE = 'local'

/** Drawn at random, so that no two are the same. */
const ID_BYTES = 8

/** What a cluster node is started with. */
export interface ClusterStart {
  /** Null: a single node. */
  readonly config: ClusterConfig | null
  readonly seed: Seed
  readonly host: NodeHost
  readonly log: DaemonLog
}

/** The name by which a node is known in the history and to its peers. */
export function nodeNameOf(config: ClusterConfig | null): string {
  return config?.node ?? SINGLE
}

/**
 * Starts the part of a node that agrees with others, or with itself alone.
 *
 * @param links null: a single node
 * @throws SluiceError what {@link GroupEngine.open} throws
 */
export function startClusterNode(
  { config, seed, host, log }: ClusterStart,
  links: PeerLinks | null,
): Promise<ClusterNode> {
  const name = nodeNameOf(config)
  return ClusterNode.start({
    name,
    isReplicated: config !== null,
    seed,
    run: drawnId(),
    host,
    running: host.running.version === 0 ? null : host.running,
    timers: SYSTEM_TIMERS,
    log,
    startEngine: async (machine, events) =>
      config === null || links === null
        ? new SoloEngine(name, machine, events)
        : openRaft(config, links, machine, events, log),
  })
}

function openRaft(
  config: ClusterConfig,
  links: PeerLinks,
  machine: StateMachine,
  events: EngineEvents,
  log: DaemonLog,
): Promise<Engine> {
  const { electionTimeoutMs } = config
  return GroupEngine.open({
    protocol: raftProtocol({
      heartbeatMs: config.heartbeatIntervalMs,
      electionMinMs: electionTimeoutMs,
      electionMaxMs: 2 * electionTimeoutMs,
      readMode: config.reads,
    }),
    name: config.node,
    peers: config.peers,
    folder: config.dataDir,
    machine,
    events,
    makeTransport: links.make,
    scheduler: nodeScheduler,
    random: Math.random,
    makeIncarnation: drawnId,
    log,
  })
}

/** Tells a node's data, or one of its runs, apart from all others of its name. */
export function drawnId(): string {
  return randomBytes(ID_BYTES).toString('hex')
}
