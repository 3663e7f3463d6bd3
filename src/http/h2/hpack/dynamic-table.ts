import type { HeaderField } from './header-field.ts'

const FIRST_CAPACITY = 16

/**
 * The fields that one end has told the other, the newest first, in a ring. RFC 7541 section 2.3.2.
 *
 * Invariant: their sizes together are at most {@link sizeMax}.
 */
export class DynamicTable {
  #ring: (HeaderField | null)[] = []
  /** Fields that were ever inserted: where the next one goes, by the ring's length. */
  #inserted = 0
  #length = 0
  #size = 0
  #sizeMax: number

  /** @param sizeMax bytes, in the sense of {@link HeaderField.size} */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** How many fields it holds. */
  get length(): number {
    return this.#length
  }

  /** How many were ever inserted: the absolute index of the next one. */
  get inserted(): number {
    return this.#inserted
  }

  /** What its fields may take together. */
  get sizeMax(): number {
    return this.#sizeMax
  }

  /** Drops the oldest until what is left fits. RFC 7541 section 4.3. */
  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax
    this.#evictTo(sizeMax)
  }

  /** The field that came `age` fields before the newest one; `age` is below {@link length}. */
  at(age: number): HeaderField {
    const ring = this.#ring
    return ring[(this.#inserted - 1 - age) & (ring.length - 1)] as HeaderField
  }

  /** RFC 7541 section 4.4: a field larger than the table empties it, and is not taken. */
  insert(field: HeaderField): void {
    const { size } = field
    this.#evictTo(this.#sizeMax - size)
    if (size > this.#sizeMax) return
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[this.#inserted & (this.#ring.length - 1)] = field
    this.#inserted++
    this.#length++
    this.#size += size
  }

  #evictTo(size: number): void {
    const ring = this.#ring
    while (this.#length > 0 && this.#size > size) {
      const oldest = (this.#inserted - this.#length) & (ring.length - 1)
      this.#size -= (ring[oldest] as HeaderField).size
      ring[oldest] = null
      this.#length--
    }
  }

  /** Invariant: at most twice as long as the fields that fit, each of which has an overhead. */
  #grow(): void {
    const before = this.#ring
    const capacity = before.length === 0 ? FIRST_CAPACITY : 2 * before.length
    const ring = new Array<HeaderField | null>(capacity).fill(null)
    for (let n = this.#inserted - this.#length; n < this.#inserted; n++) {
      ring[n & (capacity - 1)] = before[n & (before.length - 1)] as HeaderField
    }
    this.#ring = ring
  }
}
