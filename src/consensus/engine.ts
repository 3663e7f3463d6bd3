import type { Agreement, AgreementEvents } from './agreement.ts'
import type { Members } from './members.ts'
import type { PeerBus, PeerBusEvents } from './peer-bus.ts'

/** What an engine gives to who builds on it: the seams that it has. */
export interface Engine {
  readonly agreement: Agreement
  /** Null: there are no members that it could change, as on a single node. */
  readonly members: Members | null
  /** Null: it has no links of its own to other nodes. */
  readonly peers: PeerBus | null
  /** Ends after what is being written. A leader hands over first where it can. */
  stop(): Promise<void>
}

/** What an engine tells of itself and of its peers. */
export interface EngineEvents extends AgreementEvents, PeerBusEvents {}
