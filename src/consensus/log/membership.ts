import { assert } from '../../base/errors.ts'
import type { Entry, Member, Membership, NodeId } from './entries.ts'

/** Members of any kind in one membership, at most; a larger one is taken for a fault. */
const MEMBERS_MAX = 64

/** Whether a node counts in elections and commits. */
export function isVoter(membership: Membership, id: NodeId): boolean {
  return has(membership.voters, id) || has(membership.outgoing, id)
}

/** Whether a node is named at all. */
export function isMember(membership: Membership, id: NodeId): boolean {
  return isVoter(membership, id) || has(membership.learners, id)
}

/** The ids of all members, each once. */
export function memberIdsOf(membership: Membership): ReadonlySet<NodeId> {
  const { voters, outgoing, learners } = membership
  return new Set([...voters, ...outgoing, ...learners].map(({ id }) => id))
}

/** Whether a membership keeps its invariants. What a peer sends is asked first. */
export function isSound(membership: Membership): boolean {
  const { voters, outgoing, learners, invited } = membership
  if (voters.length === 0) return false
  const size = voters.length + outgoing.length + learners.length + invited.length
  if (size > MEMBERS_MAX) return false
  return areDistinct([...voters, ...learners]) && areDistinct(outgoing)
}

/**
 * What has to be appended to come to a membership. Where the voters change, it is the joint phase,
 * in which both the old and the new voters have to agree (thesis section 4.3). Joint consensus it
 * is, and not changes of one server at a time, for two reasons: a lost node is replaced in one
 * step that never lowers how many failures the group survives; and the safety of single changes
 * rests on every two successive majorities meeting, which two leaders that each begin a change
 * from the same base can break unless a further rule forbids it (Ongaro 2015, raft-dev).
 */
export function changeTowards(current: Membership, target: Membership): Membership {
  assert(current.outgoing.length === 0, 'one change of the membership at a time')
  assert(target.outgoing.length === 0, 'the target of a change is no joint phase')
  assert(isSound(target), 'a membership is sound')
  const isSame =
    current.voters.length === target.voters.length &&
    current.voters.every(({ id }) => has(target.voters, id))
  return isSame ? target : { ...target, outgoing: current.voters }
}

/** What follows a joint phase. */
export function afterJoint(joint: Membership): Membership {
  assert(joint.outgoing.length > 0, 'a joint phase has outgoing voters')
  return { ...joint, outgoing: [] }
}

/** A membership and the index of the entry that brought it. */
interface Dated {
  readonly index: number
  readonly membership: Membership
}

/**
 * Which membership holds at which index. One holds from the moment its entry is appended, and
 * stops when that entry is truncated (thesis section 4.1).
 */
export class MembershipHistory {
  /** By rising index; the first is that of the snapshot. Never empty. */
  #dated: Dated[]

  /** @param index at which the membership is known to hold */
  constructor(index: number, membership: Membership) {
    this.#dated = [{ index, membership }]
  }

  /** The one that holds. */
  get current(): Membership {
    return this.#last.membership
  }

  /** Index of the entry that brought it. */
  get currentIndex(): number {
    return this.#last.index
  }

  /** @returns the one that an entry's state machine sees; the oldest known where it is forgotten */
  at(index: number): Membership {
    let found = this.#dated[0]
    for (const dated of this.#dated) if (dated.index <= index) found = dated
    assert(found !== undefined, 'a membership is known')
    return found.membership
  }

  /** Whether a node has a vote in the one that holds at an index, or in one that came later. */
  isVoterSince(index: number, id: NodeId): boolean {
    const now = this.at(index)
    return this.#dated.some((dated) => {
      return (dated.index > index || dated.membership === now) && isVoter(dated.membership, id)
    })
  }

  /** Takes note of entries that were appended. @returns whether the membership has changed */
  appended(entries: readonly Entry[]): boolean {
    let hasChanged = false
    for (const { index, payload } of entries) {
      if (payload.kind !== 'membership') continue
      assert(index > this.currentIndex, 'memberships come in the order of the log')
      this.#dated.push({ index, membership: payload.membership })
      hasChanged = true
    }
    return hasChanged
  }

  /** Takes note that entries from an index on are gone. */
  truncatedFrom(index: number): void {
    while (this.#dated.length > 1 && this.currentIndex >= index) this.#dated.pop()
    assert(this.currentIndex < index, 'the membership of a snapshot is never truncated')
  }

  /** Forgets what held before an index. */
  forgetBefore(index: number): void {
    while ((this.#dated[1]?.index ?? Number.POSITIVE_INFINITY) <= index) this.#dated.shift()
  }

  /** Takes a snapshot's membership in place of all. */
  reset(index: number, membership: Membership): void {
    this.#dated = [{ index, membership }]
  }

  get #last(): Dated {
    const last = this.#dated.at(-1)
    assert(last !== undefined, 'a membership is known')
    return last
  }
}

function has(members: readonly Member[], id: NodeId): boolean {
  return members.some((member) => member.id === id)
}

function areDistinct(members: readonly Member[]): boolean {
  return new Set(members.map(({ id }) => id)).size === members.length
}
