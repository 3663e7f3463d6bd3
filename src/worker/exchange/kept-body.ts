import { latin1 } from '../../base/latin1.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * Bodies of a known length up to this size are kept whatever `http.retry-bufsize`, where they come in
 * one piece.
 */
const SMALL_BODY_BYTES_MAX = 4096

/** Where a body is sent again. */
export interface AgainTo {
  sendBody(view: Buffer, start: number, end: number): void
  endBody(trailers: string): void
}

/**
 * A request's body, kept: what was sent of it for another try, all of it or nothing, and before that
 * what rules have waited for while there was no server.
 *
 * Bound: `tune.http.retry-bufsize`, or without a server what whoever waits asks for, and what one
 * read has brought beyond that.
 */
export class KeptBody {
  readonly #bytesMax: number
  #bytes = NO_BYTES
  /** How much of that there is. */
  #length = 0
  /** The length of a body that is small enough to be kept in any case, else 0. */
  #smallBytes = 0
  /** What stands behind the body; null while that has not ended. */
  #end: string | null = null
  /** Body bytes were sent that are kept nowhere. */
  isLost = false

  /** @param bytesMax `tune.http.retry-bufsize` */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** How many bytes of it there are. */
  get length(): number {
    return this.#length
  }

  /** What there is of it, one character a byte. */
  get text(): string {
    return latin1(this.#bytes, 0, this.#length)
  }

  /**
   * Keeps the next body, of which nothing is here yet.
   *
   * @param length in bytes, 0 where it is not known or there is none
   */
  begin(length: number): void {
    this.isLost = false
    this.#smallBytes = length <= SMALL_BODY_BYTES_MAX ? length : 0
  }

  /** Gives up what is kept. */
  forget(): void {
    this.#bytes = NO_BYTES
    this.#length = 0
    this.#end = null
  }

  /** Whether a body of so many bytes can be kept. */
  hasRoom(bytes: number): boolean {
    return bytes <= this.#bytesMax
  }

  /** Keeps `view[start, end)` behind the rest; where there is no room for it, all is lost. */
  add(view: Buffer, start: number, end: number): void {
    const after = this.#length + end - start
    const isSmall = this.#length === 0 && after === this.#smallBytes
    if (!isSmall && !this.hasRoom(after)) this.lose()
    else if (!this.isLost) this.#append(view, start, end, this.#bytesMax)
  }

  /** Keeps it whatever the room: no server has been sent it yet. */
  addUnsent(view: Buffer, start: number, end: number): void {
    this.#append(view, start, end, Number.POSITIVE_INFINITY)
  }

  /** The body has ended, with this behind it. */
  close(trailers: string): void {
    this.#end = trailers
  }

  /** What was sent is kept no more. */
  lose(): void {
    this.isLost = true
    this.#bytes = NO_BYTES
    this.#length = 0
  }

  /** What was kept beyond the room for another try is lost, now that it has been sent. */
  trim(): void {
    if (this.#length !== this.#smallBytes && !this.hasRoom(this.#length)) this.lose()
  }

  /** Sends what there is of the body. */
  replay(to: AgainTo): void {
    if (this.#length > 0) to.sendBody(this.#bytes, 0, this.#length)
    if (this.#end !== null) to.endBody(this.#end)
  }

  #append(view: Buffer, start: number, end: number, bytesMax: number): void {
    const before = this.#length
    const after = before + end - start
    if (after > this.#bytes.length) {
      // Doubled, so that a body that comes byte by byte is not copied with every one of them.
      const room = Math.max(after, Math.min(2 * this.#bytes.length, bytesMax))
      const grown = Buffer.allocUnsafe(room)
      this.#bytes.copy(grown, 0, 0, before)
      this.#bytes = grown
    }
    view.copy(this.#bytes, before, start, end)
    this.#length = after
  }
}
