import { REFUSAL_REASONS, type RefusalReason } from './refusals.ts'

/** What a transport has done since it was made, and what it has at the moment. */
export interface PeerStats {
  /** Links that this node has opened and that are open. */
  readonly links: number
  /** Links that peers have opened. */
  readonly acceptedLinks: number
  /** Byte streams of either side. */
  readonly streams: number
  /** Connections that are not admitted yet. */
  readonly handshakes: number
  readonly dials: number
  /** Dials of peers that could not be reached. */
  readonly dialFailures: number
  /** Connections that this node refused or ended, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>
  /** The same by peers, as they say. */
  readonly refusedByPeers: Readonly<Record<RefusalReason, number>>
  /** Frames of links. */
  readonly framesIn: number
  readonly framesOut: number
  /** Frames that were not sent: no link, or its buffer was full. */
  readonly framesDropped: number
  /** Of links and streams, without what WebSocket, TLS and TCP add. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** WebSocket messages of links and streams: frames of one turn of the event loop share one. */
  readonly messagesOut: number
}

/** The part of {@link PeerStats} that only grows, as it is counted. */
export class PeerCounters {
  dials = 0
  dialFailures = 0
  framesIn = 0
  framesOut = 0
  framesDropped = 0
  bytesIn = 0
  bytesOut = 0
  messagesOut = 0
  readonly refused = noRefusals()
  readonly refusedByPeers = noRefusals()
}

function noRefusals(): Record<RefusalReason, number> {
  return Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0])) as Record<
    RefusalReason,
    number
  >
}
