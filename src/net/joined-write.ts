import { assert } from '../base/errors.ts'
import { latin1 } from '../base/latin1.ts'
import type { ByteView, Conn } from './conn.ts'

/** Room for a head, the largest read after it, and trailers. */
const JOIN_BYTES = 131_072

/** Where pieces are joined; one for all connections of a thread, since a write copies. */
const join = Buffer.allocUnsafeSlow(JOIN_BYTES)

/** Whose bytes are in it. Invariant: one at a time, from its first piece to its end. */
let joining: JoinedWrite | null = null

/** Bytes up to which one after the other is copied sooner than by a call out of the engine. */
const BYTES_BY_HAND_MAX = 16

/**
 * Joins what one read gives to one write: a system call and a packet for each piece would cost far
 * more than the copy. A piece that comes alone is not copied, and a short one behind a text goes as
 * text with it. What was added is held from the first piece to {@link end}, which must come within
 * the same call from the event loop.
 */
export class JoinedWrite {
  readonly #textBytesMax: number
  #to: Conn | null = null
  /** What came first, as long as nothing has followed it: a text, a piece of a view, or both. */
  #text = ''
  #view: ByteView | null = null
  #start = 0
  #end = 0
  /** Bytes in the common buffer. */
  #joinedBytes = 0
  #isTaken = true

  /** @param textBytesMax length of a piece that goes as text with what stands before it */
  constructor(textBytesMax: number) {
    this.#textBytesMax = textBytesMax
  }

  /** Writes to a connection from now on. */
  begin(to: Conn): void {
    this.#to = to
  }

  /** Drops what was added, and the connection with it. */
  forget(): void {
    this.#to = null
    this.#leaveBuffer()
    this.#isTaken = true
    this.#forgetFirst()
  }

  /** Adds text in latin1. */
  addText(text: string): void {
    if (text === '') return
    if (this.#isEmpty) {
      this.#text = text
      return
    }
    this.#joinFirst()
    if (this.#makesRoom(text.length)) {
      this.#joinedBytes += join.write(text, this.#joinedBytes, 'latin1')
    } else this.#send(text)
  }

  /** Adds `view[start, end)`. */
  add(view: ByteView, start: number, end: number): void {
    if (start === end) return
    if (this.#joinedBytes === 0 && this.#view === null) {
      this.#view = view
      this.#start = start
      this.#end = end
      return
    }
    this.#joinFirst()
    if (this.#makesRoom(end - start)) {
      copyInto(this.#joinedBytes, view, start, end)
      this.#joinedBytes += end - start
    } else this.#send(view.subarray(start, end))
  }

  /**
   * Writes what was added.
   *
   * @returns false where the connection asks to wait for its drain
   */
  end(): boolean {
    if (this.#joinedBytes > 0) this.#sendJoined()
    else this.#sendFirst()
    this.#leaveBuffer()
    const isTaken = this.#isTaken
    this.#isTaken = true
    return isTaken
  }

  get #isEmpty(): boolean {
    return this.#joinedBytes === 0 && this.#text === '' && this.#view === null
  }

  /** What came first goes to the common buffer: something follows it. */
  #joinFirst(): void {
    if (this.#joinedBytes > 0) return
    const view = this.#view
    const length = this.#text.length + (view === null ? 0 : this.#end - this.#start)
    if (length > JOIN_BYTES) {
      this.#sendFirst()
      return
    }
    assert(joining === null || joining === this, 'two writes were joined at once')
    joining = this
    if (this.#text !== '') this.#joinedBytes = join.write(this.#text, 'latin1')
    if (view !== null)
      this.#joinedBytes += view.copy(join, this.#joinedBytes, this.#start, this.#end)
    this.#forgetFirst()
  }

  /** Whether so many bytes fit in, once what is there has been sent where they would not. */
  #makesRoom(bytes: number): boolean {
    if (this.#joinedBytes + bytes > JOIN_BYTES) this.#sendJoined()
    return bytes <= JOIN_BYTES
  }

  #sendJoined(): void {
    if (this.#joinedBytes > 0) this.#send(join.subarray(0, this.#joinedBytes))
    this.#joinedBytes = 0
  }

  #sendFirst(): void {
    const view = this.#view
    const text = this.#text
    if (view === null) {
      if (text !== '') this.#send(text)
    } else if (text === '') this.#sendPiece(view)
    else if (this.#end - this.#start <= this.#textBytesMax) {
      this.#send(text + latin1(view, this.#start, this.#end))
    } else if (text.length + this.#end - this.#start > JOIN_BYTES) {
      this.#send(text)
      this.#sendPiece(view)
    } else {
      this.#joinFirst()
      this.#sendJoined()
      return
    }
    this.#forgetFirst()
  }

  #leaveBuffer(): void {
    if (joining === this) joining = null
    this.#joinedBytes = 0
  }

  #sendPiece(view: ByteView): void {
    const isAll = this.#start === 0 && this.#end === view.length
    this.#send(isAll ? view : view.subarray(this.#start, this.#end))
  }

  #forgetFirst(): void {
    this.#text = ''
    this.#view = null
  }

  #send(data: ByteView | string): void {
    if (!(this.#to as Conn).write(data)) this.#isTaken = false
  }
}

function copyInto(at: number, view: ByteView, start: number, end: number): void {
  if (end - start > BYTES_BY_HAND_MAX) {
    view.copy(join, at, start, end)
    return
  }
  for (let from = start, to = at; from < end; from++, to++) join[to] = view[from] as number
}
