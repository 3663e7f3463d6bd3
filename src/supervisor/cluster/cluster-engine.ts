import { ClusterNode } from '../../cluster/cluster-node.ts'
import { SYSTEM_TIMERS } from '../../cluster/duties/node-timers.ts'
import type { Seed } from '../../cluster/own-file.ts'
import { SoloEngine } from '../../consensus/solo/solo-engine.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { NodeHost } from './cluster-host.ts'
import { drawnId } from './drawn-id.ts'
import type { PeerLinks } from './peer-links.ts'

/** What a single node is called. */
const SINGLE = 'local'

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
    startEngine: async (machine, events) => {
      if (config === null || links === null) return new SoloEngine(name, machine, events)
      // A single node loads neither a protocol nor a store.
      const { openRaft } = await import('./raft-engine.ts')
      return openRaft(config, links, machine, events, log)
    },
  })
}
