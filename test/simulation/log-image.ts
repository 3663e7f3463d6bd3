import type { Entry, HardState, Membership, Snapshot } from '../../src/consensus/log/entries.ts'
import type { Persist } from '../../src/consensus/log/persist.ts'
import type { StoredState } from '../../src/consensus/store/log-store.ts'

/** What a sequence of writes amounts to. */
export class LogImage {
  hardState: HardState = { term: 0, vote: null }
  snapshot: Snapshot
  #entries: Entry[] = []

  /** @param founding the snapshot at index 0 that every node of a group begins with */
  constructor(founding: Snapshot) {
    this.snapshot = founding
  }

  copy(): LogImage {
    const copy = new LogImage(this.snapshot)
    copy.become(this)
    return copy
  }

  /** Takes over all that another one holds. */
  become(other: LogImage): void {
    this.hardState = other.hardState
    this.snapshot = other.snapshot
    this.#entries = [...other.#entries]
  }

  /** @returns what is wrong with the write, or null */
  apply(persist: Persist): string | null {
    if (persist.hardState !== null) this.hardState = persist.hardState
    if (persist.snapshot !== null) this.snapshot = persist.snapshot
    if (persist.isLogReset) this.#entries = []
    const first = persist.entries[0]
    if (first !== undefined) {
      if (first.index > this.lastIndex + 1) {
        return `entry ${first.index} is written behind a log that ends at ${this.lastIndex}`
      }
      this.#keepBelow(first.index)
      for (const entry of persist.entries) {
        const last = this.#entries.at(-1)
        if (last !== undefined && entry.index !== last.index + 1) {
          return `entry ${entry.index} is written after entry ${last.index}`
        }
        this.#entries.push(entry)
      }
    }
    this.#dropBefore(persist.firstIndex)
    return null
  }

  /** Loses the last entries, one at least where there is one. @returns whether there was */
  loseTail(count: number): boolean {
    const kept = Math.max(0, this.#entries.length - count)
    const isThere = kept < this.#entries.length && this.lastIndex > this.snapshot.index
    if (isThere) this.#entries.length = Math.max(kept, this.#countTo(this.snapshot.index))
    return isThere
  }

  get lastIndex(): number {
    return this.#entries.at(-1)?.index ?? this.snapshot.index
  }

  entryAt(index: number): Entry | null {
    const first = this.#entries[0]
    return first === undefined ? null : (this.#entries[index - first.index] ?? null)
  }

  /** @returns null where the index lies beyond the log or before what is kept of it */
  termAt(index: number): number | null {
    const entry = this.entryAt(index)
    if (entry !== null) return entry.term
    return index === this.snapshot.index ? this.snapshot.term : null
  }

  /** Whether the entry is in the log or, for all that can be told, in the snapshot. */
  holds(index: number, term: number): boolean {
    const known = this.termAt(index)
    return known === null ? index < this.snapshot.index : known === term
  }

  /** Who takes part, as the end of the log has it. */
  membership(): Membership {
    for (let n = this.#entries.length - 1; n >= 0; n -= 1) {
      const payload = this.#entries[n]?.payload
      if (payload?.kind === 'membership') return payload.membership
    }
    return this.snapshot.membership
  }

  /** What a store gives that is opened now. */
  stored(): StoredState {
    return { hardState: this.hardState, snapshot: this.snapshot, entries: [...this.#entries] }
  }

  /** How many entries lie up to an index. */
  #countTo(index: number): number {
    const first = this.#entries[0]
    return first === undefined ? 0 : Math.max(0, index - first.index + 1)
  }

  #keepBelow(index: number): void {
    const first = this.#entries[0]
    if (first !== undefined)
      this.#entries.length = Math.max(0, Math.min(this.#entries.length, index - first.index))
  }

  #dropBefore(index: number): void {
    const first = this.#entries[0]
    if (first !== undefined && first.index < index) this.#entries.splice(0, index - first.index)
  }
}
