import type { StateMachine } from '../../consensus/agreement.ts'
import type { EngineEvents } from '../../consensus/engine.ts'
import { GroupEngine } from '../../consensus/group/group-engine.ts'
import { nodeScheduler } from '../../consensus/group/node-scheduler.ts'
import { LastingEngine } from '../../consensus/lasting/lasting-engine.ts'
import { raftProtocol } from '../../consensus/raft/raft-protocol.ts'
import type { HostedEngine } from '../../consensus/thread/engine-calls.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import { drawnId } from '../cluster/drawn-id.ts'
import type { PeerLinks } from './peer-links.ts'

/**
 * Opens the engine of a node that agrees with its peers by Raft.
 *
 * @throws SluiceError what {@link GroupEngine.open} throws
 */
export function openRaft(
  config: ClusterConfig,
  links: PeerLinks,
  machine: StateMachine,
  events: EngineEvents,
  log: Pick<DaemonLog, 'info' | 'warn'>,
): Promise<HostedEngine> {
  const { electionTimeoutMs } = config
  const options = {
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
    makeTransport: links.make,
    scheduler: nodeScheduler,
    random: Math.random,
    makeIncarnation: drawnId,
    log,
  }
  const { folder, scheduler } = options
  const rejoinsAfterLoss = config.rejoinAfterLoss === 'automatic'
  return LastingEngine.open(
    {
      folder,
      rejoinsAfterLoss,
      scheduler,
      log,
      open: (lasting) => GroupEngine.open({ ...options, events: lasting }),
    },
    events,
  )
}
