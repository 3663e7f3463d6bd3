import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Membership } from '../../../../src/consensus/log/entries.ts'
import { majorityOf, quorumValue, tally } from '../../../../src/consensus/log/quorum.ts'
import { membershipOf, membersOf } from '../raft/disk.ts'

const CASES = 50_000
const IDS = 'abcdefg'

/** All sets of nodes, as bits. */
const SETS = Array.from({ length: 2 ** IDS.length }, (_, bits) => bits)

function bitsOf(ids: Iterable<string>): number {
  let bits = 0
  for (const id of ids) bits |= 1 << IDS.indexOf(id)
  return bits
}

function countOf(bits: number): number {
  let count = 0
  for (let rest = bits; rest > 0; rest >>= 1) count += rest & 1
  return count
}

/** Whether a set of nodes is a quorum, counted on fingers. */
function isQuorum({ voters, outgoing }: Membership, set: number): boolean {
  return [voters, outgoing]
    .filter((half) => half.length > 0)
    .every((half) => countOf(bitsOf(half.map(({ id }) => id)) & set) > half.length / 2)
}

/** The twin: the greatest of all values that a quorum has reached. */
function slowQuorumValue(membership: Membership, values: ReadonlyMap<string, number>): number {
  let best = 0
  // Only sets of all who are so far: any other quorum is part of one of them.
  for (const least of new Set(values.values())) {
    const set = bitsOf([...IDS].filter((id) => (values.get(id) ?? 0) >= least))
    if (isQuorum(membership, set)) best = Math.max(best, least)
  }
  return best
}

/** The twin: won if those who said yes are a quorum, lost if those who did not say no are none. */
function slowTally(membership: Membership, votes: ReadonlyMap<string, boolean>): string {
  const yes = bitsOf([...IDS].filter((id) => votes.get(id) === true))
  const open = bitsOf([...IDS].filter((id) => votes.get(id) !== false))
  if (isQuorum(membership, yes)) return 'won'
  return isQuorum(membership, open) ? 'open' : 'lost'
}

const members = fc
  .uniqueArray(fc.constantFrom(...IDS), { minLength: 0, maxLength: 7 })
  .map((ids) => membersOf(ids.join('')))

const membership = fc
  .record({ voters: members.filter((voters) => voters.length > 0), outgoing: members })
  .map((halves) => ({ ...membershipOf(''), ...halves }))

describe('a majority', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [7, 4],
  ])('of %i is %i', (voters, majority) => {
    expect(majorityOf(voters)).toBe(majority)
  })
})

describe('quorums', () => {
  it('have reached what an exhaustive search says', () => {
    const values = fc.array(fc.nat(9), { minLength: 7, maxLength: 7 })
    fc.assert(
      fc.property(membership, values, (group, drawn) => {
        const reached = new Map([...IDS].map((id, n) => [id, drawn[n] ?? 0]))
        const value = quorumValue(group, (id) => reached.get(id) ?? 0)
        expect(value).toBe(slowQuorumValue(group, reached))
      }),
      { numRuns: CASES, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
    )
  })

  it('count votes as a count on fingers does', () => {
    const drawnVotes = fc.array(fc.constantFrom(true, false, null), { minLength: 7, maxLength: 7 })
    fc.assert(
      fc.property(membership, drawnVotes, (group, drawn) => {
        const votes = new Map<string, boolean>()
        for (const [n, id] of [...IDS].entries()) {
          const vote = drawn[n]
          if (vote === true || vote === false) votes.set(id, vote)
        }
        expect(tally(group, (id) => votes.get(id) ?? null)).toBe(slowTally(group, votes))
      }),
      { numRuns: CASES, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
    )
  })

  it('of a joint phase and of what comes before and after it always meet', () => {
    for (const before of ['a', 'abc', 'abcd']) {
      for (const after of ['b', 'cde', 'abcde', 'efg']) {
        const joint = { ...membershipOf(after), outgoing: membersOf(before) }
        for (const other of [membershipOf(before), membershipOf(after)]) {
          const mine = SETS.filter((set) => isQuorum(joint, set))
          const theirs = SETS.filter((set) => isQuorum(other, set))
          const meet = mine.every((a) => theirs.every((b) => (a & b) !== 0))
          expect(meet, `${before} to ${after}`).toBe(true)
        }
      }
    }
  })

  it('need a voter', () => {
    const nobody = membershipOf('')
    expect(() => quorumValue(nobody, () => 0)).toThrow(/there is a voter/)
    expect(() => tally(nobody, () => true)).toThrow(/there is a voter/)
  })
})
