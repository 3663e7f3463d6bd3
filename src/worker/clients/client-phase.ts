import type { ByteView } from '../../net/conn.ts'
import type { Session } from './session.ts'

/**
 * What a client connection in `mode http` is in the middle of: it waits for a request, or works on
 * one. The phase at hand, and no other, is told what happens to the connection, so that nothing can
 * reach what is over.
 */
export interface ClientPhase extends Session {
  /**
   * Takes what it can use of `view[at, end)`.
   *
   * @returns where it stopped
   */
  takeBytes(view: ByteView, at: number, end: number): number
  /** The client takes bytes again after a write that said false. */
  onClientDrain(): void
  /** The client sends no more, but may still read. */
  onClientEnd(): void
  /** The client is gone. */
  onClientClose(): void
  /** The client did not do in time what it was last given time for. */
  onClientTimeout(): void
}
