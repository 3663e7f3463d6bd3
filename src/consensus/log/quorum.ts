import { assert } from '../../base/errors.ts'
import type { Member, Membership, NodeId } from './entries.ts'

/** Where a vote stands. */
export type Tally = 'won' | 'lost' | 'open'

/** How many of so many voters make a majority. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1
}

/**
 * The highest value that a quorum has reached: a majority of the voters, and in a joint phase a
 * majority of the outgoing ones too (thesis section 4.3).
 *
 * @param reachOf how far a voter is; the same during the call
 */
export function quorumValue(membership: Membership, reachOf: (id: NodeId) => number): number {
  const incoming = majorityValue(membership.voters, reachOf)
  if (membership.outgoing.length === 0) return incoming
  return Math.min(incoming, majorityValue(membership.outgoing, reachOf))
}

/**
 * Counts votes by the same quorums.
 *
 * @param voteOf what a voter said; null while it has not
 */
export function tally(membership: Membership, voteOf: (id: NodeId) => boolean | null): Tally {
  const incoming = majorityTally(membership.voters, voteOf)
  if (membership.outgoing.length === 0) return incoming
  const outgoing = majorityTally(membership.outgoing, voteOf)
  if (incoming === 'lost' || outgoing === 'lost') return 'lost'
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'open'
}

function majorityValue(voters: readonly Member[], reachOf: (id: NodeId) => number): number {
  assert(voters.length > 0, 'there is a voter')
  const majority = majorityOf(voters.length)
  let value = Number.NEGATIVE_INFINITY
  // Asked for with every message: of a few voters the value is found without a sorted list.
  for (const { id } of voters) {
    const reach = reachOf(id)
    if (reach <= value) continue
    let reached = 0
    for (const other of voters) if (reachOf(other.id) >= reach) reached++
    if (reached >= majority) value = reach
  }
  return value
}

function majorityTally(voters: readonly Member[], voteOf: (id: NodeId) => boolean | null): Tally {
  assert(voters.length > 0, 'there is a voter')
  let yes = 0
  let no = 0
  for (const { id } of voters) {
    const vote = voteOf(id)
    if (vote === true) yes++
    if (vote === false) no++
  }
  const majority = majorityOf(voters.length)
  if (yes >= majority) return 'won'
  return voters.length - no < majority ? 'lost' : 'open'
}
