import { Duplex } from 'node:stream'
import type { MessagePort } from 'node:worker_threads'
import { SluiceError } from '../../base/errors.ts'
import { type PostedError, postError, postedError } from './posted-errors.ts'

/** What goes over the port of a stream. */
type Piece =
  | { readonly kind: 'data'; readonly data: Uint8Array }
  /** The data before was read: the next may come. */
  | { readonly kind: 'more' }
  | { readonly kind: 'end' }
  | { readonly kind: 'cut'; readonly error: PostedError | null }

/**
 * One end of a byte stream between two threads. A write is done when the other side has read it, so
 * that of each direction one piece is on its way. Each side ends on its own, as with TCP; a stream
 * that is cut short, also by the end of a thread, ends in an error.
 */
export class PortStream extends Duplex {
  readonly #port: MessagePort
  #onTaken: ((error?: Error | null) => void) | null = null
  #owesMore = false
  #hasPeerEnded = false
  #hasEnded = false

  constructor(port: MessagePort) {
    super({ allowHalfOpen: true })
    this.#port = port
    port.on('message', (piece: Piece) => this.#heard(piece))
    port.on('close', () => this.#closed())
  }

  override _read(): void {
    if (!this.#owesMore) return
    this.#owesMore = false
    this.#port.postMessage({ kind: 'more' } satisfies Piece)
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#onTaken = done
    // A view would take all of its memory with it.
    const data = new Uint8Array(chunk)
    this.#port.postMessage({ kind: 'data', data } satisfies Piece, [data.buffer])
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#port.postMessage({ kind: 'end' } satisfies Piece)
    this.#hasEnded = true
    done()
    this.#closeWhenDone()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#hasEnded || !this.#hasPeerEnded) {
      const cut: Piece = { kind: 'cut', error: error === null ? null : postError(error) }
      this.#port.postMessage(cut)
    }
    this.#port.close()
    this.#settle(error)
    done(error)
  }

  #heard(piece: Piece): void {
    switch (piece.kind) {
      case 'data':
        this.#owesMore = true
        if (this.push(piece.data)) this._read()
        break
      case 'more':
        this.#settle(null)
        break
      case 'end':
        this.#hasPeerEnded = true
        this.push(null)
        this.#closeWhenDone()
        break
      case 'cut':
        this.destroy(piece.error === null ? cutShort() : postedError(piece.error))
        break
      default:
        piece satisfies never
    }
  }

  #settle(error: Error | null): void {
    const onTaken = this.#onTaken
    this.#onTaken = null
    onTaken?.(error)
  }

  #closeWhenDone(): void {
    if (this.#hasEnded && this.#hasPeerEnded) this.#port.close()
  }

  #closed(): void {
    if (this.destroyed || (this.#hasEnded && this.#hasPeerEnded)) return
    this.destroy(cutShort())
  }
}

function cutShort(): SluiceError {
  return new SluiceError('peer-unreachable', 'the stream to a peer was cut')
}
