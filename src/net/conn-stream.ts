import { Duplex } from 'node:stream'
import type { ByteView, Conn, ConnFailure, ConnHandler } from './conn.ts'

/** Continues a write or an end of a stream. */
type Continue = (error?: Error | null) => void

/**
 * A connection as a stream of Node, for its libraries that want one (node:tls, node:http2). It takes
 * the connection over, which must be established; to destroy the stream closes the connection. Each
 * direction ends by itself. The stream never fails: when the connection breaks it closes, and
 * `failure` says why.
 */
export class ConnStream extends Duplex implements ConnHandler {
  readonly #conn: Conn
  readonly #bytesMax: number
  #bytesRead = 0
  /** What waits until the connection takes more. */
  #continue: Continue | null = null
  /** Why the connection ended; null while it has not, and where both sides have finished. */
  failure: ConnFailure | null = null

  /** @param bytesMax with more from the peer the stream closes, and {@link isFull} is true */
  constructor(conn: Conn, bytesMax = Number.POSITIVE_INFINITY) {
    super({ allowHalfOpen: true })
    this.#conn = conn
    this.#bytesMax = bytesMax
    conn.handler = this
  }

  /** The peer has sent more than it may. */
  get isFull(): boolean {
    return this.#bytesRead > this.#bytesMax
  }

  onConnect(): void {}

  onData(_conn: Conn, view: ByteView, length: number): void {
    if (this.destroyed) return
    this.#bytesRead += length
    if (this.isFull) this.destroy()
    else if (!this.push(Buffer.from(view.subarray(0, length)))) this.#conn.pause()
  }

  onDrain(): void {
    this.#goOn()
  }

  onEnd(): void {
    if (!this.destroyed) this.push(null)
  }

  onClose(_conn: Conn, failure: ConnFailure | null): void {
    this.failure = failure
    // Where both sides have finished, what has arrived is still to be read.
    if (failure !== null) this.destroy()
  }

  override _read(): void {
    this.#conn.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Continue): void {
    if (this.#conn.write(chunk)) done()
    else this.#continue = done
  }

  override _final(done: Continue): void {
    this.#conn.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#conn.destroy()
    this.#goOn()
    done(error)
  }

  #goOn(): void {
    const next = this.#continue
    this.#continue = null
    next?.()
  }
}
