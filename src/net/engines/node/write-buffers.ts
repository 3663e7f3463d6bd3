/** Bytes of one write buffer: as much as one read delivers, so that a relay writes it in one. */
export const WRITE_BUFFER_BYTES = 65_536

/** Buffers kept for reuse in a thread: 4 MiB. What comes back beyond that is left to the collector. */
export const WRITE_BUFFERS_KEPT_MAX = 64

/**
 * Copies of what callers write, for as long as the kernel has not taken them. A write mostly
 * completes at once, so that the same few buffers, still in the processor's cache, go round.
 */
export class WriteBuffers {
  readonly #kept: Buffer[] = []

  /** A buffer of {@link WRITE_BUFFER_BYTES}, content undefined, owned by the caller. */
  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES)
  }

  /** Gives a buffer back. The caller must not touch it again. */
  give(buffer: Buffer): void {
    if (this.#kept.length < WRITE_BUFFERS_KEPT_MAX) this.#kept.push(buffer)
  }
}
