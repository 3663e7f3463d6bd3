import type { Entry, Member, Membership, NodeId } from '../../src/consensus/log/entries.ts'
import type { Persist } from '../../src/consensus/log/persist.ts'
import type { Message } from '../../src/consensus/raft/messages.ts'
import type { Disk } from './disk.ts'

/** What no run may ever do. The run ends with it. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** What the judge looks at of a node after each of its steps. */
export interface Observed {
  readonly id: NodeId
  readonly role: string
  readonly term: number
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly membership: Membership
}

/** A committed entry: what it is, and the term of the leader that committed it. */
interface Committed {
  readonly term: number
  readonly committedInTerm: number
}

interface KnownEntry {
  readonly entry: Entry
  /** Of the entry before it; null where the log that it was seen in begins with it. */
  previousTerm: number | null
}

/** By how much a machine's clock may be slower than the world's, and more. */
const CLOCK_RATIO_MAX = 1.2

/** Between what is due and its doing, at most: as between two heartbeats, and more. */
const TURN_MS = 100

/** Indexes that a key made of an index and a term may go to. */
const INDEX_LIMIT = 1_000_000

/**
 * Sees every step of every node and holds them to the properties of Raft (paper, figure 3), and to
 * what the state machines and the disks owe on top.
 */
export class Judge {
  readonly #leaders = new Map<number, NodeId>()
  readonly #votes = new Map<string, NodeId>()
  readonly #entries = new Map<number, KnownEntry>()
  readonly #committed: (Committed | undefined)[] = []
  readonly #commands = new Map<number, Uint8Array>()
  readonly #states = new Map<number, string>()
  readonly #disks = new Map<NodeId, Disk>()
  readonly #snapshotIndexes = new WeakMap<Uint8Array, number>()
  readonly #commitOfRun = new Map<NodeId, number>()
  #highestAcknowledged = 0
  #highestCommit = 0

  /** Highest index that any node has known to be committed. */
  get commitIndex(): number {
    return this.#highestCommit
  }

  /** Highest index whose effect a client has been told of. */
  get acknowledgedIndex(): number {
    return this.#highestAcknowledged
  }

  /** How many terms have had a leader. */
  get leaderCount(): number {
    return this.#leaders.size
  }

  watch(disk: Disk): void {
    this.#disks.set(disk.id, disk)
  }

  /** The process of a node ends: what it knew but had not made durable may go back. */
  onRestart(id: NodeId): void {
    this.#commitOfRun.delete(id)
  }

  /** @returns the index of a snapshot that some node has written */
  snapshotIndexOf(data: Uint8Array): number {
    return this.#snapshotIndexes.get(data) ?? 0
  }

  /** Election safety's other half: one vote a term, whatever happens between (paper section 5.2). */
  onSend(message: Message): void {
    if (message.type === 'vote') this.#countVote(message.from, message.term, message.from)
    if (message.type === 'vote-reply' && message.isGranted) {
      this.#countVote(message.from, message.term, message.to)
    }
  }

  #countVote(voter: NodeId, term: number, candidate: NodeId): void {
    const key = `${voter}@${term}`
    const before = this.#votes.get(key)
    this.#votes.set(key, candidate)
    if (before !== undefined && before !== candidate) {
      throw new Violation(`${voter} votes for ${before} and ${candidate} in term ${term}`)
    }
  }

  /** Log matching: an index and a term say what the entry is and all that come before it. */
  onWrite(disk: Disk, persist: Persist): void {
    if (persist.hardState !== null && persist.hardState.term < disk.issued.hardState.term) {
      throw new Violation(`${disk.id} goes back to term ${persist.hardState.term}`)
    }
    if (persist.snapshot !== null) {
      this.#snapshotIndexes.set(persist.snapshot.data, persist.snapshot.index)
    }
    const problem = disk.issued.apply(persist)
    if (problem !== null) throw new Violation(`${disk.id}: ${problem}`)
    for (const entry of persist.entries) {
      this.#know(entry, disk.issued.termAt(entry.index - 1), disk.id)
    }
  }

  #know(entry: Entry, previousTerm: number | null, id: NodeId): void {
    const key = entry.term * INDEX_LIMIT + entry.index
    const known = this.#entries.get(key)
    if (known === undefined) {
      this.#entries.set(key, { entry, previousTerm })
      return
    }
    if (!isSameEntry(known.entry, entry)) {
      throw new Violation(`${id} has another entry ${entry.index} of term ${entry.term}`)
    }
    if (known.previousTerm === null) known.previousTerm = previousTerm
    else if (previousTerm !== null && previousTerm !== known.previousTerm) {
      throw new Violation(
        `${id} has before entry ${entry.index} of term ${entry.term} one of term ${previousTerm}, not ${known.previousTerm}`,
      )
    }
  }

  /** After every step of a running node. */
  onStep(node: Observed, disk: Disk): void {
    if (node.role === 'leader') this.#seeLeader(node, disk)
    this.#seeCommit(node, disk)
  }

  /**
   * A leader whose disk hangs has a timeout to notice, and another to hand over: not more.
   *
   * @param stalledMs for how long it has run while its oldest write was not done
   */
  onStall(node: Observed, stalledMs: number, electionMaxMs: number): void {
    if (node.role !== 'leader' || stalledMs < 2 * electionMaxMs * CLOCK_RATIO_MAX + TURN_MS) return
    throw new Violation(`${node.id} keeps the lead though its disk hangs for ${stalledMs} ms`)
  }

  /** Election safety, and leader completeness (paper sections 5.2 and 5.4). */
  #seeLeader(node: Observed, disk: Disk): void {
    const leader = this.#leaders.get(node.term)
    if (leader === node.id) return
    if (leader !== undefined) {
      throw new Violation(`${leader} and ${node.id} lead in term ${node.term}`)
    }
    this.#leaders.set(node.term, node.id)
    for (let index = this.#highestCommit; index > 0; index -= 1) {
      const committed = this.#committed[index]
      if (committed === undefined || committed.committedInTerm >= node.term) continue
      if (!disk.issued.holds(index, committed.term)) {
        throw new Violation(
          `${node.id} leads in term ${node.term} without entry ${index}, committed in term ${committed.committedInTerm}`,
        )
      }
      return
    }
  }

  #seeCommit(node: Observed, disk: Disk): void {
    const before = this.#commitOfRun.get(node.id) ?? 0
    if (node.commitIndex === before) return
    if (node.commitIndex < before) {
      throw new Violation(`${node.id} takes back its commit ${before}: ${node.commitIndex}`)
    }
    this.#commitOfRun.set(node.id, node.commitIndex)
    const isNews = node.commitIndex > this.#highestCommit
    for (let index = before + 1; index <= node.commitIndex; index += 1) {
      const term = disk.issued.termAt(index)
      if (term !== null) this.#seeCommitted(node, index, term)
    }
    if (isNews) {
      this.#highestCommit = node.commitIndex
      this.#requireQuorum(node, disk)
    }
  }

  /** State machine safety: never two entries committed at one index (paper section 5.4.3). */
  #seeCommitted(node: Observed, index: number, term: number): void {
    const committed = this.#committed[index]
    if (committed === undefined) {
      this.#committed[index] = { term, committedInTerm: node.term }
    } else if (committed.term !== term) {
      throw new Violation(
        `${node.id} commits entry ${index} of term ${term}, elsewhere it is of term ${committed.term}`,
      )
    }
  }

  /**
   * Only entries of its own term does a leader commit by counting (paper section 5.4.2). Durability:
   * what is committed has been synced by a quorum of the disks of its time.
   */
  #requireQuorum(node: Observed, disk: Disk): void {
    const index = node.commitIndex
    const term = disk.issued.termAt(index)
    if (term === null) return
    if (node.role === 'leader' && term !== node.term) {
      throw new Violation(
        `${node.id} commits by counting entry ${index} of term ${term} in ${node.term}`,
      )
    }
    for (const voters of [node.membership.voters, node.membership.outgoing]) {
      const durable = voters.filter((voter) => this.#isDurable(voter, index, term))
      if (voters.length > 0 && durable.length * 2 <= voters.length) {
        throw new Violation(
          `${node.id} commits entry ${index}, durable on ${durable.length} of ${voters.length} voters`,
        )
      }
    }
  }

  #isDurable(member: Member, index: number, term: number): boolean {
    return this.#disks.get(member.id)?.durable.holds(index, term) ?? false
  }

  /** Agreement: the same command at the same index, each applied once and in order. */
  onApply(id: NodeId, index: number, previousIndex: number, command: Uint8Array): void {
    if (index <= previousIndex) {
      throw new Violation(`${id} applies ${index} after ${previousIndex}`)
    }
    const known = this.#commands.get(index)
    if (known === undefined) {
      this.#commands.set(index, command)
    } else if (!isSameBytes(known, command)) {
      throw new Violation(`${id} applies another command at ${index}`)
    }
    this.onSkip(id, previousIndex, index - 1)
  }

  /** There is no command between the two indexes, the second included. */
  onSkip(id: NodeId, previousIndex: number, index: number): void {
    for (let skipped = previousIndex + 1; skipped <= index; skipped += 1) {
      if (this.#commands.has(skipped)) throw new Violation(`${id} skips the command at ${skipped}`)
    }
  }

  /** Equal states at equal indexes. */
  onState(id: NodeId, index: number, state: string): void {
    const known = this.#states.get(index)
    if (known === undefined) this.#states.set(index, state)
    else if (known !== state) {
      throw new Violation(`${id} has another state at ${index}: ${state}, not ${known}`)
    }
  }

  /** Durability: a client is told that its command took effect only once it is committed. */
  onAcknowledge(index: number): void {
    if (!this.#commands.has(index)) {
      throw new Violation(`the command at ${index} is acknowledged, and nobody has applied it`)
    }
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, index)
  }
}

function isSameEntry(a: Entry, b: Entry): boolean {
  if (a === b || a.payload === b.payload) return true
  if (a.payload.kind === 'command' && b.payload.kind === 'command') {
    return isSameBytes(a.payload.data, b.payload.data)
  }
  return JSON.stringify(a.payload) === JSON.stringify(b.payload)
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0
}
