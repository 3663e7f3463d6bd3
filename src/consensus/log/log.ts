import { assert } from '../../base/errors.ts'
import type { Entry } from './entries.ts'
import { entryBytes } from './entry-bytes.ts'

/** A place in a log: an index, and the term of the entry there. */
export interface LogPosition {
  readonly index: number
  readonly term: number
}

/** Neighbouring entries of one term. */
interface TermRun {
  readonly term: number
  readonly firstIndex: number
}

/** Entries cut out of a log, and their size for flow control. */
export interface LogSlice {
  readonly entries: readonly Entry[]
  readonly bytes: number
}

/**
 * The log in memory, from the first entry that is kept to the last one.
 *
 * Invariants: indexes are contiguous; terms never fall; the commit index never falls and lies
 * within the log; what is committed is never cut off.
 */
export class Log {
  /** Just before the first entry kept; its term is needed to check that logs meet there. */
  #base: LogPosition
  #entries: Entry[] = []
  /** In order of the indexes; looked up by term (thesis section 3.3's ordering of terms). */
  #runs: TermRun[] = []
  #commitIndex: number

  /** @param entries contiguous, from `base.index + 1` */
  constructor(base: LogPosition, entries: readonly Entry[], commitIndex: number) {
    this.#base = base
    this.#commitIndex = base.index
    this.append(entries)
    this.commitTo(commitIndex)
  }

  /** First index whose entry is kept. */
  get firstIndex(): number {
    return this.#base.index + 1
  }

  /** Index of the last entry, or of what the log continues where it has none. */
  get lastIndex(): number {
    return this.#base.index + this.#entries.length
  }

  /** Term of the last entry. */
  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term
  }

  /** Index of the last entry that is known to be committed. */
  get commitIndex(): number {
    return this.#commitIndex
  }

  /** @returns the term at an index; null before the log and after it */
  termAt(index: number): number | null {
    if (index === this.#base.index) return this.#base.term
    return this.#entries[index - this.firstIndex]?.term ?? null
  }

  /** Adds entries that continue the log. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, 'the log is contiguous')
      assert(entry.term >= this.lastTerm, 'terms in the log never fall')
      if (this.#runs.at(-1)?.term !== entry.term) {
        this.#runs.push({ term: entry.term, firstIndex: entry.index })
      }
      this.#entries.push(entry)
    }
  }

  /** Drops the entries from an index on. */
  truncateFrom(index: number): void {
    assert(index > this.#commitIndex, 'a committed entry is never truncated')
    assert(index <= this.lastIndex, 'truncation begins within the log')
    this.#entries.length = index - this.firstIndex
    while ((this.#runs.at(-1)?.firstIndex ?? 0) >= index) this.#runs.pop()
  }

  /** Drops the entries up to an index, which lie in a snapshot. */
  compactTo(index: number): void {
    const term = this.termAt(index)
    assert(term !== null && index <= this.#commitIndex, 'only committed entries are compacted')
    this.#entries.splice(0, index - this.#base.index)
    this.#base = { index, term }
    let before = 0
    while ((this.#runs[before + 1]?.firstIndex ?? Number.POSITIVE_INFINITY) <= index + 1) before++
    this.#runs.splice(0, before)
    if (this.#entries.length === 0) this.#runs.length = 0
  }

  /** Drops all entries: a snapshot that the log does not reach stands in their place. */
  reset(base: LogPosition): void {
    assert(base.index > this.#commitIndex, 'a snapshot moves the commit index on')
    this.#base = base
    this.#entries = []
    this.#runs = []
    this.#commitIndex = base.index
  }

  /** Moves the commit index on, or leaves it where it is. */
  commitTo(index: number): void {
    assert(index >= this.#commitIndex, 'the commit index never falls')
    assert(index <= this.lastIndex, 'only entries that are there are committed')
    this.#commitIndex = index
  }

  /** @returns entries from an index on: as many as have room in `bytesMax`, one at least */
  slice(from: number, bytesMax: number): LogSlice {
    const start = from - this.firstIndex
    assert(start >= 0, 'entries are cut from the log that is kept')
    let bytes = 0
    let end = start
    for (; end < this.#entries.length; end++) {
      const more = entryBytes(this.#entry(end))
      if (end > start && bytes + more > bytesMax) break
      bytes += more
    }
    return { entries: this.#entries.slice(start, end), bytes }
  }

  /** @returns the entries from one index to another, both included; none where they cross */
  between(from: number, to: number): readonly Entry[] {
    assert(from >= this.firstIndex && to <= this.lastIndex, 'entries are cut from within the log')
    return this.#entries.slice(from - this.firstIndex, to - this.firstIndex + 1)
  }

  /** @returns the last index up to `index` whose term is at most `term`; before all, the base's */
  lastIndexWithin(index: number, term: number): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#runs[middle]?.term ?? 0) <= term) low = middle + 1
      else high = middle
    }
    const nextRun = this.#runs[low]
    const end = low === 0 ? this.#base.index : (nextRun?.firstIndex ?? this.lastIndex + 1) - 1
    return Math.max(this.#base.index, Math.min(index, end))
  }

  #entry(position: number): Entry {
    const entry = this.#entries[position]
    assert(entry !== undefined, 'a position of the log has an entry')
    return entry
  }
}
