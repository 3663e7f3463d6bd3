/**
 * Why nodes do not talk to each other. `stranger`: it is not who was looked for, or not the one
 * that its certificate names. `credentials`: it has another secret, or no valid certificate.
 * `not-admitted`: both belong together, and the event `admit` has something against it. `twin`:
 * another node of its name is linked already.
 */
export type RefusalReason =
  | 'version'
  | 'stranger'
  | 'credentials'
  | 'not-admitted'
  | 'garbage'
  | 'timeout'
  | 'crowded'
  | 'twin'

/** All reasons; their places here are their codes on the wire. A new one goes to the end. */
export const REFUSAL_REASONS: readonly RefusalReason[] = [
  'version',
  'stranger',
  'credentials',
  'not-admitted',
  'garbage',
  'timeout',
  'crowded',
  'twin',
]

/** A link or stream that did not come about, or was ended. */
export interface Refusal {
  readonly reason: RefusalReason
  /** For the operator. Never a secret. What a peer wrote has been stripped of control characters. */
  readonly message: string
  /** True: this node refused. False: the peer did, and said so. */
  readonly isOurs: boolean
  /** The peer, as this node looks for it or as it calls itself; null where it said nothing. */
  readonly name: string | null
  /** `HOST:PORT` of the peer. */
  readonly address: string
}

/** What an end of a connection says against the other. */
export type Objection = Pick<Refusal, 'reason' | 'message'>
