import type {
  Entry,
  HardState,
  Membership,
  Snapshot,
} from '../../../../src/consensus/log/entries.ts'
import type { Persist } from '../../../../src/consensus/log/persist.ts'
import type { StoredState } from '../../../../src/consensus/store/log-store.ts'

/** A membership of one voter. */
export const MEMBERSHIP: Membership = {
  voters: [{ id: 'lb1/1', name: 'lb1', address: '127.0.0.1:7400' }],
  outgoing: [],
  learners: [],
  invited: [],
}

/** What nodes begin with. */
export const FOUNDING: Snapshot = {
  index: 0,
  term: 0,
  membership: MEMBERSHIP,
  data: new Uint8Array(),
}

/** Bytes that tell their place: no piece equals another. */
export function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => (n * 31 + (n >> 8) * 7 + seed) & 0xff)
}

/** An entry with a command. */
export function commandEntry(index: number, term: number, bytes = 20): Entry {
  return { index, term, payload: { kind: 'command', data: bytesOf(bytes, index + term) } }
}

/** A write of entries and nothing else, behind all that is kept. */
export function entriesWrite(entries: readonly Entry[], hardState: HardState | null): Persist {
  return { sequence: 1, hardState, snapshot: null, isLogReset: false, entries, firstIndex: 1 }
}

/** What a store has to hold, in the plainest way, and valid writes for it. */
export class LogTwin {
  hardState: HardState = { term: 0, vote: null }
  snapshot: Snapshot = FOUNDING
  entries: Entry[] = []
  firstIndex = 1
  #sequence = 0

  get lastIndex(): number {
    return this.firstIndex + this.entries.length - 1
  }

  get stored(): StoredState {
    const { hardState, snapshot, entries } = this
    return { hardState, snapshot, entries: [...entries] }
  }

  /** @param chance numbers in [0, 1), one after the other */
  next(chance: () => number): Persist {
    const below = (count: number) => Math.floor(chance() * count)
    const kind = below(10)
    const isSnapshot = kind === 0 || kind === 1
    if (chance() < 0.3) {
      const vote = chance() < 0.5 ? null : `lb${below(5)}/1`
      this.hardState = { term: this.hardState.term + below(2), vote }
    }
    let isLogReset = false
    let snapshot: Snapshot | null = null
    if (isSnapshot) {
      isLogReset = kind === 0
      const { membership } = FOUNDING
      const data = bytesOf(below(3000), below(100))
      if (isLogReset) {
        const index = this.lastIndex + 1 + below(5)
        snapshot = { index, term: this.hardState.term, membership, data }
        this.entries = []
        this.firstIndex = index + 1
      } else {
        const index = this.snapshot.index + below(this.lastIndex - this.snapshot.index + 1)
        const term = this.entries[index - this.firstIndex]?.term ?? this.snapshot.term
        snapshot = { index, term, membership, data }
        const keepFrom = Math.max(this.firstIndex, index + 1 - below(4))
        this.entries.splice(0, keepFrom - this.firstIndex)
        this.firstIndex = keepFrom
      }
      this.snapshot = snapshot
    }
    const entries: Entry[] = []
    if (kind > 3) {
      const from = Math.max(this.snapshot.index + 1, this.lastIndex + 1 - below(4))
      this.entries.splice(from - this.firstIndex)
      const { term } = this.hardState
      for (let n = 0; n < 1 + below(5); n++) entries.push(commandEntry(from + n, Math.max(1, term)))
      if (this.hardState.term === 0) this.hardState = { term: 1, vote: null }
      this.entries.push(...entries)
    }
    const { hardState, firstIndex } = this
    return { sequence: ++this.#sequence, hardState, snapshot, isLogReset, entries, firstIndex }
  }
}
