import type { Member, Membership, NodeId } from '../log/entries.ts'
import { majorityOf } from '../log/quorum.ts'

/** Voters that could not agree on anything. */
export interface QuorumLack {
  /** Voters that a majority takes. */
  readonly neededVoters: number
  readonly reached: readonly Member[]
  readonly missing: readonly Member[]
}

/**
 * Looks whether the voters of a membership could agree, were it to hold now. A change to one that
 * cannot would never be completed, nor taken back: both wait for the majority that is not there
 * (etcd calls the same guard strict reconfiguration).
 *
 * @param isReached whether a voter answers at this moment; the asking node itself does
 * @returns null: they could
 */
export function quorumLackOf(
  { voters }: Membership,
  isReached: (id: NodeId) => boolean,
): QuorumLack | null {
  const reached = voters.filter(({ id }) => isReached(id))
  const neededVoters = majorityOf(voters.length)
  if (reached.length >= neededVoters) return null
  return { neededVoters, reached, missing: voters.filter((voter) => !reached.includes(voter)) }
}

/** @returns whether two memberships have other voters */
export function haveOtherVoters(one: Membership, other: Membership): boolean {
  const idsOf = ({ voters }: Membership): string =>
    voters
      .map(({ id }) => id)
      .sort()
      .join('\n')
  return idsOf(one) !== idsOf(other)
}
