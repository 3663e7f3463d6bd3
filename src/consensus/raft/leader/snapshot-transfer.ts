import { assert } from '../../../base/errors.ts'
import type { Snapshot } from '../../log/entries.ts'
import type { RaftOptions } from '../raft-options.ts'

/** A piece to send. */
export interface SnapshotPiece {
  readonly offset: number
  readonly data: Uint8Array
}

/**
 * A snapshot on its way to one peer, in pieces (paper section 7), of which a few are unanswered.
 *
 * Invariant: 0 <= acknowledged <= sent <= size of the snapshot.
 */
export class SnapshotTransfer {
  readonly snapshot: Snapshot
  readonly #options: RaftOptions
  #ackedOffset = 0
  #nextOffset = 0
  /** What the peer has asked for last. */
  #wantedOffset = 0
  #movedMs: number
  #isBegun = false

  constructor(snapshot: Snapshot, options: RaftOptions, nowMs: number) {
    this.snapshot = snapshot
    this.#options = options
    this.#movedMs = nowMs
  }

  /** @returns the piece that may be sent now, from then on counted as sent; null for none */
  next(): SnapshotPiece | null {
    const { snapshotChunkBytes, snapshotChunksInflightMax } = this.#options
    const { data } = this.snapshot
    if (this.#isBegun && this.#nextOffset >= data.byteLength) return null
    const inflightBytes = this.#nextOffset - this.#ackedOffset
    if (inflightBytes >= snapshotChunkBytes * snapshotChunksInflightMax) return null
    const offset = this.#nextOffset
    const piece = data.subarray(offset, offset + snapshotChunkBytes)
    this.#isBegun = true
    this.#nextOffset = offset + piece.byteLength
    assert(this.#nextOffset <= data.byteLength, 'no more of a snapshot is sent than there is')
    return { offset, data: piece }
  }

  /**
   * The peer wants the snapshot from an offset on.
   *
   * @returns whether it has all of it
   */
  wanted(offset: number, nowMs: number): boolean {
    const { byteLength } = this.snapshot.data
    if (offset > byteLength) return false
    this.#wantedOffset = offset
    if (offset > this.#ackedOffset) {
      this.#ackedOffset = offset
      this.#nextOffset = Math.max(this.#nextOffset, offset)
      this.#movedMs = nowMs
    }
    return offset === byteLength
  }

  /** Begins again where the peer last said, if nothing has moved for a while: pieces were lost. */
  retryWhenStuck(nowMs: number): void {
    if (nowMs - this.#movedMs < this.#options.electionMinMs) return
    this.#ackedOffset = this.#wantedOffset
    this.#nextOffset = this.#wantedOffset
    this.#isBegun = false
    this.#movedMs = nowMs
  }
}
