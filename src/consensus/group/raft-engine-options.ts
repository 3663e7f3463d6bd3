import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { DriverOptions, Scheduler } from '../driver/driver-options.ts'
import type { EngineEvents, StateMachine } from '../engine.ts'
import type { Refusal } from '../peers/refusals.ts'
import type { PeerAddress, PeerEvents, PeerHello, PeerTransport } from '../peers/transport.ts'
import type { RaftOptions, RandomSource } from '../raft/raft-options.ts'

/** What a Raft engine is made with. */
export interface RaftEngineOptions {
  /** Of this node. */
  readonly name: string
  /** All nodes as configured, this one among them. */
  readonly peers: readonly PeerAddress[]
  /** The data directory. */
  readonly folder: string
  readonly machine: StateMachine
  readonly events: EngineEvents
  readonly makeTransport: (
    hello: PeerHello,
    events: PeerEvents,
    onRefused: (refusal: Refusal) => void,
  ) => PeerTransport
  readonly scheduler: Scheduler
  /** Uniform in [0, 1). */
  readonly random: RandomSource
  /** Gives what sets a node without data apart from all before it of its name. */
  readonly makeIncarnation: () => string
  readonly log: Pick<DaemonLog, 'info'>
  /** What differs from `RAFT_DEFAULTS`. */
  readonly raft?: Partial<Omit<RaftOptions, 'id'>>
  /** What differs from `DRIVER_DEFAULTS`. */
  readonly driver?: Partial<Omit<DriverOptions, 'raft'>>
}
