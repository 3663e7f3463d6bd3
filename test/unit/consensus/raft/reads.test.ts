import { describe, expect, it } from 'vitest'
import { ReadQueue } from '../../../../src/consensus/raft/leader/read-queue.ts'
import { membershipOf } from './disk.ts'
import { ELECTION_MAX_MS, ELECTION_MIN_MS, Group, HEARTBEAT_MS } from './group.ts'

/** How long a lease lasts at the drift of the options, and not a millisecond longer. */
const LEASE_MS = (ELECTION_MIN_MS * 90) / 110

function leaderOf(group: Group): Group {
  group.electThis('a')
  group.propose('a', 'w')
  return group
}

function roundsOf(group: Group): number {
  const rounds = group.sent.flatMap((message) =>
    message.type === 'heartbeat' && message.from === 'a' ? [message.round] : [],
  )
  return new Set(rounds).size
}

describe('a read', () => {
  it.each(['a', 'b'])('asked of %s is answered with all that is committed', (id) => {
    const group = leaderOf(Group.of('abc'))
    expect(group.read(id, 7)).toBe(group.raft('a').status().commitIndex)
  })

  it('has its quorum asked, once for all that come together', () => {
    const group = leaderOf(Group.of('abc'))
    const before = roundsOf(group)
    group.act('a', (raft, nowMs) => {
      for (let context = 0; context < 10; context++) raft.requestRead(context, nowMs)
    })
    expect(roundsOf(group)).toBe(before + 1)
    expect(group.node('a').reads.size).toBe(10)
  })

  it('waits for a quorum, and for no more than that', () => {
    const group = leaderOf(Group.of('abcde'))
    group.crash('b')
    group.crash('c')
    expect(group.read('a', 1)).toBe(2)
    group.crash('d')
    expect(group.read('a', 2)).toBe(undefined)
    group.passUntil(() => group.node('a').reads.get(2) === null)
  })

  it('of a single node needs nobody', () => {
    const group = leaderOf(Group.of('a'))
    expect(group.read('a', 1)).toBe(2)
  })

  it('is not answered by a new leader before it has committed in its term', () => {
    const group = leaderOf(Group.of('abc'))
    const { commitIndex } = group.raft('a').status()
    // All acknowledgements of entries are lost: the new leader does not know what is committed.
    group.filter = ({ type }) => type !== 'append-reply'
    group.propose('a', 'acknowledged later')
    group.pass(ELECTION_MIN_MS - HEARTBEAT_MS)
    group.crash('a')
    group.pass(ELECTION_MIN_MS)
    group.electThis('b')
    expect(group.read('b', 1)).toBe(undefined)
    expect(group.read('c', 2)).toBe(undefined)
    group.filter = () => true
    group.passUntil(() => group.node('b').reads.has(1) && group.node('c').reads.has(2))
    expect(group.node('b').reads.get(1)).toBeGreaterThan(commitIndex + 1)
    expect(group.node('b').applied).toContain('acknowledged later')
  })

  it('is not answered by a leader that was paused past its time, and is none any more', () => {
    const group = leaderOf(Group.of('abc'))
    group.node('a').isPaused = true
    group.passUntil(() => group.leader() !== 'a' && group.leader() !== null)
    const successor = group.elect()
    group.propose(successor, 'newer')
    // Nothing has reached the old leader, and it has not ticked: it believes that it leads.
    group.wire.length = 0
    group.node('a').isPaused = false
    group.partition('a bc')
    expect(group.role('a')).toBe('leader')
    expect(group.read('a', 1)).toBe(undefined)
    group.heal()
    group.passUntil(() => group.node('a').reads.has(1))
    expect(group.node('a').reads.get(1)).toBe(null)
  })

  it('is not confirmed by answers to heartbeats of before it', () => {
    const group = leaderOf(Group.of('abc'))
    group.filter = ({ type }) => type !== 'heartbeat-reply'
    group.pass(HEARTBEAT_MS)
    const replies = group.sent.filter(({ type }) => type === 'heartbeat-reply')
    expect(group.read('a', 1)).toBe(undefined)
    for (const reply of replies) group.give(reply)
    group.deliver()
    expect(group.node('a').reads.has(1)).toBe(false)
  })

  it('is not confirmed by answers to heartbeats that were never sent', () => {
    const group = leaderOf(Group.of('abc'))
    group.partition('a b c')
    for (const from of ['b', 'c']) {
      group.give({ type: 'heartbeat-reply', from, to: 'a', term: 1, round: 1_000_000 })
    }
    expect(group.read('a', 1)).toBe(undefined)
  })

  it('fails at once when another leader comes', () => {
    const group = leaderOf(Group.of('abc'))
    group.filter = ({ type }) => type !== 'read-request'
    expect(group.read('b', 1)).toBe(undefined)
    group.act('a', (raft, nowMs) => raft.transferLeadership('c', nowMs))
    expect([group.leader(), group.node('b').reads.get(1)]).toEqual(['c', null])
  })

  it('is not answered by anybody but the leader', () => {
    const group = leaderOf(Group.of('abc'))
    group.filter = ({ type }) => type !== 'read-request'
    group.read('b', 1)
    const request = group.sent.find(({ type }) => type === 'read-request')
    if (request?.type !== 'read-request') throw new Error('the leader was not asked')
    const { context } = request
    const reply = { type: 'read-reply', to: 'b', term: 1, context, index: 2 } as const
    group.give({ ...reply, from: 'c' })
    expect(group.node('b').reads.has(1)).toBe(false)
    group.give({ ...reply, from: 'a' })
    expect(group.node('b').reads.get(1)).toBe(2)
  })

  it('fails at once where no leader is known, and when the leader is lost', () => {
    const group = Group.of('abc')
    expect(group.read('b', 1)).toBe(null)
    leaderOf(group)
    group.partition('a bc')
    expect(group.read('a', 2)).toBe(undefined)
    expect(group.read('b', 3)).toBe(undefined)
    group.pass(3 * ELECTION_MAX_MS)
    expect([group.node('a').reads.get(2), group.node('b').reads.get(3)]).toEqual([null, null])
  })

  it('of a follower fails after an election timeout, even if the leader lives', () => {
    const group = leaderOf(Group.of('abc'))
    group.filter = ({ type }) => type !== 'read-request'
    expect(group.read('b', 1)).toBe(undefined)
    group.pass(ELECTION_MAX_MS + 1)
    expect(group.node('b').reads.get(1)).toBe(null)
  })

  it('is refused where too many wait, by the leader and by a follower', () => {
    const group = leaderOf(Group.of('abc', { pendingReadsMax: 2 }))
    group.partition('a b c')
    for (const id of ['a', 'b']) {
      expect([group.read(id, 1), group.read(id, 2)]).toEqual([undefined, undefined])
      expect(group.read(id, 3)).toBe(null)
    }
  })

  it('of before a restart is not answered to a read of after it', () => {
    const group = leaderOf(Group.of('abc'))
    group.filter = ({ type }) => type !== 'read-reply'
    group.read('b', 1)
    const late = group.sent.filter(({ type }) => type === 'read-reply')
    expect(late).toHaveLength(1)
    group.filter = () => true
    group.propose('a', 'newer')
    group.crash('b')
    group.restart('b')
    group.pass(2 * HEARTBEAT_MS)
    group.filter = ({ type }) => type !== 'read-request'
    group.read('b', 1)
    for (const reply of late) group.give(reply)
    expect(group.node('b').reads.has(1)).toBe(false)
  })

  it('that somebody asks who is no member is not answered', () => {
    const group = leaderOf(Group.of('abc'))
    group.give({ type: 'read-request', from: 'stranger', to: 'a', term: 1, context: 5 })
    group.deliver()
    expect(group.sent.filter(({ type }) => type === 'read-reply')).toEqual([])
  })

  it('asked of a node that does not lead is told so', () => {
    const group = leaderOf(Group.of('abc'))
    group.give({ type: 'read-request', from: 'c', to: 'b', term: 1, context: 5 })
    group.give({ type: 'read-request', from: 'c', to: 'b', term: 0, context: 6 })
    const replies = group.sent.filter(({ type }) => type === 'read-reply')
    expect(replies).toMatchObject([
      { to: 'c', context: 5, index: null },
      { to: 'c', context: 6, index: null },
    ])
  })
})

describe('a lease', () => {
  /** A group whose leader has a lease since this moment. */
  const leased = () => {
    const group = leaderOf(Group.of('abc', { readMode: 'lease' }))
    const before = roundsOf(group)
    group.passUntil(() => roundsOf(group) > before)
    return group
  }

  it('answers reads without asking anybody', () => {
    const group = leased()
    const before = roundsOf(group)
    expect(group.read('a', 1)).toBe(2)
    expect(group.read('b', 2)).toBe(2)
    expect(roundsOf(group)).toBe(before)
  })

  it('ends before any other leader can be, drift included', () => {
    const group = leased()
    const beats = group.sentMsOf('heartbeat')
    const sentMs = beats.at(-1) ?? 0
    group.partition('a bc')
    group.nowMs = sentMs + LEASE_MS - 1
    expect(group.read('a', 1)).toBe(2)
    group.nowMs = sentMs + LEASE_MS + 1
    expect(group.read('a', 2)).toBe(undefined)
  })

  it.each([
    [0.9, 1.1],
    [1.1, 0.9],
    [1, 1],
    [0.9, 0.9],
  ])('gives nothing stale where clocks run at %f and %f', (leaderRate, voterRate) => {
    // The group throws where a read misses what was acknowledged before it was asked.
    for (let seed = 0; seed < 30; seed++) {
      const group = Group.of('abc', { readMode: 'lease' }, seed)
      group.node('a').clockRate = leaderRate
      group.node('b').clockRate = voterRate
      group.node('c').clockRate = voterRate
      leaderOf(group)
      group.pass(seed * 7)
      group.partition('a bc')
      let isReplaced = false
      for (let n = 0; n < 400 && !isReplaced; n++) {
        group.pass(3)
        group.read('a', n)
        const leader = ['b', 'c'].find((id) => group.role(id) === 'leader')
        if (leader !== undefined) isReplaced = group.propose(leader, `n${n}`)
        group.read('a', 1000 + n)
      }
      expect(isReplaced).toBe(true)
    }
  })

  it('does not outlive a transfer, however late the word of it comes', () => {
    const group = leased()
    group.filter = ({ type }) => type !== 'timeout-now'
    group.act('a', (raft, nowMs) => raft.transferLeadership('b', nowMs))
    const [late] = group.sent.filter(({ type }) => type === 'timeout-now')
    group.pass(ELECTION_MAX_MS + 1)
    expect(group.propose('a', 'the transfer is given up')).toBe(true)
    group.partition('a bc')
    if (late !== undefined) group.give(late)
    group.deliver()
    expect(group.role('b')).toBe('leader')
    group.propose('b', 'newer')
    expect(group.role('a')).toBe('leader')
    expect(group.read('a', 1)).toBe(undefined)
  })

  it('is honoured by a voter that starts again', () => {
    const group = leased()
    group.partition('a bc')
    for (const id of ['b', 'c']) {
      group.crash(id)
      group.restart(id)
    }
    group.act('b', (raft, nowMs) => raft.campaign(nowMs))
    group.pass(LEASE_MS)
    expect(group.role('b')).not.toBe('leader')
  })

  it('is that of the voters of both halves of a joint phase', () => {
    const group = leased()
    for (const id of 'de') group.add(id, group.node('a').disk.initial(), { readMode: 'lease' })
    group.pass(HEARTBEAT_MS)
    group.filter = ({ to }) => to !== 'd' && to !== 'e'
    group.changeTo('a', membershipOf('ade'))
    expect(group.raft('a').status().membership.outgoing).toHaveLength(3)
    group.pass(2 * HEARTBEAT_MS)
    expect(group.read('a', 1)).toBe(undefined)
  })
})

describe('the queue of reads', () => {
  it('gives each read the index of its round, in any order of the answers', () => {
    const queue = new ReadQueue(9)
    const readOf = (context: number) => ({ context, from: null })
    queue.begin(1, 10)
    expect(queue.confirm(1)).toEqual([])
    queue.add(readOf(1))
    queue.add(readOf(2))
    queue.begin(2, 20)
    queue.add(readOf(3))
    queue.begin(3, 30)
    queue.add(readOf(4))
    expect(queue.confirm(1)).toEqual([])
    expect(queue.confirm(2)).toEqual([
      { context: 1, from: null, index: 20 },
      { context: 2, from: null, index: 20 },
    ])
    expect(queue.hasOpen).toBe(true)
    expect(queue.confirmOpen(40)).toEqual([{ context: 4, from: null, index: 40 }])
    expect(queue.confirm(9)).toEqual([{ context: 3, from: null, index: 30 }])
    expect(queue.drain()).toEqual([])
  })

  it('is bounded over open and waiting reads, and free again when they are answered', () => {
    const queue = new ReadQueue(2)
    const read = { context: 1, from: 'b' }
    expect(queue.add(read)).toBe(true)
    queue.begin(1, 5)
    expect([queue.add(read), queue.add(read)]).toEqual([true, false])
    expect(queue.confirm(1)).toHaveLength(1)
    expect(queue.add(read)).toBe(true)
    expect(queue.drain()).toHaveLength(2)
    expect(queue.add(read)).toBe(true)
  })
})
