/** Why a server is ejected by passive observation, in the order in which it is looked for. */
export const EJECTION_CAUSES = [
  'consecutive-errors',
  'consecutive-gateway-errors',
  'success-rate',
  'latency',
] as const

/** One of {@link EJECTION_CAUSES}. */
export type EjectionCause = (typeof EJECTION_CAUSES)[number]

/** What passive observation has done to one server: a snapshot. */
export interface EjectionState {
  /** It takes no sessions for what it has answered. */
  readonly isEjected: boolean
  /** Ejections since it is observed, those that a panic has made idle included. */
  readonly ejectionsTotal: Readonly<Record<EjectionCause, number>>
}
