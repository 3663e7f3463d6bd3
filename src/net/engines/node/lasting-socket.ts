import { Socket, type SocketConstructorOpts } from 'node:net'

/** Told what a {@link LastingSocket} itself says nothing of. */
export interface LastingSocketOwner {
  /** The peer takes nothing more, and what was queued for it is lost. Called once. */
  onWriteFailure(code: string | undefined): void
  /** The peer's end, where it comes after the failure of a write. */
  onEnd(): void
}

/**
 * A Socket that outlives the failure of a write. Node destroys a socket then, and what the peer had
 * sent before it closed, its last words, is lost in the kernel unread.
 */
export class LastingSocket extends Socket {
  /** Set at once by whoever makes the socket. */
  owner: LastingSocketOwner | null = null
  #hasFailed = false
  #hasEnded = false

  /** @param options as for a Socket, `handle` among them for a connection that was accepted */
  constructor(options: SocketConstructorOpts) {
    super(options)
  }

  /** As for any Socket, but the failure of a write leaves it open. */
  override destroy(error?: NodeJS.ErrnoException): this {
    if (error?.syscall !== 'write' || this.destroyed) return super.destroy(error)
    if (this.#hasFailed) return this
    this.#hasFailed = true
    this.owner?.onWriteFailure(error.code)
    // An end that had come, but was not told yet: a stream that has failed does not tell it.
    if (this.#hasEnded && !this.readableEnded) this.owner?.onEnd()
    return this
  }

  /** Called by node:net with null where the peer has ended; data goes past the stream (`onread`). */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const takesMore = super.push(chunk, encoding)
    if (chunk === null) this.#hasEnded = true
    if (chunk === null && this.#hasFailed) this.owner?.onEnd()
    return takesMore
  }
}
