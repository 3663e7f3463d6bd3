import { randomBytes } from 'node:crypto'
import type { StateMachine } from '../../src/consensus/agreement.ts'
import type { DriverOptions } from '../../src/consensus/driver/driver-options.ts'
import type { EngineEvents } from '../../src/consensus/engine.ts'
import { GroupEngine } from '../../src/consensus/group/group-engine.ts'
import { nodeScheduler } from '../../src/consensus/group/node-scheduler.ts'
import { DEFAULT_PEER_LIMITS } from '../../src/consensus/peers/peer-limits.ts'
import { WebSocketTransport } from '../../src/consensus/peers/web-socket-transport.ts'
import { raftProtocol } from '../../src/consensus/raft/raft-protocol.ts'
import type { HostedEngine } from '../../src/consensus/thread/engine-calls.ts'
import { AcceptPauses } from '../../src/net/accept-pauses.ts'

/** What a node of Raft is, beside its state machine: data that a thread can be given. */
export interface RaftNode {
  readonly name: string
  readonly peers: readonly { readonly name: string; readonly address: string }[]
  readonly folder: string
  readonly bind: string
  readonly secret: Uint8Array
  readonly driver: Partial<DriverOptions>
}

/** Opens an engine of Raft on loopback sockets, with a real data directory. */
export function openRaftNode(
  { bind, secret, ...node }: RaftNode,
  machine: StateMachine,
  events: EngineEvents,
): Promise<HostedEngine> {
  return GroupEngine.open({
    ...node,
    // Nodes may share one event loop, with whatever else the machine has to do meanwhile.
    protocol: raftProtocol({ electionMinMs: 500, electionMaxMs: 1000 }),
    machine,
    events,
    makeTransport: (hello, peerEvents, onRefused) =>
      new WebSocketTransport(
        {
          bind,
          hello,
          secret,
          tls: null,
          isOpenAllowed: false,
          limits: DEFAULT_PEER_LIMITS,
          accepts: new AcceptPauses(() => {}),
          random: Math.random,
          onRefused,
        },
        peerEvents,
      ),
    scheduler: nodeScheduler,
    random: Math.random,
    makeIncarnation: () => randomBytes(8).toString('hex'),
    log: { info: () => {} },
  })
}
