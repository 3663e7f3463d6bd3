import type { Append, Heartbeat, SnapshotChunk } from './messages.ts'
import type { RaftState } from './raft-state.ts'
import { SnapshotAssembly } from './snapshot-assembly.ts'

/**
 * Takes the log from a leader (paper figure 2, AppendEntries and InstallSnapshot). What it says to
 * have, it has durably: those replies wait for the disk.
 */
export class Follower {
  readonly #state: RaftState
  readonly #assembly = new SnapshotAssembly()
  /**
   * Up to here this node has acknowledged entries to the leader of its term that it does not have:
   * its disk has lost them. Null: nothing proves such a thing.
   */
  lostIndex: number | null = null

  constructor(state: RaftState) {
    this.#state = state
  }

  /** @returns false where the message contradicts what is committed: its sender is at fault */
  onAppend(append: Append): boolean {
    const { log } = this.#state
    const known = log.commitIndex - append.prevIndex
    if (known <= 0) return this.#take(append)
    // What is committed matches every leader's log: only what comes after it is looked at.
    const last = append.entries[known - 1]
    if (last === undefined) {
      this.#accept(append, log.commitIndex)
      return true
    }
    const prevIndex = log.commitIndex
    const entries = append.entries.slice(known)
    return this.#take({ ...append, prevIndex, prevTerm: last.term, entries })
  }

  /**
   * A heartbeat tells no more of what is committed than this very node has acknowledged in this term,
   * and within a term a leader takes nothing of that back. More than the log has is lost, then.
   */
  onHeartbeat({ from, commit, round }: Heartbeat): void {
    const { log, outbox } = this.#state
    if (commit > log.lastIndex) {
      this.lostIndex = commit
      return
    }
    if (commit > log.commitIndex) log.commitTo(commit)
    outbox.send({ type: 'heartbeat-reply', ...this.#state.envelope(from), round })
  }

  onSnapshotChunk(chunk: SnapshotChunk): void {
    const { log, outbox } = this.#state
    const { from, index, indexTerm, totalBytes } = chunk
    const envelope = this.#state.envelope(from)
    const reply = { type: 'snapshot-reply', ...envelope, index } as const
    const isKnown = index <= log.commitIndex
    if (isKnown || log.termAt(index) === indexTerm) {
      // The log holds all that the snapshot does, so it stays as it is (paper figure 13, step 6).
      if (!isKnown) log.commitTo(index)
      outbox.sendDurable({ ...reply, offset: totalBytes })
      return
    }
    const { offset, snapshot } = this.#assembly.add(chunk)
    if (snapshot === null) {
      outbox.send({ ...reply, offset })
    } else {
      this.#state.installSnapshot(snapshot)
      outbox.sendDurable({ ...reply, offset })
    }
  }

  /** @param append that begins at the commit index or after it */
  #take(append: Append): boolean {
    const { log } = this.#state
    const { prevIndex, prevTerm, entries, commit } = append
    if (log.termAt(prevIndex) !== prevTerm) {
      if (prevIndex === log.commitIndex) return false
      this.#refuse(append)
      return true
    }
    // Entries that are here already are not written again: a late copy of an append must not cut
    // off what a newer one has brought (paper section 5.3).
    const news = entries.findIndex(({ index, term }) => log.termAt(index) !== term)
    const first = entries[news]
    if (first !== undefined) {
      if (first.index <= log.lastIndex) this.#state.truncateFrom(first.index)
      this.#state.append(news === 0 ? entries : entries.slice(news))
    }
    const matchIndex = prevIndex + entries.length
    log.commitTo(Math.max(log.commitIndex, Math.min(commit, matchIndex)))
    this.#accept(append, matchIndex)
    return true
  }

  #accept({ from }: Append, index: number): void {
    this.#state.outbox.sendDurable({
      type: 'append-reply',
      ...this.#state.envelope(from),
      index,
      isRejected: false,
      hintIndex: 0,
      hintTerm: 0,
    })
  }

  /** Tells where the logs may meet: not where this log's terms are beyond the leader's. */
  #refuse({ from, prevIndex, prevTerm }: Append): void {
    const { log, outbox } = this.#state
    const hintIndex = log.lastIndexWithin(Math.min(prevIndex, log.lastIndex), prevTerm)
    outbox.send({
      type: 'append-reply',
      ...this.#state.envelope(from),
      index: prevIndex,
      isRejected: true,
      hintIndex,
      hintTerm: log.termAt(hintIndex) ?? 0,
    })
  }
}
