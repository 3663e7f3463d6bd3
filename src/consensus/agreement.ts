import type { EngineStatus } from './engine-status.ts'

/**
 * Agreement on a sequence of commands. Every call is asynchronous and carries bytes, and everything
 * comes in one order: what a promise speaks of has been handed to the {@link StateMachine} before
 * it resolves. So agreement may run on a thread of its own.
 *
 * Errors, all `SluiceError`: `no-quorum` (nothing was proposed), `outcome-unknown` (proposed, and
 * nobody knows yet whether it will hold), `proposal-dropped` (it did not hold, again and again),
 * `overloaded`, `engine-stopped`. A proposal that was taken is settled within seconds.
 */
export interface Agreement {
  /**
   * Has a command agreed on; any node may ask.
   *
   * @returns the index at which it holds; the state machine of this node has been given it
   */
  propose(command: Uint8Array): Promise<number>
  /**
   * A linearizable read: resolves when the state machine of this node has been given everything that
   * any node had acknowledged before the call.
   */
  read(): Promise<void>
  /** The engine at this moment. Its changes are told by {@link AgreementEvents.onStatus}. */
  status(): Promise<EngineStatus>
}

/**
 * What the engine agrees on is handed to this, on every node in the same order. One call is made
 * after the other.
 */
export interface StateMachine {
  /**
   * Applies a command. Deterministic: the same commands in the same order give the same state on
   * every node.
   *
   * @param index grows; not every index has a command
   * @throws SluiceError `state-newer`: this node cannot go on, and takes no further part
   */
  apply(index: number, command: Uint8Array): void
  /** All of the state at the moment of the call; equal states give equal bytes. */
  snapshot(): Promise<Uint8Array>
  /**
   * Becomes what {@link snapshot} gave, here or on another node. Empty bytes: the state at start.
   *
   * @param index up to which the commands are in it; it may be lower than what was applied before
   */
  restore(data: Uint8Array, index: number): void
}

/** What agreement tells of itself. */
export interface AgreementEvents {
  /** Role, epoch, leader, quorum or members have changed. */
  onStatus(status: EngineStatus): void
  /**
   * The node cannot go on as a member: its disk has failed, or what it holds is damaged. It has
   * acknowledged nothing that it may lose, and takes no further part.
   */
  onFatal(error: Error): void
}
