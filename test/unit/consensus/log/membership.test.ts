import { describe, expect, it } from 'vitest'
import type { Entry, Membership } from '../../../../src/consensus/log/entries.ts'
import {
  afterJoint,
  changeTowards,
  isMember,
  isSound,
  isVoter,
  MembershipHistory,
  memberIdsOf,
} from '../../../../src/consensus/log/membership.ts'
import { commandOf, membershipOf, membersOf } from '../raft/disk.ts'
import { membershipWord } from '../raft/group.ts'

const JOINT: Membership = { ...membershipOf('bcd', 'e'), outgoing: membersOf('abc') }

function entryOf(index: number, membership: Membership): Entry {
  return { index, term: 1, payload: { kind: 'membership', membership } }
}

describe('a membership', () => {
  it.each<[string, Membership, boolean]>([
    ['three voters', membershipOf('abc'), true],
    ['a joint phase', JOINT, true],
    ['a voter that becomes a learner', { ...JOINT, learners: membersOf('a') }, true],
    ['nobody', membershipOf(''), false],
    ['nobody but learners', membershipOf('', 'a'), false],
    ['a voter twice', membershipOf('aba'), false],
    ['a voter that learns', membershipOf('abc', 'c'), false],
    ['an outgoing voter twice', { ...JOINT, outgoing: membersOf('aa') }, false],
    [
      'more members than a group can have',
      { ...membershipOf('a'), learners: membersOf('x'.repeat(64)) },
      false,
    ],
  ])('of %s is sound: %s', (_, membership, sound) => {
    expect(isSound(membership)).toBe(sound)
  })

  it('says who votes and who is named', () => {
    expect([...'abcdef'].filter((id) => isVoter(JOINT, id)).join('')).toBe('abcd')
    expect([...'abcdef'].filter((id) => isMember(JOINT, id)).join('')).toBe('abcde')
    expect([...memberIdsOf(JOINT)].sort().join('')).toBe('abcde')
  })

  it.each([
    ['a voter joins', 'abc', 'abcd', '', 'abcd<abc'],
    ['a voter goes', 'abc', 'ab', '', 'ab<abc'],
    ['one is replaced', 'abc', 'abd', '', 'abd<abc'],
    ['a voter becomes a learner', 'abc', 'ab', 'c', 'ab<abc +c'],
    ['a learner joins: the voters agree on it as on anything', 'abc', 'abc', 'd', 'abc +d'],
    ['nothing changes', 'abc', 'abc', '', 'abc'],
    ['the order changes', 'abc', 'cab', '', 'cab'],
  ])('is changed, when %s, through the right phase', (_, from, voters, learners, through) => {
    const change = changeTowards(membershipOf(from), membershipOf(voters, learners))
    expect(membershipWord(change)).toBe(through)
    if (change.outgoing.length > 0) {
      expect(afterJoint(change)).toEqual(membershipOf(voters, learners))
    }
  })

  it('is not changed in the midst of a change', () => {
    expect(() => changeTowards(JOINT, membershipOf('a'))).toThrow(/one change/)
    expect(() => changeTowards(membershipOf('a'), JOINT)).toThrow(/no joint phase/)
    expect(() => changeTowards(membershipOf('a'), membershipOf(''))).toThrow(/sound/)
    expect(() => afterJoint(membershipOf('a'))).toThrow(/outgoing/)
  })
})

describe('the history of memberships', () => {
  const history = () => {
    const made = new MembershipHistory(5, membershipOf('abc'))
    made.appended([commandOf(6, 1), entryOf(7, JOINT), commandOf(8, 1)])
    made.appended([entryOf(9, membershipOf('bcd'))])
    return made
  }

  it('says what holds now, and what held at an index', () => {
    expect(history().current).toEqual(membershipOf('bcd'))
    expect(history().currentIndex).toBe(9)
    expect([5, 6, 7, 8, 9, 99].map((index) => membershipWord(history().at(index)))).toEqual([
      'abc',
      'abc',
      'bcd<abc +e',
      'bcd<abc +e',
      'bcd',
      'bcd',
    ])
  })

  it('tells when entries change it', () => {
    const made = history()
    expect(made.appended([commandOf(10, 1)])).toBe(false)
    expect(made.appended([entryOf(11, membershipOf('b'))])).toBe(true)
    expect(() => made.appended([entryOf(11, membershipOf('b'))])).toThrow(/order/)
  })

  it('goes back when entries are truncated, never behind the snapshot', () => {
    const made = history()
    made.truncatedFrom(9)
    expect(made.current).toEqual(JOINT)
    made.truncatedFrom(6)
    expect(made.current).toEqual(membershipOf('abc'))
    expect(() => made.truncatedFrom(5)).toThrow(/never truncated/)
  })

  it('forgets what no entry that is kept had', () => {
    const made = history()
    made.forgetBefore(8)
    expect(membershipWord(made.at(5))).toBe('bcd<abc +e')
    made.forgetBefore(100)
    expect(membershipWord(made.at(5))).toBe('bcd')
    made.reset(200, membershipOf('xyz'))
    expect([made.currentIndex, membershipWord(made.current)]).toEqual([200, 'xyz'])
  })

  it('knows who may be a voter as long as later ones may be undone', () => {
    expect([...'abcde'].filter((id) => history().isVoterSince(6, id)).join('')).toBe('abcd')
    expect([...'abcde'].filter((id) => history().isVoterSince(8, id)).join('')).toBe('abcd')
    expect([...'abcde'].filter((id) => history().isVoterSince(9, id)).join('')).toBe('bcd')
  })
})
