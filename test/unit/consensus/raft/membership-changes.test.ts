import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../../src/consensus/log/entries.ts'
import { commandOf, foundingOf, membershipOf, membersOf } from './disk.ts'
import { ELECTION_MAX_MS, ELECTION_MIN_MS, Group, HEARTBEAT_MS, membershipWord } from './group.ts'

function joined(group: Group, id: string, founders = 'abc'): void {
  group.add(id, { snapshot: foundingOf(membershipOf(founders)) })
}

function groupWordOf(group: Group, id: string): string {
  return membershipWord(group.raft(id).status().membership)
}

function ledBy(leader: string, voters = 'abc'): Group {
  const group = Group.of(voters)
  group.electThis(leader)
  return group
}

describe('a change of the membership', () => {
  it('goes through a joint phase and ends by itself', () => {
    const group = ledBy('a')
    joined(group, 'd')
    expect(group.changeTo('a', membershipOf('abd'))).toBe(true)
    group.pass(4 * HEARTBEAT_MS)
    const changes = group
      .node('a')
      .disk.entries.flatMap(({ payload }) =>
        payload.kind === 'membership' ? [membershipWord(payload.membership)] : [],
      )
    expect(changes).toEqual(['abd<abc', 'abd'])
    expect(group.propose('a', 'w')).toBe(true)
    expect([group.node('d').applied, group.node('c').applied]).toEqual([['w'], []])
  })

  it('holds from the moment it is appended, and no longer when it is truncated', () => {
    const group = ledBy('a')
    group.partition('a bc')
    group.changeTo('a', membershipOf('ab'))
    expect(groupWordOf(group, 'a')).toBe('ab<abc')
    group.pass(ELECTION_MAX_MS)
    const successor = group.elect()
    expect(groupWordOf(group, successor)).toBe('abc')
    group.heal()
    group.propose(successor, 'w')
    group.passUntil(() => group.node('a').applied.includes('w'))
    expect(groupWordOf(group, 'a')).toBe('abc')
  })

  it('is one at a time', () => {
    const group = ledBy('a')
    group.partition('a bc')
    expect(group.changeTo('a', membershipOf('ab'))).toBe(true)
    const refusal = { ok: false, reason: 'membership-changing', leader: 'a' }
    const again = () =>
      group.act('a', (raft, nowMs) => raft.proposeMembership(membershipOf('abc'), nowMs))
    expect(again()).toEqual(refusal)
    group.heal()
    group.pass(4 * HEARTBEAT_MS)
    expect(again()).toMatchObject({ ok: true })
  })

  it('is not proposed by anybody but the leader', () => {
    const group = ledBy('a')
    expect(
      group.act('b', (raft, nowMs) => raft.proposeMembership(membershipOf('ab'), nowMs)),
    ).toEqual({ ok: false, reason: 'not-leader', leader: 'a' })
  })

  it.each(['abc defg', 'adefg bc'])('needs both majorities in its joint phase: %s', (cut) => {
    const group = ledBy('a')
    for (const id of 'defg') joined(group, id)
    group.partition(cut)
    group.changeTo('a', membershipOf('adefg'))
    group.propose('a', 'stuck')
    group.pass(2 * HEARTBEAT_MS)
    expect(group.node('a').applied).toEqual([])
    group.heal()
    group.passUntil(() => group.node('g').applied.includes('stuck'))
    expect(groupWordOf(group, 'g')).toBe('adefg')
  })

  it('is finished by the next leader where the first one dies in the joint phase', () => {
    const group = ledBy('a')
    joined(group, 'd')
    // The joint phase reaches a majority, and nothing that comes after it.
    group.filter = (message) =>
      message.type !== 'append' ||
      !message.entries.some(
        ({ payload }) => payload.kind === 'membership' && payload.membership.outgoing.length === 0,
      )
    group.changeTo('a', membershipOf('bcd'))
    expect(['b', 'c'].map((id) => groupWordOf(group, id))).toEqual(['bcd<abc', 'bcd<abc'])
    group.crash('a')
    group.filter = () => true
    const successor = group.elect()
    group.passUntil(() => groupWordOf(group, successor) === 'bcd')
    expect(group.propose(successor, 'w')).toBe(true)
    expect(['b', 'c', 'd'].map((id) => group.node(id).applied)).toEqual([['w'], ['w'], ['w']])
  })

  it('is no wedge where a leader that leaves has the only copy of its last entry', () => {
    const group = ledBy('a', 'ab')
    joined(group, 'c', 'ab')
    group.changeTo('a', membershipOf('ab', 'c'))
    group.pass(4 * HEARTBEAT_MS)
    group.filter = (message) =>
      message.type !== 'append' ||
      !message.entries.some(
        ({ payload }) =>
          payload.kind === 'membership' && membershipWord(payload.membership) === 'bc',
      )
    group.changeTo('a', membershipOf('bc'))
    expect(groupWordOf(group, 'a')).toBe('bc')
    expect(groupWordOf(group, 'b')).toBe('bc<ab')
    // b and c need the vote of a, whose log is longer: only a can be elected.
    group.partition('a bc')
    group.pass(2 * ELECTION_MAX_MS)
    group.heal()
    group.passUntil(() => groupWordOf(group, 'b') === 'bc' && group.leader() !== 'a')
    expect(group.propose(group.elect(), 'w')).toBe(true)
    expect(group.node('c').applied).toEqual(['w'])
  })

  it('is no wedge where a learner has the newest log, and its vote is asked for', () => {
    const group = new Group()
    const snapshot = foundingOf(membershipOf('cde', 'a'))
    const hardState = { term: 8, vote: null }
    const joint = { ...membershipOf('cdea'), outgoing: membersOf('cde') }
    const change: Entry = { index: 2, term: 7, payload: { kind: 'membership', membership: joint } }
    const logs = {
      a: [commandOf(1, 1), commandOf(2, 8)],
      d: [commandOf(1, 1)],
      e: [commandOf(1, 1), change],
    }
    for (const [id, entries] of Object.entries(logs))
      group.add(id, { snapshot, hardState, entries })
    // c is gone for good. e counts on a, d counts on e; a is ahead of both, and has no vote.
    const leader = group.elect()
    expect(['d', 'e']).toContain(group.leader())
    expect(group.propose(leader, 'w')).toBe(true)
    expect(group.node('a').applied).toEqual(['1@1', '2@8', 'w'])
    expect(groupWordOf(group, 'e')).toBe('cde +a')
  })

  it('by two leaders that do not know of each other never gives two values at one index', () => {
    // The bug of single-server changes (Ongaro 2015): a removes d, b removes c, each from abcd. The
    // group throws where two nodes apply different entries at one index.
    const group = ledBy('a', 'abcd')
    group.partition('a bcd')
    group.changeTo('a', membershipOf('abc'))
    group.propose('a', 'of a')
    group.pass(2 * ELECTION_MAX_MS)
    group.electThis('b')
    group.partition('a bd c')
    group.changeTo('b', membershipOf('abd'))
    group.propose('b', 'of b')
    group.pass(HEARTBEAT_MS)
    // a comes back to c, with what would be a majority of abc if one change were enough.
    group.heal()
    group.partition('ac bd')
    group.pass(4 * ELECTION_MAX_MS)
    for (const id of 'abcd') group.propose(id, `late of ${id}`)
    group.pass(ELECTION_MAX_MS)
    const isStuck = ['a', 'b', 'c', 'd'].every((id) => group.node(id).applied.length === 0)
    expect(isStuck).toBe(true)
    group.heal()
    const leader = group.elect()
    group.propose(leader, 'end')
    group.passUntil(() => {
      const { voters } = group.raft(leader).status().membership
      return voters.every(({ id }) => group.node(id).applied.at(-1) === 'end')
    })
  })
})

describe('a learner', () => {
  it('receives everything, and neither votes nor counts', () => {
    const group = ledBy('a')
    joined(group, 'd')
    group.changeTo('a', membershipOf('abc', 'd'))
    group.propose('a', 'w')
    expect(group.node('d').applied).toEqual(['w'])
    expect(group.role('d')).toBe('learner')
    group.crash('b')
    group.crash('c')
    const { commitIndex } = group.raft('a').status()
    group.propose('a', 'not enough')
    expect(group.raft('a').status().commitIndex).toBe(commitIndex)
    expect(group.node('d').disk.entries.at(-1)?.index).toBe(commitIndex + 1)
  })

  it('that has caught up is known to have', () => {
    const group = ledBy('a')
    for (let n = 0; n < 100; n++) group.propose('a', `w${n}`)
    group.compact('a')
    const peerOf = () =>
      group
        .raft('a')
        .status()
        .peers.find(({ id }) => id === 'd')
    group.changeTo('a', membershipOf('abc', 'd'))
    group.pass(10 * HEARTBEAT_MS)
    expect(peerOf()).toMatchObject({ isCaughtUp: false, isRecentlyActive: false, matchIndex: 0 })
    joined(group, 'd')
    group.pass(4 * HEARTBEAT_MS)
    const { lastIndex } = group.raft('a').status()
    expect(peerOf()).toMatchObject({
      isCaughtUp: true,
      isRecentlyActive: true,
      matchIndex: lastIndex,
    })
    group.crash('d')
    group.propose('a', 'w')
    group.pass(2 * ELECTION_MAX_MS)
    expect(peerOf()).toMatchObject({ isCaughtUp: false, isRecentlyActive: false })
  })

  it('becomes a voter, crashes, comes back: its voters are those that the log says', () => {
    const group = ledBy('a')
    joined(group, 'd')
    group.changeTo('a', membershipOf('abc', 'd'))
    group.pass(4 * HEARTBEAT_MS)
    group.changeTo('a', membershipOf('abcd'))
    group.pass(4 * HEARTBEAT_MS)
    for (const crash of ['with its log', 'with a snapshot', 'with both']) {
      if (crash !== 'with its log') group.compact('d', crash === 'with both' ? 2 : 0)
      group.crash('d')
      group.restart('d')
      expect(groupWordOf(group, 'd'), crash).toBe('abcd')
      group.pass(4 * HEARTBEAT_MS)
      group.propose('a', crash)
    }
    expect(group.node('d').applied).toEqual(group.node('a').applied)
    // It counts now: two of four are no majority, three are.
    group.crash('b')
    group.propose('a', 'three')
    expect(group.node('a').applied.at(-1)).toBe('three')
    group.crash('c')
    group.propose('a', 'two')
    expect(group.node('a').applied.at(-1)).toBe('three')
  })

  it('has its promotion undone where that was never committed', () => {
    const group = ledBy('a')
    joined(group, 'd')
    group.changeTo('a', membershipOf('abc', 'd'))
    group.partition('ad bc')
    group.changeTo('a', membershipOf('abcd'))
    expect(groupWordOf(group, 'd')).toBe('abcd<abc')
    group.crash('d')
    group.restart('d')
    expect(groupWordOf(group, 'd')).toBe('abcd<abc')
    group.passUntil(() => ['b', 'c'].includes(group.leader() ?? ''))
    group.heal()
    group.passUntil(() => groupWordOf(group, 'd') === 'abc +d')
    expect(group.role('d')).toBe('learner')
  })

  it('may have been a voter', () => {
    const group = ledBy('a')
    group.changeTo('a', membershipOf('ab', 'c'))
    group.pass(4 * HEARTBEAT_MS)
    expect(['a', 'b', 'c'].map((id) => groupWordOf(group, id))).toEqual(['ab +c', 'ab +c', 'ab +c'])
    expect(group.role('c')).toBe('learner')
    group.propose('a', 'w')
    expect(group.node('c').applied).toEqual(['w'])
  })
})

describe('a removed node', () => {
  it('that leads hands over and is silent', () => {
    const group = ledBy('a')
    group.propose('a', 'w')
    group.changeTo('a', membershipOf('bc'))
    expect(group.role('a')).toBe('learner')
    expect(['b', 'c']).toContain(group.leader())
    const sent = group.sent.length
    group.pass(10 * ELECTION_MAX_MS)
    expect(group.sent.slice(sent).filter(({ from }) => from === 'a')).toEqual([])
    expect(group.propose(group.leader() as string, 'next')).toBe(true)
  })

  it('leads until the change is committed', () => {
    const group = ledBy('a', 'abcd')
    group.partition('a bcd')
    group.changeTo('a', membershipOf('bcd'))
    expect([group.role('a'), groupWordOf(group, 'a')]).toEqual(['leader', 'bcd<abcd'])
    group.heal()
    group.passUntil(() => group.role('a') !== 'leader' && group.leader() !== null)
    expect(groupWordOf(group, group.leader() as string)).toBe('bcd')
  })

  it('cannot depose anybody, whatever it asks for', () => {
    const group = ledBy('a')
    group.partition('ab c')
    group.changeTo('a', membershipOf('ab'))
    group.pass(4 * HEARTBEAT_MS)
    group.heal()
    // It does not know that it is out, and its clock runs: it campaigns again and again.
    const { term } = group.raft('a').status()
    for (let n = 0; n < 50; n++) {
      group.pass(ELECTION_MIN_MS)
      group.act('c', (raft, nowMs) => raft.campaign(nowMs))
      const log = { lastIndex: 999, lastTerm: term }
      const vote = { type: 'vote', from: 'c', term: term + 9, ...log, isTransfer: true } as const
      const reply = { index: 0, isRejected: true, hintIndex: 0, hintTerm: 0 }
      for (const to of 'ab') {
        group.give({ ...vote, to })
        group.give({ type: 'append-reply', from: 'c', to, term: term + 9, ...reply })
        group.give({ type: 'pre-vote-reply', from: 'c', to, term: term + 9, isGranted: false })
        group.deliver()
      }
    }
    expect(group.raft('a').status()).toMatchObject({ role: 'leader', term })
    expect(group.raft('b').status()).toMatchObject({ leader: 'a', term })
  })

  it('that comes back with an empty disk has another id, and is nobody', () => {
    const group = ledBy('a')
    group.changeTo('a', membershipOf('ab'))
    group.pass(4 * HEARTBEAT_MS)
    group.add('c2', { snapshot: foundingOf(membershipOf('abc')) })
    group.pass(10 * ELECTION_MAX_MS)
    expect(group.raft('c2').status()).toMatchObject({ role: 'learner', term: 0 })
    expect(group.leader()).toBe('a')
  })
})
