import { describe, expect, it } from 'vitest'
import type { PreVote, Vote } from '../../../../src/consensus/raft/messages.ts'
import { entriesOf, foundingOf, membershipOf } from './disk.ts'
import { ELECTION_MAX_MS, ELECTION_MIN_MS, Group } from './group.ts'

const FOUNDING = foundingOf(membershipOf('abc'))

/** How many elections may pass until a leader must be there. */
const PATIENCE_MS = 10 * ELECTION_MAX_MS

/** A group whose nodes begin with logs of these terms, and with these terms of their own. */
function groupOf(logs: Record<string, readonly number[]>, terms: Record<string, number>): Group {
  const group = new Group()
  const snapshot = foundingOf(membershipOf(Object.keys(logs).join('')))
  for (const [id, log] of Object.entries(logs)) {
    const hardState = { term: terms[id] ?? 0, vote: null }
    group.add(id, { snapshot, entries: entriesOf(log), hardState })
  }
  return group
}

function voteOf(from: string, term: number, change: Partial<Vote> = {}): Vote {
  const log = { lastIndex: 100, lastTerm: term - 1 }
  return { type: 'vote', from, to: 'a', term, ...log, isTransfer: false, ...change }
}

describe('an election', () => {
  it.each<[string, Record<string, readonly number[]>, string]>([
    ['the longest log', { a: [1, 1], b: [1, 1, 1], c: [1] }, 'b'],
    ['the log of the latest term', { a: [1, 1, 1, 1], b: [1, 1], c: [1, 2] }, 'c'],
  ])('is won by %s, of whichever two nodes are up', (_, logs, best) => {
    const terms = { a: 2, b: 2, c: 2 }
    const voters = Object.keys(logs).filter((id) => id !== best)
    for (const loser of voters) {
      // Two of three are up: the one with the better log is needed by the other.
      const group = groupOf(logs, terms)
      for (const id of voters) if (id !== loser) group.crash(id)
      expect(group.elect()).toBe(best)
    }
  })

  it('is over soon, however the votes split', () => {
    for (let seed = 0; seed < 50; seed++) {
      const group = Group.of('abcd', {}, seed)
      group.passUntil(() => group.leader() !== null, PATIENCE_MS)
    }
  })

  it.each(['ab', 'ba'])('that %s begin in the same moment is won in its first term', (order) => {
    const group = Group.of('abc')
    group.crash('c')
    for (const id of order) group.raft(id).campaign(group.nowMs)
    for (const id of order) group.pump(group.node(id))
    group.deliver()
    expect(group.raft('b').status()).toMatchObject({ role: 'leader', term: 1 })
    expect(group.raft('a').status()).toMatchObject({ role: 'follower', term: 1, leader: 'b' })
  })

  it('is not won by votes of another term, or by saying the same twice', () => {
    const group = Group.of('abcde')
    group.partition('a b c d e')
    group.electThisInVain('a')
    const reply = { type: 'vote-reply', to: 'a', term: 1, isGranted: true } as const
    group.give({ ...reply, from: 'b' })
    group.give({ ...reply, from: 'b' })
    group.give({ ...reply, from: 'c', term: 0 })
    group.give({ ...reply, from: 'stranger' })
    expect(group.role('a')).toBe('candidate')
    group.give({ ...reply, from: 'c' })
    expect(group.role('a')).toBe('leader')
  })

  it('counts the own vote only once it is durable, and asks for others only then', () => {
    const group = Group.of('abc')
    group.node('a').holdsWrites = true
    group.pass(ELECTION_MIN_MS)
    group.act('a', (raft, nowMs) => raft.campaign(nowMs))
    expect(group.role('a')).toBe('candidate')
    expect(group.sent.some(({ type, from }) => type === 'vote' && from === 'a')).toBe(false)
    group.finishWrites('a')
    expect(group.sent.some(({ type, from }) => type === 'vote' && from === 'a')).toBe(true)
    expect(group.role('a')).toBe('leader')
  })

  it('a group of one is won by a vote that is durable', () => {
    const group = Group.of('a')
    group.node('a').holdsWrites = true
    group.pass(ELECTION_MAX_MS)
    expect(group.role('a')).toBe('candidate')
    group.finishWrites('a')
    expect(group.role('a')).toBe('leader')
  })
})

describe('votes are kept', () => {
  it('over a crash after every operation of the disk: one a term', () => {
    // Both campaign in the same term; the voter crashes after each of its writes in turn. The disk
    // of the group throws when it is given two votes of one term.
    for (let crashAfter = 0; crashAfter < 4; crashAfter++) {
      const group = Group.of('abc')
      group.node('c').holdsWrites = true
      group.give({ ...voteOf('a', 5), to: 'c' })
      group.finishWrites('c', crashAfter)
      group.crash('c')
      group.restart('c')
      group.node('c').holdsWrites = false
      group.give({ ...voteOf('b', 5), to: 'c' })
      const granted = group.sent.flatMap((message) =>
        message.type === 'vote-reply' && message.isGranted ? [message.to] : [],
      )
      expect(granted).toEqual([crashAfter === 0 ? 'b' : 'a'])
      expect(group.node('c').disk.hardState).toEqual({ term: 5, vote: granted[0] })
    }
  })

  it('and given again to who has it', () => {
    const group = Group.of('abc')
    for (let n = 0; n < 2; n++) group.give(voteOf('b', 5))
    const replies = group.sent.filter(({ type }) => type === 'vote-reply')
    expect(replies).toMatchObject([{ isGranted: true }, { isGranted: true }])
  })

  it('from a term that has a leader already', () => {
    const group = Group.of('abc')
    const heartbeat = { type: 'heartbeat', commit: 0, round: 1, to: 'a' } as const
    group.crash('b')
    group.crash('c')
    group.give({ ...heartbeat, from: 'b', term: 5 })
    group.pass(2 * ELECTION_MAX_MS)
    group.give(voteOf('c', 5))
    expect(group.sent.filter(({ type }) => type === 'vote-reply')).toMatchObject([
      { to: 'c', isGranted: false },
    ])
    expect(group.raft('a').status().vote).toBe(null)
  })
})

describe('PreVote', () => {
  it.each<[string, Partial<PreVote>, boolean]>([
    ['a log that is as good', {}, true],
    ['a log that is longer', { lastIndex: 9 }, true],
    ['a log of a later term', { lastIndex: 1, lastTerm: 3 }, true],
    ['a log that is shorter', { lastIndex: 1 }, false],
    ['a longer log of an earlier term', { lastIndex: 9, lastTerm: 1 }, false],
    ['no later term', { term: 3 }, false],
    ['a term of long ago', { term: 2, lastTerm: 1 }, false],
  ])('grants with %s: changes %j: %s', (_, change, isGranted) => {
    const group = new Group()
    const hardState = { term: 3, vote: null }
    group.add('a', { snapshot: FOUNDING, entries: entriesOf([1, 2]), hardState })
    const log = { lastIndex: 2, lastTerm: 2 }
    group.give({ type: 'pre-vote', from: 'b', to: 'a', term: 4, ...log, ...change })
    expect(group.sent).toMatchObject([{ to: 'b', isGranted, term: isGranted ? 4 : 3 }])
    expect(group.raft('a').status()).toMatchObject({ term: 3, vote: null })
  })

  it('is refused while a leader is heard, by those who hear it and by itself', () => {
    const group = Group.of('abc')
    group.electThis('a')
    const log = { lastIndex: 9, lastTerm: 1 }
    for (const to of ['a', 'b']) group.give({ type: 'pre-vote', from: 'c', to, term: 2, ...log })
    expect(group.sent.filter(({ type }) => type === 'pre-vote-reply').slice(-2)).toMatchObject([
      { from: 'a', isGranted: false },
      { from: 'b', isGranted: false },
    ])
  })

  it('does not count what was granted for an earlier term', () => {
    const group = Group.of('abc')
    group.partition('a b c')
    group.give({ type: 'heartbeat', from: 'b', to: 'a', term: 3, commit: 0, round: 1 })
    group.pass(ELECTION_MAX_MS)
    expect(group.role('a')).toBe('pre-candidate')
    const reply = { type: 'pre-vote-reply', from: 'c', to: 'a', isGranted: true } as const
    group.give({ ...reply, term: 3 })
    group.give({ ...reply, term: 5 })
    expect(group.role('a')).toBe('pre-candidate')
    group.give({ ...reply, term: 4 })
    expect(group.role('a')).toBe('candidate')
  })

  it('lets a node that was away come back without a new term', () => {
    const group = Group.of('abc')
    const leader = group.elect()
    const [away] = [...'abc'].filter((id) => id !== leader)
    group.partition(`${away} ${[...'abc'].filter((id) => id !== away).join('')}`)
    const { term } = group.raft(leader).status()
    group.pass(20 * ELECTION_MAX_MS)
    expect(group.raft(away as string).status()).toMatchObject({ role: 'pre-candidate', term })
    group.heal()
    group.pass(2 * ELECTION_MAX_MS)
    expect(group.raft(leader).status()).toMatchObject({ role: 'leader', term })
    expect(group.raft(away as string).status()).toMatchObject({ leader, term })
  })

  it('is no wedge: a long log of a low term against a short log of a high term', () => {
    const group = groupOf({ a: [1, 1, 1], b: [1], c: [1] }, { a: 1, b: 9, c: 1 })
    group.crash('c')
    group.passUntil(() => group.leader() !== null, PATIENCE_MS)
    expect(group.leader()).toBe('a')
    expect(group.raft('a').status().term).toBeGreaterThan(9)
  })

  it('is no wedge: a member of a later term has its leader step down', () => {
    // What a crash between a campaign and its votes leaves behind.
    const group = Group.of('abc')
    group.electThis('a')
    group.crash('b')
    group.node('b').disk.write({
      sequence: 1,
      hardState: { term: 7, vote: 'b' },
      snapshot: null,
      isLogReset: false,
      entries: [],
      firstIndex: 1,
    })
    group.restart('b')
    group.passUntil(() => {
      const leader = group.leader()
      return leader !== null && [...'abc'].every((id) => group.raft(id).status().leader === leader)
    }, PATIENCE_MS)
    expect(group.raft('b').status().term).toBeGreaterThan(7)
  })
})

describe('a leader', () => {
  it('that no quorum answers steps down within two election timeouts, not before one', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.partition('a bc')
    group.pass(ELECTION_MIN_MS)
    expect(group.role('a')).toBe('leader')
    group.pass(2 * ELECTION_MAX_MS)
    expect(group.raft('a').status()).toMatchObject({ role: 'pre-candidate', leader: null })
    expect(group.elect()).not.toBe('a')
  })

  it('stays, where one half of its followers is gone', () => {
    const group = Group.of('abcde')
    group.electThis('a')
    group.crash('d')
    group.crash('e')
    group.pass(20 * ELECTION_MAX_MS)
    expect([group.leader(), group.raft('a').status().term]).toEqual(['a', 1])
  })

  it('stays in a chain of five nodes of which each hears only its neighbours', () => {
    const group = Group.of('abcde')
    group.cut('a-c a-d a-e b-d b-e c-e')
    group.electThis('c')
    const { term } = group.raft('c').status()
    for (let n = 0; n < 30; n++) {
      group.pass(ELECTION_MAX_MS)
      expect(group.raft('c').status()).toMatchObject({ role: 'leader', term })
      expect(group.propose('c', `w${n}`)).toBe(true)
    }
    expect(group.node('b').applied).toEqual(group.node('c').applied)
  })

  it('comes to be in such a chain by itself, and stays', () => {
    for (let seed = 0; seed < 20; seed++) {
      const group = Group.of('abcde', {}, seed)
      group.cut('a-c a-d a-e b-d b-e c-e')
      const leader = group.elect()
      const { term } = group.raft(leader).status()
      group.pass(10 * ELECTION_MAX_MS)
      expect(group.raft(leader).status()).toMatchObject({ role: 'leader', term })
    }
  })

  it('stays where a follower is cut off from it and not from the others', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.cut('a-c')
    group.pass(20 * ELECTION_MAX_MS)
    expect([group.leader(), group.raft('a').status().term]).toEqual(['a', 1])
  })

  it('is not deposed by a vote for a later term while a quorum hears it', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.give(voteOf('b', 9))
    group.give({ ...voteOf('a', 9), from: 'stranger', to: 'b' })
    group.deliver()
    expect(group.raft('a').status()).toMatchObject({ role: 'leader', term: 1 })
    expect(group.raft('b').status()).toMatchObject({ role: 'follower', term: 1 })
  })

  it('is not betrayed by a voter that heard it, and has learned a later term from somebody', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.give({ type: 'pre-vote-reply', from: 'c', to: 'b', term: 5, isGranted: false })
    expect(group.raft('b').status().term).toBe(5)
    group.give({ ...voteOf('c', 5), to: 'b' })
    expect(group.raft('b').status().vote).toBe(null)
    group.crash('a')
    group.pass(ELECTION_MIN_MS)
    group.give({ ...voteOf('c', 5), to: 'b' })
    expect(group.raft('b').status().vote).toBe('c')
  })

  it('steps down at once at a message of a later term, whatever it is doing', () => {
    // The path of a heartbeat is the path of every message: none of them goes around the term.
    for (const type of ['append', 'heartbeat', 'snapshot-chunk'] as const) {
      const group = Group.of('abc')
      group.electThis('a')
      group.propose('a', 'w')
      const envelope = { from: 'b', to: 'a', term: 9 }
      const membership = membershipOf('abc')
      const data = new Uint8Array(4)
      group.give(
        type === 'append'
          ? { type, ...envelope, prevIndex: 2, prevTerm: 1, entries: [], commit: 2 }
          : type === 'heartbeat'
            ? { type, ...envelope, commit: 0, round: 1 }
            : {
                type,
                ...envelope,
                index: 1,
                indexTerm: 1,
                membership,
                offset: 0,
                totalBytes: 4,
                data,
              },
      )
      expect(group.raft('a').status()).toMatchObject({ role: 'follower', term: 9, leader: 'b' })
      expect(group.propose('a', 'x')).toBe(false)
    }
  })

  it('steps down between two appends that are under way, and counts no answer to them', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.filter = ({ type }) => type !== 'append-reply'
    group.propose('a', 'lost?')
    const reply = { type: 'append-reply', to: 'a', isRejected: false, hintIndex: 0, hintTerm: 0 }
    group.give({ ...reply, type: 'append-reply', from: 'c', term: 9, index: 0 })
    const { commitIndex } = group.raft('a').status()
    group.give({ ...reply, type: 'append-reply', from: 'b', term: 1, index: 2 })
    expect(group.raft('a').status()).toMatchObject({ role: 'follower', term: 9, commitIndex })
  })
})

describe('a transfer', () => {
  it('makes another node the leader, in no time', () => {
    const group = Group.of('abc')
    group.electThis('a')
    for (let n = 0; n < 5; n++) group.propose('a', `w${n}`)
    expect(group.act('a', (raft, nowMs) => raft.transferLeadership('b', nowMs))).toBe(true)
    expect([group.leader(), group.raft('b').status().term]).toEqual(['b', 2])
    expect(group.propose('b', 'next')).toBe(true)
    expect(group.node('c').applied).toEqual(group.node('a').applied)
  })

  it('waits until the other has the whole log, and takes no proposals meanwhile', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.node('b').holdsWrites = true
    group.propose('a', 'w')
    expect(group.act('a', (raft, nowMs) => raft.transferLeadership('b', nowMs))).toBe(true)
    expect(group.act('a', (raft, nowMs) => raft.transferLeadership('b', nowMs))).toBe(true)
    expect(group.act('a', (raft, nowMs) => raft.transferLeadership('c', nowMs))).toBe(false)
    const refusal = { ok: false, reason: 'transferring', leader: 'a' }
    const data = new Uint8Array(1)
    expect(group.act('a', (raft, nowMs) => raft.propose(data, nowMs))).toEqual(refusal)
    expect(
      group.act('a', (raft, nowMs) => raft.proposeMembership(membershipOf('ab'), nowMs)),
    ).toEqual(refusal)
    expect(group.sent.some(({ type }) => type === 'timeout-now')).toBe(false)
    group.node('b').holdsWrites = false
    group.finishWrites('b')
    expect(group.leader()).toBe('b')
  })

  it('is given up after an election timeout', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.partition('b ac')
    group.propose('a', 'w')
    expect(group.act('a', (raft, nowMs) => raft.transferLeadership('b', nowMs))).toBe(true)
    expect(group.propose('a', 'refused')).toBe(false)
    group.pass(ELECTION_MAX_MS + 1)
    expect([group.leader(), group.propose('a', 'taken')]).toEqual(['a', true])
  })

  it.each(['a', 'd', 'nobody'])('to %s is refused: itself, a learner, a stranger', (to) => {
    const group = Group.of('abc')
    group.add('d', { snapshot: FOUNDING })
    group.electThis('a')
    group.changeTo('a', membershipOf('abc', 'd'))
    expect(group.act('a', (raft, nowMs) => raft.transferLeadership(to, nowMs))).toBe(false)
    expect(group.act('b', (raft, nowMs) => raft.transferLeadership('c', nowMs))).toBe(false)
  })

  it('is not begun by anybody but the leader', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.give({ type: 'timeout-now', from: 'c', to: 'b', term: 1 })
    group.give({ type: 'timeout-now', from: 'c', to: 'b', term: 7 })
    group.deliver()
    expect(group.raft('b').status()).toMatchObject({ role: 'follower', term: 1 })
  })
})

describe('a node', () => {
  it('campaigns when it is told to, where a leader does not stand against it', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.act('b', (raft, nowMs) => raft.campaign(nowMs))
    expect(group.leader()).toBe('a')
    group.crash('a')
    group.pass(ELECTION_MIN_MS)
    group.act('b', (raft, nowMs) => raft.campaign(nowMs))
    expect(group.leader()).toBe('b')
  })

  it('without a vote never campaigns', () => {
    const group = Group.of('abc')
    const learner = group.add('d', { snapshot: FOUNDING })
    group.crash('a')
    group.crash('b')
    group.crash('c')
    group.pass(10 * ELECTION_MAX_MS)
    group.act('d', (raft, nowMs) => raft.campaign(nowMs))
    expect(learner.raft.status()).toMatchObject({ role: 'learner', term: 0, leader: null })
    expect(group.sent.filter(({ from }) => from === 'd')).toEqual([])
  })

  it('refuses to start with a log that is ahead of its term', () => {
    const hardState = { term: 1, vote: null }
    expect(() => groupOf({ a: [1, 2] }, { a: 1 })).toThrow(/later term/)
    expect(() => new Group().add('a', { hardState, entries: entriesOf([1]) })).not.toThrow()
  })
})
