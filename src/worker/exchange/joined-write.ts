import type { ByteView, Conn } from '../../net/conn.ts'

/** Room for a head, the largest read after it, and trailers. */
const JOIN_BYTES = 131_072

/** Where pieces are joined; one for all connections of a thread, since a write copies. */
const join = Buffer.allocUnsafeSlow(JOIN_BYTES)

/** Bytes up to which one after the other is copied sooner than by a call out of the engine. */
const BYTES_BY_HAND_MAX = 16

/**
 * Joins what one read gives to one write: a system call and a packet for each piece would cost far
 * more than the copy. A piece that comes alone is not copied. Valid from {@link begin} to
 * {@link end}, within one call from the event loop.
 */
export class JoinedWrite {
  #to: Conn | null = null
  /** What came first, as long as nothing has followed it: a text, or a piece of a view. */
  #text = ''
  #view: ByteView | null = null
  #start = 0
  #end = 0
  /** Bytes in the common buffer. */
  #joinedBytes = 0
  #isTaken = true

  /** Begins a write to a connection. */
  begin(to: Conn): void {
    this.#to = to
    this.#isTaken = true
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
    if (this.#isEmpty) {
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
    return this.#isTaken
  }

  get #isEmpty(): boolean {
    return this.#joinedBytes === 0 && this.#text === '' && this.#view === null
  }

  /** What came first goes to the common buffer: something follows it. */
  #joinFirst(): void {
    if (this.#joinedBytes > 0) return
    const length = this.#view === null ? this.#text.length : this.#end - this.#start
    if (length > JOIN_BYTES) {
      this.#sendFirst()
      return
    }
    this.#joinedBytes =
      this.#view === null
        ? join.write(this.#text, 'latin1')
        : this.#view.copy(join, 0, this.#start, this.#end)
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
    if (this.#text !== '') this.#send(this.#text)
    else if (view !== null) {
      const isAll = this.#start === 0 && this.#end === view.length
      this.#send(isAll ? view : view.subarray(this.#start, this.#end))
    }
    this.#forgetFirst()
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
