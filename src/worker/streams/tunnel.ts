import type { BackendTimeouts } from '../../model/config.ts'

/** Why a relay ended: both sides finished, one broke off, or one was waited for too long. */
export type RelayEnd =
  | 'finished'
  | 'client-aborted'
  | 'server-aborted'
  | 'client-late'
  | 'server-late'
  | 'cut'

/** Told as bytes are carried both ways. */
export interface RelayOwner {
  /** Bytes went from client to server. */
  onUpstreamBytes(length: number): void
  /** Bytes went from server to client. */
  onDownstreamBytes(length: number): void
  /** Both connections are closed; called once. */
  onRelayEnd(end: RelayEnd): void
}

/** What a stream is told of the tunnel that it becomes. */
export interface Tunnel extends RelayOwner {
  /** Those of the backend. */
  readonly timeouts: BackendTimeouts
}
