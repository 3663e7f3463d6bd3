import { assert } from '../../base/errors.ts'
import type { HardState, Snapshot } from './entries.ts'
import type { Log } from './log.ts'
import type { Persist } from './persist.ts'

/** Writes that may be under way; further ones are put together until one is confirmed. */
const PENDING_WRITES_MAX = 64

/** A write under way. */
interface Write {
  readonly sequence: number
  readonly hardState: HardState
  /** Of its snapshot, 0 for none. */
  readonly snapshotIndex: number
  /** When it was handed out. */
  readonly sinceMs: number
  /** The log is durable up to here once the write is. Falls when the log is truncated meanwhile. */
  confirmIndex: number
}

/** What a Ready has to write. */
export interface WriteOffer {
  readonly persist: Persist | null
  /** True: there is more to write than may be under way; nothing that waits for it may be sent. */
  readonly isBlocked: boolean
}

/**
 * Knows which part of the node's state its disk has.
 *
 * A confirmation counts for what was written, not for what stands at the same indexes now: where
 * entries of a write are truncated before it is confirmed, its confirmation covers only what comes
 * before them, even if a later leader has put the very same entries back (they are part of a later
 * write then, and the disk holds others in between).
 */
export class Durability {
  #sequence = 0
  /** First index that no write has yet. */
  #unsavedFrom: number
  #savedHardState: HardState
  #unsavedSnapshot: Snapshot | null = null
  #isLogReset = false
  #pending: Write[] = []
  #durableIndex: number
  #durableHardState: HardState
  #durableSnapshotIndex: number

  /** All that is given is durable. */
  constructor(hardState: HardState, snapshotIndex: number, lastIndex: number) {
    this.#unsavedFrom = lastIndex + 1
    this.#savedHardState = hardState
    this.#durableIndex = lastIndex
    this.#durableHardState = hardState
    this.#durableSnapshotIndex = snapshotIndex
  }

  /** The log is durable up to here; 0 while a snapshot that replaces all of it is written. */
  get durableIndex(): number {
    return this.#durableIndex
  }

  /** First index that no write has yet. */
  get unsavedFrom(): number {
    return this.#unsavedFrom
  }

  /** Since when the oldest write has been under way; null: none is. */
  get pendingSinceMs(): number | null {
    return this.#pending[0]?.sinceMs ?? null
  }

  /** The last durable one. */
  get durableHardState(): HardState {
    return this.#durableHardState
  }

  /** Of the last durable one. */
  get durableSnapshotIndex(): number {
    return this.#durableSnapshotIndex
  }

  /** Entries from an index on are gone from the log. */
  truncatedFrom(index: number): void {
    this.#unsavedFrom = Math.min(this.#unsavedFrom, index)
    this.#durableIndex = Math.min(this.#durableIndex, index - 1)
    for (const write of this.#pending) write.confirmIndex = Math.min(write.confirmIndex, index - 1)
  }

  /** A received snapshot stands in place of the whole log. */
  replacedBy(snapshot: Snapshot): void {
    this.#unsavedSnapshot = snapshot
    this.#isLogReset = true
    this.#unsavedFrom = snapshot.index + 1
    this.#durableIndex = 0
    for (const write of this.#pending) write.confirmIndex = 0
  }

  /** This node has taken a snapshot. */
  compactedBy(snapshot: Snapshot): void {
    assert(!this.#isLogReset, 'a snapshot is taken of a log that is durable')
    this.#unsavedSnapshot = snapshot
  }

  /** @returns what is to be written now; from now on it counts as under way */
  take(log: Log, hardState: HardState, nowMs: number): WriteOffer {
    const isHardStateNew =
      hardState.term !== this.#savedHardState.term || hardState.vote !== this.#savedHardState.vote
    const snapshot = this.#unsavedSnapshot
    if (!isHardStateNew && snapshot === null && this.#unsavedFrom > log.lastIndex) {
      return { persist: null, isBlocked: false }
    }
    if (this.#pending.length >= PENDING_WRITES_MAX) return { persist: null, isBlocked: true }
    const persist: Persist = {
      sequence: ++this.#sequence,
      hardState: isHardStateNew ? hardState : null,
      snapshot,
      isLogReset: this.#isLogReset,
      entries: log.between(this.#unsavedFrom, log.lastIndex),
      firstIndex: log.firstIndex,
    }
    this.#pending.push({
      sequence: persist.sequence,
      hardState,
      snapshotIndex: snapshot?.index ?? 0,
      sinceMs: nowMs,
      confirmIndex: log.lastIndex,
    })
    this.#savedHardState = hardState
    this.#unsavedSnapshot = null
    this.#isLogReset = false
    this.#unsavedFrom = log.lastIndex + 1
    return { persist, isBlocked: false }
  }

  /** A write is durable, and all before it. */
  persisted(sequence: number, log: Log): void {
    assert(sequence <= this.#sequence, 'only what was handed out is confirmed')
    for (;;) {
      const write = this.#pending[0]
      if (write === undefined || write.sequence > sequence) break
      this.#pending.shift()
      this.#durableHardState = write.hardState
      this.#durableSnapshotIndex = Math.max(this.#durableSnapshotIndex, write.snapshotIndex)
      this.#durableIndex = Math.max(this.#durableIndex, write.confirmIndex)
    }
    assert(this.#durableIndex <= log.lastIndex, 'no more is durable than there is')
  }
}
