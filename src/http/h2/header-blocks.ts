import { H2_ERROR } from './frames/frame-types.ts'
import { SETTINGS_INITIAL } from './frames/settings.ts'
import { type FieldSink, HPACK_TOO_LONG, HpackDecoder } from './hpack/hpack-decoder.ts'

const NO_BYTES = Buffer.alloc(0)
/** CONTINUATIONs of one block: nghttp2's bound since CVE-2024-28182. */
const CONTINUATIONS_MAX = 8

/**
 * Puts header blocks together that come in frames, and reads them as they come: RFC 9113 section
 * 4.3. While one is open, nothing but its CONTINUATIONs may come, on any stream.
 *
 * Invariant: what is held is the beginning of one field, and within the bound of a block.
 */
export class HeaderBlocks {
  readonly #decoder: HpackDecoder
  readonly #blockBytesMax: number
  #sink: FieldSink | null = null
  /** What of the block could not be read yet. */
  #held = NO_BYTES
  #bytes = 0
  #continuations = 0

  /**
   * @param blockBytesMax most bytes of one block as it comes
   */
  constructor(blockBytesMax: number) {
    this.#decoder = new HpackDecoder(SETTINGS_INITIAL.headerTableSize, blockBytesMax)
    this.#blockBytesMax = blockBytesMax
  }

  /** The other end knows the size that the dynamic table may have. */
  setTableSize(tableSize: number): void {
    this.#decoder.setSizeLimit(tableSize)
  }

  /** A block is not whole yet. */
  get isOpen(): boolean {
    return this.#sink !== null
  }

  /** A block begins, with its first frame. @returns 0, or the code of the connection error */
  begin(sink: FieldSink, view: Buffer, start: number, end: number, isWhole: boolean): number {
    this.#sink = sink
    this.#bytes = 0
    this.#continuations = 0
    return this.#read(sink, view, start, end, isWhole)
  }

  /** The block goes on. @returns as {@link begin} */
  continue(view: Buffer, start: number, end: number, isWhole: boolean): number {
    const sink = this.#sink
    if (sink === null) return H2_ERROR.protocol
    if (++this.#continuations > CONTINUATIONS_MAX) return H2_ERROR.enhanceYourCalm
    if (this.#held.length === 0) return this.#read(sink, view, start, end, isWhole)
    const bytes = Buffer.concat([this.#held, view.subarray(start, end)])
    this.#bytes -= this.#held.length
    this.#held = NO_BYTES
    return this.#read(sink, bytes, 0, bytes.length, isWhole)
  }

  #read(sink: FieldSink, view: Buffer, start: number, end: number, isWhole: boolean): number {
    this.#bytes += end - start
    if (this.#bytes > this.#blockBytesMax) return H2_ERROR.enhanceYourCalm
    const done = this.#decoder.decode(view, start, end, sink)
    if (done === HPACK_TOO_LONG) return H2_ERROR.enhanceYourCalm
    if (done < 0) return H2_ERROR.compression
    if (isWhole) {
      this.#sink = null
      return done === end && this.#decoder.endBlock() ? 0 : H2_ERROR.compression
    }
    if (done < end) this.#held = Buffer.from(view.subarray(done, end))
    return 0
  }
}
