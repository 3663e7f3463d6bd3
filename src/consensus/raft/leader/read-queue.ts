import type { NodeId } from '../../log/entries.ts'

/** A read that waits. */
export interface Read {
  /** Chosen by who asks. */
  readonly context: number
  /** The follower that asks; null: this node. */
  readonly from: NodeId | null
}

/** Reads that wait for the same round of heartbeats, and the index that they will be given. */
interface Batch {
  readonly round: number
  readonly index: number
  readonly reads: readonly Read[]
}

/** A read that may be answered. */
export interface ConfirmedRead extends Read {
  readonly index: number
}

/**
 * The reads that a leader has to answer (ReadIndex, thesis section 6.4). A read is open until a
 * round of heartbeats that begins after it has come stands for it; a quorum's answers to that round
 * prove that this node still led then, so that its commit index of then is the group's.
 */
export class ReadQueue {
  readonly #readsMax: number
  #open: Read[] = []
  #batches: Batch[] = []
  #batchedReads = 0

  constructor(readsMax: number) {
    this.#readsMax = readsMax
  }

  get isEmpty(): boolean {
    return this.#open.length + this.#batchedReads === 0
  }

  /** Whether reads wait for a round to begin. */
  get hasOpen(): boolean {
    return this.#open.length > 0
  }

  /** @returns false where too many wait */
  add(read: Read): boolean {
    if (this.#open.length + this.#batchedReads >= this.#readsMax) return false
    this.#open.push(read)
    return true
  }

  /** A round begins. */
  begin(round: number, index: number): void {
    if (this.#open.length === 0) return
    this.#batches.push({ round, index, reads: this.#takeOpen() })
    this.#batchedReads += this.#batches.at(-1)?.reads.length ?? 0
  }

  /** A quorum has answered a round. @returns what may be answered now */
  confirm(round: number): readonly ConfirmedRead[] {
    let count = 0
    while ((this.#batches[count]?.round ?? Number.POSITIVE_INFINITY) <= round) count++
    if (count === 0) return []
    const confirmed = this.#batches
      .splice(0, count)
      .flatMap(({ index, reads }) => reads.map((read) => ({ ...read, index })))
    this.#batchedReads -= confirmed.length
    return confirmed
  }

  /** A lease stands for a round. @returns the open reads; they wait no longer */
  confirmOpen(index: number): readonly ConfirmedRead[] {
    return this.#takeOpen().map((read) => ({ ...read, index }))
  }

  /** @returns everything that waits; it waits no longer */
  drain(): readonly Read[] {
    const reads = [...this.#batches.flatMap((batch) => batch.reads), ...this.#takeOpen()]
    this.#batches = []
    this.#batchedReads = 0
    return reads
  }

  #takeOpen(): readonly Read[] {
    const open = this.#open
    this.#open = []
    return open
  }
}
