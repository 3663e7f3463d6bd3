import type { CoreInitial } from '../../../../src/consensus/core/core.ts'
import type {
  Entry,
  HardState,
  Membership,
  NodeId,
  Snapshot,
} from '../../../../src/consensus/log/entries.ts'
import type { Persist } from '../../../../src/consensus/log/persist.ts'

/** Members `a`, `b`, … by their ids. */
export function membersOf(ids: string): Membership['voters'] {
  return [...ids].map((id) => ({ id, name: id, address: `${id}:1` }))
}

/** A membership outside a joint phase. */
export function membershipOf(voters: string, learners = ''): Membership {
  return {
    voters: membersOf(voters),
    outgoing: [],
    learners: membersOf(learners),
    invited: [],
  }
}

/** What a group that was just founded begins with. */
export function foundingOf(membership: Membership): Snapshot {
  return { index: 0, term: 0, membership, data: new Uint8Array() }
}

/** An entry whose command is a word. */
export function commandOf(index: number, term: number, word = `${index}@${term}`): Entry {
  return { index, term, payload: { kind: 'command', data: new TextEncoder().encode(word) } }
}

/** Entries from 1 on, one for each term given. */
export function entriesOf(terms: readonly number[]): Entry[] {
  return terms.map((term, n) => commandOf(n + 1, term))
}

/** What a Persist means, done to memory. */
export class Disk {
  hardState: HardState
  snapshot: Snapshot
  entries: Entry[]
  /** Whom it voted for, by term: once said it stays. */
  readonly votes = new Map<number, NodeId>()

  constructor(initial: CoreInitial) {
    this.hardState = initial.hardState
    this.snapshot = initial.snapshot
    this.entries = [...initial.entries]
  }

  write({ hardState, snapshot, isLogReset, entries, firstIndex }: Persist): void {
    if (hardState !== null) {
      const voted = this.votes.get(hardState.term)
      if (voted !== undefined && voted !== hardState.vote) {
        throw new Error(`two votes in term ${hardState.term}: ${voted}, ${hardState.vote}`)
      }
      if (hardState.vote !== null) this.votes.set(hardState.term, hardState.vote)
      if (hardState.term < this.hardState.term) throw new Error('the durable term falls')
      this.hardState = hardState
    }
    if (snapshot !== null) this.snapshot = snapshot
    if (isLogReset) this.entries = []
    const first = entries[0]
    if (first !== undefined) {
      this.entries = [...this.entries.filter(({ index }) => index < first.index), ...entries]
    }
    this.entries = this.entries.filter(({ index }) => index >= firstIndex)
    this.#check()
  }

  /** What a node that starts again finds. */
  initial(): CoreInitial {
    return { hardState: this.hardState, snapshot: this.snapshot, entries: [...this.entries] }
  }

  #check(): void {
    this.entries.forEach((entry, n) => {
      if (n > 0 && entry.index !== (this.entries[n - 1]?.index ?? 0) + 1) {
        throw new Error(`a hole on the disk before ${entry.index}`)
      }
    })
    const first = this.entries[0]
    if (first !== undefined && first.index > this.snapshot.index + 1) {
      throw new Error(`nothing on the disk leads to ${first.index}`)
    }
  }
}
