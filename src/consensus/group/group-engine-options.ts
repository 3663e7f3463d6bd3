import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { StateMachine } from '../agreement.ts'
import type { RandomSource } from '../core/core.ts'
import type { CoreMessage, Protocol } from '../core/protocol.ts'
import type { DriverOptions } from '../driver/driver-options.ts'
import type { Scheduler } from '../driver/scheduler.ts'
import type { EngineEvents } from '../engine.ts'
import type { Refusal } from '../peers/refusals.ts'
import type { PeerAddress, PeerEvents, PeerHello, PeerTransport } from '../peers/transport.ts'

/** What the engine of a group is made with. */
export interface GroupEngineOptions<M extends CoreMessage> {
  /** How the nodes agree. */
  readonly protocol: Protocol<M>
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
  /** What differs from `DRIVER_DEFAULTS`. */
  readonly driver?: Partial<DriverOptions>
}
