import { ClusterNode } from '../../cluster/cluster-node.ts'
import { SYSTEM_TIMERS } from '../../cluster/duties/node-timers.ts'
import type { TicketKeyStore } from '../../cluster/duties/ticket-key-sharing.ts'
import type { Seed } from '../../cluster/own-file.ts'
import { SoloEngine } from '../../consensus/solo/solo-engine.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { AgreementThread } from './agreement-thread.ts'
import type { NodeHost } from './cluster-host.ts'
import { drawnId } from './drawn-id.ts'

/** What a single node is called. */
const SINGLE = 'local'

/** What a cluster node is started with. */
export interface ClusterStart {
  /** Null: a single node. */
  readonly config: ClusterConfig | null
  readonly seed: Seed
  readonly host: NodeHost
  readonly ticketKeys: TicketKeyStore
  readonly log: DaemonLog
}

/** The name by which a node is known in the history and to its peers. */
export function nodeNameOf(config: ClusterConfig | null): string {
  return config?.node ?? SINGLE
}

/**
 * Starts the part of a node that agrees with others, or with itself alone.
 *
 * @param thread that agreement runs on; null: a single node, which needs none
 * @throws SluiceError what {@link AgreementThread.openEngine} throws
 */
export function startClusterNode(
  { config, seed, host, ticketKeys, log }: ClusterStart,
  thread: AgreementThread | null,
): Promise<ClusterNode> {
  const name = nodeNameOf(config)
  return ClusterNode.start({
    name,
    isReplicated: config !== null,
    seed,
    run: drawnId(),
    host,
    ticketKeys,
    running: host.running.version === 0 ? null : host.running,
    timers: SYSTEM_TIMERS,
    log,
    startEngine: async (machine, events) =>
      thread === null ? new SoloEngine(name, machine, events) : thread.openEngine(machine, events),
  })
}
