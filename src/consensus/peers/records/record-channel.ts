import type { RawData, WebSocket } from 'ws'
import { ByteReader } from '../../encoding/byte-reader.ts'
import { ByteWriter } from '../../encoding/byte-writer.ts'
import { readObjection, writeObjection } from '../handshake/handshake.ts'
import type { PeerCounters } from '../peer-counters.ts'
import type { PeerLimits } from '../peer-limits.ts'
import type { Objection } from '../refusals.ts'
import { closeSocket } from '../web-sockets.ts'
import { type RecordKind, RecordPacker, RecordReader } from './packing.ts'

/** Close code of RFC 6455 for a peer that broke a rule. */
const POLICY_CLOSE = 1008
const OBJECTION_BYTES = 128

/** Who a channel belongs to. */
export interface ChannelOwner {
  /** @param data the receiver's to keep */
  onRecord(kind: Exclude<RecordKind, 'objection'>, data: Uint8Array): void
  /** The peer ends the channel and says why. */
  onObjection(objection: Objection): void
  /** The peer has sent garbage; the channel is closing. */
  onGarbage(what: string): void
}

/**
 * Records over a WebSocket whose ends know each other. Records that are sent in one turn of the
 * event loop go out together at its end, so that they share messages and system calls.
 */
export class RecordChannel {
  /** Taken over by whoever the channel is handed to. */
  owner: ChannelOwner
  readonly socket: WebSocket
  readonly #limits: PeerLimits
  readonly #counters: PeerCounters
  readonly #packer = new RecordPacker()
  readonly #reader: RecordReader
  #flush: NodeJS.Immediate | null = null
  #isClosing = false

  constructor(socket: WebSocket, limits: PeerLimits, counters: PeerCounters, owner: ChannelOwner) {
    this.socket = socket
    this.owner = owner
    this.#limits = limits
    this.#counters = counters
    this.#reader = new RecordReader(limits.frameBytesMax, (kind, data) => this.#take(kind, data))
    socket.on('close', () => this.#forget())
  }

  /** Bytes that have not been given to the system yet. */
  get waitingBytes(): number {
    return this.#packer.pendingBytes + this.socket.bufferedAmount
  }

  /**
   * @param data not to be changed before the turn of the event loop has ended
   * @returns false where the record was dropped: the channel is closing, or has too much waiting
   */
  send(kind: RecordKind, data: Uint8Array): boolean {
    const { frameBytesMax, sendBufferBytesMax } = this.#limits
    const fits =
      data.length <= frameBytesMax && this.waitingBytes + data.length <= sendBufferBytesMax
    if (!fits || this.#isClosing || this.socket.readyState !== this.socket.OPEN) return false
    this.#packer.add(kind, data)
    this.#flush ??= setImmediate(() => this.flush())
    return true
  }

  /**
   * Sends what waits for the end of the turn.
   *
   * @param done called when the system has it, or will never have it
   */
  flush(done?: (failure: Error | null) => void): void {
    if (this.#flush !== null) clearImmediate(this.#flush)
    this.#flush = null
    const messages = this.#packer.take()
    if (messages.length === 0) done?.(null)
    const last = messages.length - 1
    messages.forEach((message, n) => {
      this.#counters.bytesOut += message.length
      this.#counters.messagesOut++
      this.socket.send(message, n === last ? (failure) => done?.(failure ?? null) : undefined)
    })
  }

  /** A message of the peer. After the channel is told to close it hears nothing any more. */
  receive(message: RawData, isBinary: boolean): void {
    if (this.#isClosing) return
    const bytes = isBinary && Buffer.isBuffer(message) ? message : null
    if (bytes === null) this.garbage('text instead of bytes')
    else {
      this.#counters.bytesIn += bytes.length
      if (!this.#reader.feed(bytes)) this.garbage('a record makes no sense')
    }
  }

  /** Ends the channel without a word: the peer does not keep the rules. */
  garbage(what: string): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.socket.terminate()
    this.owner.onGarbage(what)
  }

  /** Tells the peer why, and ends the channel. */
  object(objection: Objection): void {
    const writer = new ByteWriter(OBJECTION_BYTES)
    writeObjection(writer, objection)
    this.send('objection', writer.finish())
    this.close(POLICY_CLOSE)
  }

  /** Ends the channel after what was sent, for which `closeTimeoutMs` is allowed. */
  close(code: number): void {
    if (this.#isClosing) return
    this.flush()
    this.#isClosing = true
    closeSocket(this.socket, code, this.#limits.closeTimeoutMs)
  }

  #take(kind: RecordKind, data: Uint8Array): void {
    if (this.#isClosing) return
    if (kind !== 'objection') {
      this.owner.onRecord(kind, data)
      return
    }
    const objection = objectionOf(data)
    if (objection === null) {
      this.garbage('a refusal makes no sense')
      return
    }
    this.close(POLICY_CLOSE)
    this.owner.onObjection(objection)
  }

  #forget(): void {
    this.#isClosing = true
    if (this.#flush !== null) clearImmediate(this.#flush)
    this.#flush = null
  }
}

function objectionOf(data: Uint8Array): Objection | null {
  const reader = new ByteReader(data)
  try {
    const objection = readObjection(reader)
    reader.end()
    return objection
  } catch {
    return null
  }
}
