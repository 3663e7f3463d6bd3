import { latin1 } from '../../../http/characters.ts'

/**
 * The beginning of a request's body, which its rules have waited for.
 *
 * Bound: a buffer of `tune.bufsize` with the head, and what one read has brought beyond that.
 */
export class CollectedBody {
  /** The head says that it comes in chunks; what is taken is their data. */
  readonly isChunked: boolean
  readonly #bytesMax: number
  /** What has come, as latin1. */
  text = ''

  /** @param bytesMax what there is room for */
  constructor(isChunked: boolean, bytesMax: number) {
    this.isChunked = isChunked
    this.#bytesMax = bytesMax
  }

  /** There is room for no more. */
  get isFull(): boolean {
    return this.text.length >= this.#bytesMax
  }

  /** Takes `view[start, end)`. */
  take(view: Buffer, start: number, end: number): void {
    // A string that is made of pieces is made one only when rules look at it.
    this.text += latin1(view, start, end)
  }
}
