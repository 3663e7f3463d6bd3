import { assert } from '../../errors.ts'
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
 * @param reachOf how far a voter is; grows
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
  const falling = voters.map(({ id }) => reachOf(id)).sort((a, b) => b - a)
  const value = falling[majorityOf(voters.length) - 1]
  assert(value !== undefined, 'a majority is no larger than the whole')
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
