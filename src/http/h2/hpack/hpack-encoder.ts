import type { FrameBuffer } from '../frames/frame-buffer.ts'
import { DynamicTable } from './dynamic-table.ts'
import { HeaderField } from './header-field.ts'
import { encodeHuffman, huffmanLength } from './huffman-encoder.ts'
import { STATIC_FIELDS } from './static-table.ts'

/** How a field that is in no table yet is written. RFC 7541 section 6.2. */
export type Indexing =
  /** It is put into the table: it will come again. */
  | 'indexed'
  /** It will hardly come again. */
  | 'plain'
  /** A secret: nobody on the way may put it into a table either. RFC 7541 section 7.1.3. */
  | 'never'

/** First byte of a representation, and the bits of it that an index takes. RFC 7541 section 6.2. */
const LITERALS = {
  indexed: { pattern: 0x40, prefix: 0x3f },
  plain: { pattern: 0x00, prefix: 0x0f },
  never: { pattern: 0x10, prefix: 0x0f },
} as const

/** Most bytes of an integer: six for one below 2^32. */
const INTEGER_BYTES_MAX = 6

/** A name in the tables. */
class KnownName {
  /** Static index of a field of this name, 0 if there is none. */
  staticIndex = 0
  /** By value: static index. */
  readonly staticValues = new Map<string, number>()
}

const KNOWN_NAMES: ReadonlyMap<string, KnownName> = knownNames()

function knownNames(): Map<string, KnownName> {
  const names = new Map<string, KnownName>()
  for (const [n, { name, value }] of STATIC_FIELDS.entries()) {
    const known = names.get(name) ?? new KnownName()
    names.set(name, known)
    if (known.staticIndex === 0) known.staticIndex = n + 1
    if (value !== '') known.staticValues.set(value, n + 1)
  }
  return names
}

/**
 * Writes the header blocks that one end of a connection sends: RFC 7541. Names in lower case and
 * values are texts of a character a byte.
 */
export class HpackEncoder {
  readonly #table = new DynamicTable(0)
  /** What this end would use of the table, however large the other one lets it be. */
  readonly #wanted: number
  /** Sizes that the next block has to tell, the smallest and the last. RFC 7541 section 4.2. */
  #smallestSize = -1
  #nextSize = -1
  /** Where fields are in the dynamic table, by name and value: absolute; those gone are stale. */
  #places = new Map<string, number>()

  /**
   * @param wanted bytes of the dynamic table that are used at most
   * @param sizeLimit what the other end allows: 4096 before it says otherwise (RFC 9113 section 6.5.2)
   */
  constructor(wanted: number, sizeLimit = 4096) {
    this.#wanted = wanted
    this.#table.resize(Math.min(wanted, sizeLimit))
    if (this.#table.sizeMax !== sizeLimit) this.setSizeLimit(sizeLimit)
  }

  /** The other end allows a table of `sizeLimit` bytes: its SETTINGS_HEADER_TABLE_SIZE. */
  setSizeLimit(sizeLimit: number): void {
    this.#nextSize = Math.min(this.#wanted, sizeLimit)
    this.#smallestSize =
      this.#smallestSize < 0 ? this.#nextSize : Math.min(this.#smallestSize, this.#nextSize)
    this.#table.resize(this.#nextSize)
  }

  /** Begins a block. */
  beginBlock(into: FrameBuffer): void {
    if (this.#nextSize < 0) return
    into.makeRoom(2 * INTEGER_BYTES_MAX)
    if (this.#smallestSize < this.#nextSize) writeInteger(into, 0x20, 0x1f, this.#smallestSize)
    writeInteger(into, 0x20, 0x1f, this.#nextSize)
    this.#smallestSize = -1
    this.#nextSize = -1
  }

  /** Adds a field to the block. @param indexing how it is written where it is in no table */
  field(into: FrameBuffer, name: string, value: string, indexing: Indexing): void {
    into.makeRoom(name.length + value.length + 3 * INTEGER_BYTES_MAX)
    const known = KNOWN_NAMES.get(name)
    const index = indexing === 'never' ? 0 : this.#indexOf(known, name, value, indexing)
    if (index > 0) {
      writeInteger(into, 0x80, 0x7f, index)
      return
    }
    const field = new HeaderField(name, value)
    const isTaken = indexing === 'indexed' && field.size <= this.#table.sizeMax
    const { pattern, prefix } =
      LITERALS[isTaken ? 'indexed' : indexing === 'never' ? 'never' : 'plain']
    const nameIndex = known?.staticIndex ?? 0
    writeInteger(into, pattern, prefix, nameIndex)
    if (nameIndex === 0) writeString(into, name)
    writeString(into, value)
    if (isTaken) this.#insert(field)
  }

  /** Of the whole field, 0 where it is in no table. */
  #indexOf(known: KnownName | undefined, name: string, value: string, indexing: Indexing): number {
    const staticIndex = known?.staticValues.get(value) ?? 0
    if (staticIndex > 0 || indexing !== 'indexed') return staticIndex
    const place = this.#places.get(keyOf(name, value))
    if (place === undefined) return 0
    const age = this.#table.inserted - 1 - place
    return age < this.#table.length ? STATIC_FIELDS.length + 1 + age : 0
  }

  #insert(field: HeaderField): void {
    this.#table.insert(field)
    // Invariant: not more stale places than fields.
    if (this.#places.size >= 2 * this.#table.length) this.#forgetStale()
    this.#places.set(keyOf(field.name, field.value), this.#table.inserted - 1)
  }

  #forgetStale(): void {
    const oldest = this.#table.inserted - this.#table.length
    for (const [key, place] of this.#places) if (place < oldest) this.#places.delete(key)
  }
}

/** RFC 7541 section 5.2: Huffman-coded where that is shorter. */
function writeString(into: FrameBuffer, text: string): void {
  const coded = huffmanLength(text)
  if (coded < text.length) {
    writeInteger(into, 0x80, 0x7f, coded)
    into.length = encodeHuffman(text, into.bytes, into.length)
    return
  }
  writeInteger(into, 0x00, 0x7f, text.length)
  into.latin1(text)
}

/** RFC 7541 section 5.1. @param prefix bits of the first byte that belong to it, all set */
function writeInteger(into: FrameBuffer, pattern: number, prefix: number, value: number): void {
  if (value < prefix) {
    into.byte(pattern | value)
    return
  }
  into.byte(pattern | prefix)
  let rest = value - prefix
  for (; rest >= 128; rest = Math.floor(rest / 128)) into.byte(0x80 | (rest & 0x7f))
  into.byte(rest)
}

/** Neither holds a NUL: no name or value that may be sent does. */
function keyOf(name: string, value: string): string {
  return `${name}\0${value}`
}
