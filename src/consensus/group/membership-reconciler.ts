import type { PeerStanding } from '../core/core-status.ts'
import type { Member, Membership, NodeId } from '../log/entries.ts'
import type { PeerHello } from '../peers/transport.ts'
import { membersOf } from './admission.ts'
import { haveOtherVoters, quorumLackOf } from './quorum-guard.ts'

/**
 * For how long a member has to be silent before another node of its name takes its place: longer
 * than a restart with the data that it had, and so long that two nodes that were given one name by
 * mistake do not drive each other out.
 */
const REPLACE_AFTER_MS = 3000

/** What a leader sees. */
export interface LeaderView {
  /** Of the leader. */
  readonly id: NodeId
  /** As it stands in its log. */
  readonly membership: Membership
  readonly peers: readonly PeerStanding[]
  /** What each peer says, by its name; of those alone that can be reached now. */
  readonly hellos: ReadonlyMap<string, PeerHello>
}

/** A change that a leader is to make by itself. */
export interface MembershipStep {
  readonly target: Membership
  /** For the log: `lb2 is a voter`. */
  readonly what: string
}

/** What a leader does by itself about who takes part, one step at a time. */
export class MembershipReconciler {
  /** Since when a member has not answered. */
  #silentSinceMs = new Map<NodeId, number>()

  /** Forgets what it has seen, as when this node does not lead any more. */
  reset(): void {
    this.#silentSinceMs.clear()
  }

  /**
   * @returns the next step, or null: all is as it should be, a change is under way, or the voters
   *   that there would be have no majority that answers
   */
  next(view: LeaderView, nowMs: number): MembershipStep | null {
    const { id: self, membership, peers, hellos } = view
    this.#listen(peers, nowMs)
    if (membership.outgoing.length > 0) return null
    const step =
      this.#replacement(membership, hellos, nowMs) ??
      arrival(membership, hellos) ??
      promotion(membership, peers)
    if (step === null || !haveOtherVoters(membership, step.target)) return step
    const active = new Set([self])
    for (const { id, isRecentlyActive } of peers) if (isRecentlyActive) active.add(id)
    return quorumLackOf(step.target, (id) => active.has(id)) === null ? step : null
  }

  #listen(peers: readonly PeerStanding[], nowMs: number): void {
    const silent = peers.filter(({ isRecentlyActive }) => !isRecentlyActive)
    this.#silentSinceMs = new Map(
      silent.map(({ id }) => [id, this.#silentSinceMs.get(id) ?? nowMs]),
    )
  }

  /** A node came back without its data, and so under another id: the old one never will. */
  #replacement(
    membership: Membership,
    hellos: LeaderView['hellos'],
    nowMs: number,
  ): MembershipStep | null {
    for (const lost of membersOf(membership)) {
      const hello = hellos.get(lost.name)
      const sinceMs = this.#silentSinceMs.get(lost.id)
      if (hello === undefined || hello.id === lost.id) continue
      if (sinceMs === undefined || nowMs - sinceMs < REPLACE_AFTER_MS) continue
      const voters = without(membership.voters, lost.id)
      if (voters.length === 0) continue
      const learners = [...without(membership.learners, lost.id), { ...lost, id: hello.id }]
      return {
        target: { ...membership, voters, learners },
        what: `${hello.id} takes the place of ${lost.id}, whose data is lost`,
      }
    }
    return null
  }
}

/** An invited node has appeared. */
function arrival(membership: Membership, hellos: LeaderView['hellos']): MembershipStep | null {
  for (const { name, address } of membership.invited) {
    const id = hellos.get(name)?.id
    if (id === undefined || membersOf(membership).some((member) => member.id === id)) continue
    const invited = membership.invited.filter((other) => other.name !== name)
    const learners = [...membership.learners, { id, name, address }]
    return { target: { ...membership, invited, learners }, what: `${id} has joined as a learner` }
  }
  return null
}

/** A learner has caught up. */
function promotion(membership: Membership, peers: readonly PeerStanding[]): MembershipStep | null {
  for (const learner of membership.learners) {
    const peer = peers.find(({ id }) => id === learner.id)
    if (peer === undefined || !peer.isRecentlyActive || !peer.isCaughtUp) continue
    const target = {
      ...membership,
      voters: [...membership.voters, learner],
      learners: without(membership.learners, learner.id),
    }
    return { target, what: `${learner.id} has caught up and is a voter` }
  }
  return null
}

/** The members but one. */
function without(members: readonly Member[], id: NodeId): readonly Member[] {
  return members.filter((member) => member.id !== id)
}
