import type { Entry, HardState, Membership, NodeId, Snapshot } from '../log/entries.ts'
import type { CoreStanding, CoreStatus, ProposeResult } from './core-status.ts'
import type { Ready } from './ready.ts'

/** A source of randomness: uniform in [0, 1). */
export type RandomSource = () => number

/** What a core starts with: what the store held. */
export interface CoreInitial {
  readonly hardState: HardState
  /** Says the membership before the first entry: a founded group begins with one at index 0. */
  readonly snapshot: Snapshot
  /** Contiguous; the first may lie before the snapshot's end. */
  readonly entries: readonly Entry[]
}

/**
 * One member of a group that agrees on a log, without input or output: messages, time and what has
 * become durable go in, and what it wants done is taken as {@link Ready}. It knows no clock; `nowMs`
 * is of one that never goes back. A driver takes a Ready after every input, and acts on it.
 *
 * All that it says that has to be durable it says through `messagesAfterPersist`, and it commits
 * nothing that a crash of this node may lose: of that the simulator's judges make sure.
 */
export interface Core<M> {
  /** Time has passed; due at {@link nextDeadlineMs} at the latest. */
  tick(nowMs: number): void
  /** When {@link tick} is due at the latest. */
  nextDeadlineMs(): number
  /** A message has come. One that no right member can send is dropped. */
  step(message: M, nowMs: number): void
  /** Appends a command to the log, where this node leads. */
  propose(data: Uint8Array, nowMs: number): ProposeResult
  /**
   * Begins a change of who takes part, where this node leads.
   *
   * @param target without outgoing voters
   */
  proposeMembership(target: Membership, nowMs: number): ProposeResult
  /** Hands leadership over. @returns false where this node does not lead or the other cannot */
  transferLeadership(to: NodeId, nowMs: number): boolean
  /**
   * Asks for an index to read at, of the leader where this node is none. The answer is in the
   * `reads` of a Ready.
   *
   * @param context tells the read apart from the others that wait
   */
  requestRead(context: number, nowMs: number): void
  /** Tries to lead at once, where this node has a vote itself and does not lead. */
  campaign(nowMs: number): void
  /**
   * Index up to which this node has acknowledged what it does not have any more, once that is proved;
   * null: it is not. Such a node may break what the others count on: its driver takes nothing of it
   * any more.
   */
  lostIndex(): number | null
  /** @returns what is to be done now; null: nothing */
  takeReady(): Ready<M> | null
  /** The write of this sequence, and all before it, are durable. */
  persisted(sequence: number, nowMs: number): void
  /** The state machine has applied everything up to an index. */
  applied(index: number): void
  /**
   * Shortens the log by a snapshot that was taken of the state machine. One that is older than what
   * this node has received meanwhile is not needed.
   *
   * @param keepFromIndex entries from here on stay, for followers that are a little behind
   */
  compact(snapshot: Snapshot, keepFromIndex: number): void
  /** Where the core stands at this moment. */
  standing(): CoreStanding
  /** The core at this moment; costs more than {@link standing}. */
  status(): CoreStatus
}

/** Makes the core of a node. All of `initial` is durable; the state machine is at its snapshot. */
export type MakeCore<M> = (initial: CoreInitial, random: RandomSource, nowMs: number) => Core<M>
