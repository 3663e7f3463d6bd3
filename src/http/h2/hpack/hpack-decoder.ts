import { latin1 } from '../../../base/latin1.ts'
import { DynamicTable } from './dynamic-table.ts'
import { HeaderField } from './header-field.ts'
import { decodeHuffman } from './huffman-decoder.ts'
import { STATIC_FIELDS } from './static-table.ts'

/** What a {@link HpackDecoder} tells of the fields of a header list, in their order. */
export interface FieldSink {
  /**
   * @param field one object however often it comes by an index: what is found out about it once
   *   holds for the next time
   * @param isNeverIndexed whoever sends it on must not put it into a table either (RFC 7541 section
   *   6.2.3)
   */
  onField(field: HeaderField, isNeverIndexed: boolean): void
}

/** The block breaks the format: the connection ends with COMPRESSION_ERROR. RFC 9113 section 4.3. */
export const HPACK_MALFORMED = -1
/** A string is longer than its bound. */
export const HPACK_TOO_LONG = -2

/** What `#representation` gives where the bytes at hand do not hold all of it. */
const INCOMPLETE = -3

/** Bits of a representation's first byte. RFC 7541 section 6. */
const INDEXED = 0x80
const WITH_INDEXING = 0x40
const SIZE_UPDATE = 0x20
const NEVER_INDEXED = 0x10
/** Bit of a string's first byte: it is Huffman-coded. RFC 7541 section 5.2. */
const HUFFMAN = 0x80

/** Bytes that may follow the first one of an integer: more say a number that nothing here can be. */
const INTEGER_BYTES_MAX = 5
/** RFC 7541 section 4.2: the smallest size in between and the final one are told. */
const SIZE_UPDATES_MAX = 2

/** Where Huffman-coded strings are written to, by all decoders of a thread in turn. */
let scratch = Buffer.allocUnsafeSlow(4096)

/**
 * Reads the header blocks that one end of a connection sends: RFC 7541. A block may come in parts,
 * cut anywhere; fields are told as they become whole.
 *
 * After a negative result the table is not what the other end thinks it is: the decoder must not be
 * used again.
 */
export class HpackDecoder {
  readonly #table: DynamicTable
  readonly #stringBytesMax: number
  /** What the other end may set the table's size to. */
  #sizeLimit: number
  /** The size had to be lowered: the next block begins with an update. RFC 7541 section 4.2. */
  #isUpdateDue = false
  /** Size updates at the beginning of this block; -1 once there was a field. */
  #updates = 0
  #view: Buffer = scratch
  #place = 0
  #end = 0

  /**
   * @param sizeLimit of the dynamic table, in bytes: SETTINGS_HEADER_TABLE_SIZE
   * @param stringBytesMax most bytes of a name or value as they come
   */
  constructor(sizeLimit: number, stringBytesMax: number) {
    this.#table = new DynamicTable(sizeLimit)
    this.#sizeLimit = sizeLimit
    this.#stringBytesMax = stringBytesMax
  }

  /** The other end knows that the table may be this large from now on: it has acknowledged it. */
  setSizeLimit(sizeLimit: number): void {
    this.#sizeLimit = sizeLimit
    if (sizeLimit < this.#table.sizeMax) this.#isUpdateDue = true
  }

  /**
   * Reads what is whole in `view[start, end)`. What is not is to be given again, with what follows.
   *
   * @returns where that begins, or {@link HPACK_MALFORMED} or {@link HPACK_TOO_LONG}
   */
  decode(view: Buffer, start: number, end: number, sink: FieldSink): number {
    this.#view = view
    this.#end = end
    for (let done = start; ; done = this.#place) {
      this.#place = done
      if (done === end) return done
      const result = this.#representation(view[done] as number, sink)
      if (result === INCOMPLETE) return done
      if (result < 0) return result
    }
  }

  /**
   * The block is over.
   *
   * @returns whether it may be; false where a size update was due
   */
  endBlock(): boolean {
    this.#updates = 0
    return !this.#isUpdateDue
  }

  /** @returns 0, or what is wrong */
  #representation(first: number, sink: FieldSink): number {
    if ((first & (INDEXED | WITH_INDEXING | SIZE_UPDATE)) === SIZE_UPDATE) return this.#resize()
    if (this.#isUpdateDue) return HPACK_MALFORMED
    this.#updates = -1
    return (first & INDEXED) !== 0 ? this.#indexed(sink) : this.#literal(first, sink)
  }

  /** RFC 7541 section 6.3. Only at the beginning of a block: section 4.2. */
  #resize(): number {
    const size = this.#integer(0x1f)
    if (size < 0) return size
    if (size > this.#sizeLimit || this.#updates < 0) return HPACK_MALFORMED
    if (++this.#updates > SIZE_UPDATES_MAX) return HPACK_MALFORMED
    this.#table.resize(size)
    this.#isUpdateDue = false
    return 0
  }

  /** RFC 7541 section 6.1. */
  #indexed(sink: FieldSink): number {
    const index = this.#integer(0x7f)
    if (index < 0) return index
    const field = this.#fieldAt(index)
    if (field === null) return HPACK_MALFORMED
    sink.onField(field, false)
    return 0
  }

  /** RFC 7541 section 6.2. Both strings are looked for before either is read. */
  #literal(first: number, sink: FieldSink): number {
    const isIndexed = (first & WITH_INDEXING) !== 0
    const index = this.#integer(isIndexed ? 0x3f : 0x0f)
    if (index < 0) return index
    const named = index === 0 ? null : this.#fieldAt(index)
    if (index !== 0 && named === null) return HPACK_MALFORMED
    const nameStart = this.#place
    const afterName = named === null ? this.#skipString() : 0
    if (afterName < 0) return afterName
    const valueStart = this.#place
    const afterValue = this.#skipString()
    if (afterValue < 0) return afterValue
    const name = named === null ? this.#string(nameStart) : named.name
    const value = this.#string(valueStart)
    if (name === null || value === null) return HPACK_MALFORMED
    const field = new HeaderField(name, value)
    if (isIndexed) this.#table.insert(field)
    sink.onField(field, (first & (WITH_INDEXING | NEVER_INDEXED)) === NEVER_INDEXED)
    return 0
  }

  /** RFC 7541 section 2.3.3: static fields first, then the dynamic ones from the newest on. */
  #fieldAt(index: number): HeaderField | null {
    if (index === 0) return null
    if (index <= STATIC_FIELDS.length) return STATIC_FIELDS[index - 1] as HeaderField
    const age = index - STATIC_FIELDS.length - 1
    return age < this.#table.length ? this.#table.at(age) : null
  }

  /** Goes past a string. @returns 0, or what is wrong */
  #skipString(): number {
    if (this.#place >= this.#end) return INCOMPLETE
    const length = this.#integer(0x7f)
    if (length < 0) return length
    if (length > this.#stringBytesMax) return HPACK_TOO_LONG
    if (length > this.#end - this.#place) return INCOMPLETE
    this.#place += length
    return 0
  }

  /** The string at `start`, which is whole, or null where it is wrongly coded. */
  #string(start: number): string | null {
    const view = this.#view
    this.#place = start
    const length = this.#integer(0x7f)
    const from = this.#place
    this.#place += length
    if (((view[start] as number) & HUFFMAN) === 0) return latin1(view, from, this.#place)
    const room = Math.ceil((length * 8) / 5)
    if (scratch.length < room) scratch = Buffer.allocUnsafeSlow(2 * room)
    const end = decodeHuffman(view, from, this.#place, scratch, 0)
    return end < 0 ? null : latin1(scratch, 0, end)
  }

  /** RFC 7541 section 5.1. @param prefix bits of the first byte that belong to it, all set */
  #integer(prefix: number): number {
    const view = this.#view
    const first = (view[this.#place++] as number) & prefix
    if (first < prefix) return first
    let value = prefix
    let factor = 1
    for (let n = 0; n < INTEGER_BYTES_MAX; n++) {
      if (this.#place >= this.#end) return INCOMPLETE
      const byte = view[this.#place++] as number
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    return HPACK_MALFORMED
  }
}
