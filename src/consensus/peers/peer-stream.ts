import { Duplex } from 'node:stream'
import { SluiceError } from '../../base/errors.ts'
import { MESSAGE_BYTES_MAX, type RecordKind } from './records/packing.ts'
import type { ChannelOwner, RecordChannel } from './records/record-channel.ts'
import type { Objection } from './refusals.ts'

/** Close code of RFC 6455 for a connection that has done its work. */
const NORMAL_CLOSE = 1000
/** Of one record: what is not read stays with the sender, but for one message. */
const PIECE_BYTES_MAX = MESSAGE_BYTES_MAX - 16
/** Records that are given to the system at once. */
const BURST_PIECES_MAX = 16

/**
 * A byte stream to a peer. Each side ends on its own, as with TCP, and says so in a record: a stream
 * that is cut short ends in an error, never as if it were complete.
 */
export class PeerStream extends Duplex implements ChannelOwner {
  readonly #channel: RecordChannel
  readonly #peer: string
  readonly #onRefused: (objection: Objection, isOurs: boolean) => void
  #hasPeerEnded = false
  #hasEnded = false

  /**
   * @param channel admitted; the stream takes it over
   * @param peer name of the node at the other end, for errors
   */
  constructor(
    channel: RecordChannel,
    peer: string,
    onRefused: (objection: Objection, isOurs: boolean) => void,
  ) {
    super({ allowHalfOpen: true })
    this.#channel = channel
    this.#peer = peer
    this.#onRefused = onRefused
    channel.owner = this
    channel.socket.on('close', () => this.#closed())
  }

  onRecord(kind: Exclude<RecordKind, 'objection'>, data: Uint8Array): void {
    // A node's hello may change while the stream is open; links tell what matters of it.
    if (kind === 'hello') return
    if (this.#hasPeerEnded || (kind !== 'data' && kind !== 'end')) {
      this.#channel.garbage(`${kind} where none may be`)
    } else if (kind === 'end') {
      this.#hasPeerEnded = true
      this.push(null)
      this.#closeWhenDone()
    } else if (!this.push(data)) {
      this.#channel.socket.pause()
    }
  }

  onObjection(objection: Objection): void {
    this.#onRefused(objection, false)
    this.destroy(new SluiceError('peer-refused', `${this.#peer}: ${objection.message}`))
  }

  onGarbage(what: string): void {
    this.#onRefused({ reason: 'garbage', message: what }, true)
    this.destroy(new SluiceError('peer-unreachable', `the stream to ${this.#peer} broke: ${what}`))
  }

  override _read(): void {
    if (this.#channel.socket.isPaused) this.#channel.socket.resume()
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#writeFrom(chunk, 0, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    const isSent = this.#channel.send('end', new Uint8Array())
    if (!isSent) {
      done(this.#lost())
      return
    }
    this.#hasEnded = true
    this.#channel.flush(done)
    this.#closeWhenDone()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#hasEnded || !this.#hasPeerEnded) this.#channel.socket.terminate()
    done(error)
  }

  /** A burst, and the rest once the system has that. */
  #writeFrom(chunk: Buffer, start: number, done: (error?: Error | null) => void): void {
    const end = Math.min(start + PIECE_BYTES_MAX * BURST_PIECES_MAX, chunk.length)
    for (let at = start; at < end; at += PIECE_BYTES_MAX) {
      const piece = chunk.subarray(at, Math.min(at + PIECE_BYTES_MAX, end))
      if (!this.#channel.send('data', piece)) {
        done(this.#lost())
        return
      }
    }
    this.#channel.flush((failure) => {
      if (failure !== null || end === chunk.length) done(failure)
      else this.#writeFrom(chunk, end, done)
    })
  }

  #closeWhenDone(): void {
    if (!this.#hasEnded || !this.#hasPeerEnded) return
    // A paused connection would not read the end of the closing handshake.
    this.#channel.socket.resume()
    this.#channel.close(NORMAL_CLOSE)
  }

  #closed(): void {
    if (this.destroyed || (this.#hasEnded && this.#hasPeerEnded)) return
    this.destroy(this.#lost())
  }

  #lost(): SluiceError {
    return new SluiceError('peer-unreachable', `the stream to ${this.#peer} was cut`)
  }
}
