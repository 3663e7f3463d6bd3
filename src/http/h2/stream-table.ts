import { WORD_MASK } from './frames/frame-types.ts'
import type { H2Stream } from './h2-stream.ts'

/** Closed streams that are remembered, for what was still on its way to them. */
const CLOSED_MAX = 128
/** The largest id of a stream. RFC 9113 section 5.1.1. */
export const STREAM_ID_MAX = WORD_MASK

/** How a stream came to its end, as far as it is known. RFC 9113 section 5.1, "closed". */
export type Ending =
  /** This end reset it: what still comes is passed over. */
  | 'reset-here'
  /** Both ends had sent all, or the other one has reset it: nothing may come. */
  | 'over'
  /** It was closed long ago, or never opened. */
  | 'unknown'

/** The streams of a connection: those that are open, and the last that were. */
export class StreamTable {
  readonly #open = new Map<number, H2Stream>()
  /** Ids of streams that were closed, in a ring; negative for those that were reset here. */
  readonly #closed = new Int32Array(CLOSED_MAX)
  #closedCount = 0
  /** Of the other end's streams, and of this end's. */
  lastRemoteId = 0
  lastLocalId: number
  readonly #remoteParity: number

  /** @param isServer this end is one: its client's streams are odd (RFC 9113 section 5.1.1) */
  constructor(isServer: boolean) {
    this.#remoteParity = isServer ? 1 : 0
    this.lastLocalId = isServer ? 0 : -1
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size
  }

  /** Those that are open, in the order of their beginning. */
  get open(): IterableIterator<H2Stream> {
    return this.#open.values()
  }

  /** The open stream of this id. */
  get(id: number): H2Stream | undefined {
    return this.#open.get(id)
  }

  /** Whether a stream of this id is begun by the other end. */
  isRemote(id: number): boolean {
    return (id & 1) === this.#remoteParity
  }

  /** Whether a stream of this id has never been begun. */
  isIdle(id: number): boolean {
    return id > (this.isRemote(id) ? this.lastRemoteId : this.lastLocalId)
  }

  /** How the stream of this id, neither open nor idle, has ended. */
  endingOf(id: number): Ending {
    const kept = Math.min(this.#closedCount, CLOSED_MAX)
    for (let n = 0; n < kept; n++) {
      if (this.#closed[n] === id) return 'over'
      if (this.#closed[n] === -id) return 'reset-here'
    }
    return 'unknown'
  }

  /**
   * The other end has sent all of a stream that was reset here: that may come once.
   *
   * @returns whether it is known that it was reset here
   */
  endReset(id: number): boolean {
    const place = this.#closed.indexOf(-id)
    if (place < 0) return false
    this.#closed[place] = id
    return true
  }

  add(stream: H2Stream): void {
    this.#open.set(stream.id, stream)
  }

  /** The stream is over. */
  close(stream: H2Stream, isResetHere: boolean): void {
    if (stream.isClosed) return
    stream.isClosed = true
    this.#open.delete(stream.id)
    this.remember(stream.id, isResetHere)
  }

  /** A stream of this id has been refused, or is over. */
  remember(id: number, isResetHere: boolean): void {
    this.#closed[this.#closedCount++ % CLOSED_MAX] = isResetHere ? -id : id
  }
}
