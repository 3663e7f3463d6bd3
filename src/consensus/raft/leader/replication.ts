import { assert } from '../../../base/errors.ts'
import type { NodeId } from '../../log/entries.ts'
import { isMember, memberIdsOf } from '../../log/membership.ts'
import type { AppendReply, SnapshotReply } from '../messages.ts'
import type { RaftState } from '../raft-state.ts'
import type { RaftPeerStatus } from '../raft-status.ts'
import { Progress } from './progress.ts'

/** Sends a leader's log to its peers, and knows how far each of them is (paper section 5.3). */
export class Replication {
  readonly #state: RaftState
  #peers = new Map<NodeId, Progress>()

  constructor(state: RaftState) {
    this.#state = state
    this.followMembership()
  }

  /** Sends to those whom the membership names, from now on, and to nobody else. */
  followMembership(): void {
    const { memberships, options, log, nowMs } = this.#state
    for (const id of memberIdsOf(memberships.current)) {
      if (id === options.id || this.#peers.has(id)) continue
      this.#peers.set(id, new Progress(id, log.lastIndex, options, nowMs))
    }
    for (const id of this.#peers.keys()) {
      if (!isMember(memberships.current, id)) this.#peers.delete(id)
    }
  }

  /** @returns how far a peer is; null where it is none */
  of(id: NodeId): Progress | null {
    return this.#peers.get(id) ?? null
  }

  /** All peers. */
  all(): Iterable<Progress> {
    return this.#peers.values()
  }

  /**
   * Last index that a member has durably. The leader's own log counts only as far as its disk has
   * it: appends go out before (thesis section 10.2.1).
   */
  matchOf(id: NodeId): number {
    if (id === this.#state.options.id) return this.#state.durability.durableIndex
    return this.#peers.get(id)?.matchIndex ?? 0
  }

  /**
   * Sends what may be sent now.
   *
   * @param isNoticeDue whoever has not been told what is committed is told, be there entries or not
   */
  flush(isNoticeDue: boolean): void {
    for (const peer of this.#peers.values()) {
      this.#sendEntries(peer, isNoticeDue ? this.#state.log.commitIndex : 0)
      this.#sendPieces(peer)
    }
  }

  /** @returns whether a peer has more than was known */
  onAppendReply(peer: Progress, reply: AppendReply): boolean {
    const { log, nowMs } = this.#state
    if (!reply.isRejected) {
      return reply.index <= log.lastIndex && peer.matched(reply.index, log, nowMs)
    }
    // What the peer has after the last index with a term up to its own cannot be in this log: one
    // probe a term at most, instead of one an entry (paper section 5.3, end).
    peer.refused(reply.index, log.lastIndexWithin(reply.hintIndex, reply.hintTerm))
    return false
  }

  /** @returns whether a peer has more than was known */
  onSnapshotReply(peer: Progress, reply: SnapshotReply): boolean {
    const { transfer } = peer
    const { log, nowMs } = this.#state
    if (transfer === null || transfer.snapshot.index !== reply.index) return false
    if (!transfer.wanted(reply.offset, nowMs)) return false
    return peer.matched(reply.index, log, nowMs)
  }

  /** The peers as an operator sees them. */
  status(): readonly RaftPeerStatus[] {
    return [...this.#peers.values()].map((peer) => peer.status(this.#state.nowMs))
  }

  /** @param noticeIndex commit index that the peer has to be told in any case */
  #sendEntries(peer: Progress, noticeIndex: number): void {
    const { log, options, outbox, nowMs } = this.#state
    // Bounded: every turn but the last fills the bounded list of what is in flight.
    while (peer.canSend || peer.isAppendDue(noticeIndex)) {
      const prevIndex = peer.nextIndex - 1
      const prevTerm = log.termAt(prevIndex)
      if (prevTerm === null) {
        this.#startSnapshot(peer)
        return
      }
      const { entries, bytes } = peer.canSend
        ? log.slice(peer.nextIndex, options.appendBytesMax)
        : { entries: [], bytes: 0 }
      if (entries.length === 0 && !peer.isAppendDue(noticeIndex)) return
      const commit = log.commitIndex
      const envelope = this.#state.envelope(peer.id)
      outbox.send({ type: 'append', ...envelope, prevIndex, prevTerm, entries, commit })
      peer.sent(entries.length, bytes, commit, log.lastIndex, nowMs)
    }
  }

  #startSnapshot(peer: Progress): void {
    const { snapshot, log, nowMs } = this.#state
    assert(peer.nextIndex < log.firstIndex, 'entries that are kept are sent as entries')
    assert(snapshot.index >= log.firstIndex - 1, 'a snapshot holds what the log does not')
    peer.startSnapshot(snapshot, nowMs)
  }

  #sendPieces(peer: Progress): void {
    const { transfer } = peer
    if (transfer === null) return
    const { index, term: indexTerm, membership, data } = transfer.snapshot
    const totalBytes = data.byteLength
    for (let piece = transfer.next(); piece !== null; piece = transfer.next()) {
      this.#state.outbox.send({
        type: 'snapshot-chunk',
        ...this.#state.envelope(peer.id),
        index,
        indexTerm,
        membership,
        totalBytes,
        ...piece,
      })
    }
  }
}
