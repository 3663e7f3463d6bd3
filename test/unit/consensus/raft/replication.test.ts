import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Append, Message } from '../../../../src/consensus/raft/messages.ts'
import { commandOf, entriesOf, foundingOf, membershipOf } from './disk.ts'
import { Group, HEARTBEAT_MS, OPTIONS } from './group.ts'

const FOUNDING = foundingOf(membershipOf('abc'))

function wordsOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `w${n}`)
}

function appendsTo(group: Group, to: string): Append[] {
  return group.sent.flatMap((message) =>
    message.type === 'append' && message.to === to ? [message] : [],
  )
}

function termsOf(group: Group, id: string): number[] {
  return group.node(id).disk.entries.map(({ term }) => term)
}

describe('a group', () => {
  it.each(['a', 'ab', 'abc', 'abcde'])('of %s elects a leader and replicates', (voters) => {
    const group = Group.of(voters)
    const leader = group.elect()
    for (const word of wordsOf(20)) expect(group.propose(leader, word)).toBe(true)
    for (const { applied } of group.nodes.values()) expect(applied).toEqual(wordsOf(20))
    expect(group.leader()).toBe(leader)
  })

  it('brings a follower that was away up to date', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.partition('ab c')
    for (const word of wordsOf(200)) expect(group.propose('a', word)).toBe(true)
    group.heal()
    group.pass(4 * HEARTBEAT_MS)
    expect(group.node('c').applied).toEqual(wordsOf(200))
  })

  it.each([0.02, 0.2, 0.5])('loses nothing where messages are lost at a rate of %f', (rate) => {
    const group = Group.of('abc')
    group.electThis('a')
    let count = 0
    group.filter = () => (count++ * 7919) % 1000 >= rate * 1000
    const taken = wordsOf(60).filter((word) => {
      group.pass(HEARTBEAT_MS / 5)
      const leader = group.leader()
      return leader !== null && group.propose(leader, word)
    })
    group.heal()
    const leader = group.elect()
    group.propose(leader, 'end')
    group.passUntil(() => [...group.nodes.values()].every((n) => n.applied.at(-1) === 'end'))
    if (group.raft(leader).status().term === 1) {
      expect(group.node('b').applied).toEqual([...taken, 'end'])
    }
    expect(group.node('b').applied).toEqual(group.node('c').applied)
  })
})

describe('the notice of what is committed', () => {
  const NOTICE_MS = 2
  /** By when a deadline that was rounded is over. */
  const SOON_MS = 0.1
  const emptyAppends = (group: Group): number =>
    group.sent.filter((message) => message.type === 'append' && message.entries.length === 0).length

  /** A group whose nodes have applied the same, and a is the leader. */
  function settled(voters = 'abc'): Group {
    const group = Group.of(voters, { commitNoticeMs: NOTICE_MS })
    group.electThis('a')
    group.propose('a', 'x')
    // The next heartbeats, which tell it too, are far away.
    group.pass(2 * HEARTBEAT_MS + 10)
    expect([...group.nodes.values()].map(({ applied }) => applied)).toEqual(
      [...voters].map(() => ['x']),
    )
    return group
  }

  it('goes with the next entries', () => {
    const group = settled()
    const before = emptyAppends(group)
    group.propose('a', 'y')
    expect(group.node('a').applied).toEqual(['x', 'y'])
    expect(group.node('b').applied).toEqual(['x'])
    group.propose('a', 'z')
    expect(group.node('b').applied).toEqual(['x', 'y'])
    expect(emptyAppends(group)).toBe(before)
  })

  it('goes alone when no entries come in time, once to each', () => {
    const group = settled()
    const before = emptyAppends(group)
    group.propose('a', 'y')
    group.pass(NOTICE_MS + SOON_MS)
    expect(group.node('b').applied).toEqual(['x', 'y'])
    expect(group.node('c').applied).toEqual(['x', 'y'])
    group.pass(NOTICE_MS)
    expect(emptyAppends(group)).toBe(before + 2)
  })

  it('is not put off by what is committed later', () => {
    const group = settled()
    group.propose('a', 'y')
    group.pass(NOTICE_MS / 2)
    group.propose('a', 'z')
    group.pass(NOTICE_MS / 2 + SOON_MS)
    expect(group.node('b').applied).toEqual(['x', 'y', 'z'])
  })

  it('does not keep a read of a follower waiting', () => {
    const group = settled()
    group.propose('a', 'y')
    expect(group.read('b', 1)).toBe(group.node('b').appliedIndex)
    expect(group.node('b').applied).toEqual(['x', 'y'])
  })
})

describe('commitment', () => {
  /**
   * Figure 8 of the paper, with its five servers: an entry of term 2 is on a majority, and yet may
   * be overwritten by one of term 3, until the leader of term 4 has committed an entry of its own.
   */
  function figure8(): Group {
    const group = new Group()
    const snapshot = foundingOf(membershipOf('abcde'))
    const logs = { a: [1, 2], b: [1, 2], c: [1], d: [1], e: [1, 3] }
    for (const [id, log] of Object.entries(logs)) {
      group.add(id, { snapshot, entries: entriesOf(log), hardState: { term: 3, vote: null } })
    }
    // (c): a leads in term 4 and brings its entry of term 2 to b and c, but none of its own term.
    group.crash('d')
    group.crash('e')
    group.filter = (message) =>
      message.type !== 'append' || message.entries.every(({ term }) => term < 4)
    group.passUntil(() => {
      group.act('a', (raft, nowMs) => raft.campaign(nowMs))
      return group.role('a') === 'leader'
    })
    const { term } = group.raft('a').status()
    const entries = entriesOf([1, 2]).slice(1)
    for (const to of ['b', 'c']) {
      const meeting = { prevIndex: 1, prevTerm: 1, entries, commit: 0 }
      group.give({ type: 'append', from: 'a', to, term, ...meeting })
    }
    group.deliver()
    return group
  }

  it('does not count copies of an entry of an earlier term (figure 8, c and d)', () => {
    const group = figure8()
    expect(['a', 'b', 'c'].map((id) => termsOf(group, id).slice(0, 2))).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ])
    const { peers, commitIndex } = group.raft('a').status()
    expect(peers.filter(({ matchIndex }) => matchIndex === 2)).toHaveLength(2)
    expect(commitIndex).toBe(0)
    group.crash('a')
    group.restart('e')
    group.restart('d')
    group.filter = () => true
    // e has one entry less than they, of a later term, and wins: nothing was committed.
    group.passUntil(() => {
      if (group.role('e') === 'leader') return true
      group.act('e', (raft, nowMs) => raft.campaign(nowMs))
      return group.role('e') === 'leader'
    })
    group.pass(2 * HEARTBEAT_MS)
    expect(termsOf(group, 'b').slice(0, 2)).toEqual([1, 3])
    expect(termsOf(group, 'c').slice(0, 2)).toEqual([1, 3])
  })

  it('of an entry of its own term commits all before it (figure 8, e)', () => {
    const group = figure8()
    group.filter = () => true
    group.pass(4 * HEARTBEAT_MS)
    expect(group.raft('a').status().commitIndex).toBe(3)
    group.crash('a')
    group.restart('e')
    group.restart('d')
    const leader = group.elect()
    expect(['b', 'c']).toContain(leader)
    group.passUntil(() => group.node('e').appliedIndex >= 3)
    expect(termsOf(group, 'e').slice(0, 2)).toEqual([1, 2])
  })

  it('waits for the disks of a majority, of which the leader may be none, and for no other', () => {
    const group = Group.of('abc')
    group.electThis('a')
    const { commitIndex } = group.raft('a').status()
    group.node('a').holdsWrites = true
    group.node('b').holdsWrites = true
    group.node('c').holdsWrites = true
    group.propose('a', 'w')
    expect(group.raft('a').status()).toMatchObject({ commitIndex, lastIndex: commitIndex + 1 })
    group.finishWrites('b')
    expect(group.raft('a').status()).toMatchObject({ commitIndex })
    group.finishWrites('c')
    expect(group.raft('a').status()).toMatchObject({ commitIndex: commitIndex + 1 })
    expect(group.node('a').applied).toEqual(['w'])
    expect(group.node('a').heldWrites).not.toHaveLength(0)
  })

  it('of what a leader has on its own disk alone is none', () => {
    const group = Group.of('abc')
    group.electThis('a')
    const { commitIndex } = group.raft('a').status()
    group.partition('a bc')
    group.propose('a', 'w')
    expect(group.raft('a').status()).toMatchObject({ commitIndex })
  })

  it('is told to the followers at once', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.propose('a', 'w')
    expect([group.node('b').applied, group.node('c').applied]).toEqual([['w'], ['w']])
  })

  it('a follower takes only so far as its log is known to be the leader’s', () => {
    const group = new Group()
    const hard = { term: 1, vote: null }
    const b = group.add('b', { snapshot: FOUNDING, entries: entriesOf([1, 1, 1]), hardState: hard })
    const append = { type: 'append', from: 'a', to: 'b', term: 2 } as const
    group.give({ ...append, prevIndex: 1, prevTerm: 1, entries: [], commit: 3 })
    expect(b.raft.status().commitIndex).toBe(1)
    group.give({ ...append, prevIndex: 1, prevTerm: 1, entries: [commandOf(2, 1)], commit: 3 })
    expect(b.raft.status().commitIndex).toBe(2)
  })
})

describe('the way back to where the logs meet', () => {
  /** How many probes a leader needs, until it sends what is missing. */
  function probesOf(leaderTerms: readonly number[], followerTerms: readonly number[]): number {
    const term = Math.max(...leaderTerms, ...followerTerms, 1)
    const hardState = { term, vote: null }
    const group = new Group()
    group.add('a', { snapshot: FOUNDING, entries: entriesOf(leaderTerms), hardState })
    group.add('b', { snapshot: FOUNDING, entries: entriesOf(followerTerms), hardState })
    group.add('c', { snapshot: FOUNDING, entries: entriesOf(leaderTerms), hardState })
    group.partition('ac b')
    group.electThis('a')
    group.heal()
    const before = appendsTo(group, 'b').length
    group.pass(4 * HEARTBEAT_MS)
    expect(group.node('b').disk.entries).toEqual(group.node('a').disk.entries)
    const refusals = group.sent.filter(
      (message) => message.type === 'append-reply' && message.from === 'b' && message.isRejected,
    )
    expect(appendsTo(group, 'b').length).toBeGreaterThan(before)
    return refusals.length + 1
  }

  it.each([
    ['figure 7, a', [1, 1, 1, 4, 4, 5, 5, 6, 6], 2],
    ['figure 7, b', [1, 1, 1, 4], 2],
    ['figure 7, c', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], 1],
    ['figure 7, d', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], 1],
    ['figure 7, e', [1, 1, 1, 4, 4, 4, 4], 3],
    ['figure 7, f', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 3],
    ['nothing', [], 2],
  ])('is found with few probes from %s', (_, follower, most) => {
    const leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
    expect(probesOf(leader, follower)).toBeLessThanOrEqual(most)
  })

  it('never needs more probes than the leader’s log has terms, and one', () => {
    // Logs that two right members can have: the same up to some index, then terms apart.
    const shared = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 6 })
    const tail = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 8 })
    fc.assert(
      fc.property(shared, tail, tail, (head, mine, theirs) => {
        const rising = [...head].sort()
        const base = rising.at(-1) ?? 0
        const even = [...mine].sort().map((term) => base + 1 + 2 * term)
        const odd = [...theirs].sort().map((term) => base + 2 + 2 * term)
        const leader = [...rising, ...even]
        // The term in which it leads is one of them.
        const terms = new Set(leader).size + 1
        expect(probesOf(leader, [...rising, ...odd])).toBeLessThanOrEqual(terms + 1)
      }),
      { numRuns: 300 },
    )
  })

  it('is found with as many probes for ten thousand entries as for ten', () => {
    const long = Array<number>(10_000).fill(1)
    expect(probesOf([...long, 3], [...long.slice(0, 20), ...Array(5000).fill(2)])).toBeLessThan(4)
  })
})

describe('flow control', () => {
  it('lets a follower that does not answer have so many appends and no more', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.node('c').holdsWrites = true
    const before = appendsTo(group, 'c').length
    for (const word of wordsOf(50)) group.propose('a', word)
    const sent = appendsTo(group, 'c').slice(before)
    expect(sent.filter(({ entries }) => entries.length > 0)).toHaveLength(
      OPTIONS.inflightAppendsMax,
    )
    group.node('c').holdsWrites = false
    group.finishWrites('c')
    group.pass(2 * HEARTBEAT_MS)
    expect(group.node('c').applied).toEqual(wordsOf(50))
  })

  it('bounds the bytes of an append, and of those that are unanswered', () => {
    const group = Group.of('abc', { appendBytesMax: 1000, inflightBytesMax: 3000 })
    group.electThis('a')
    group.crash('c')
    const big = 'x'.repeat(300)
    for (let n = 0; n < 40; n++) group.propose('a', big)
    group.restart('c')
    group.node('c').holdsWrites = true
    const before = appendsTo(group, 'c').length
    group.pass(4 * HEARTBEAT_MS)
    group.finishWrites('c', 3)
    const sent = appendsTo(group, 'c').slice(before)
    expect(Math.max(...sent.map(({ entries }) => entries.length))).toBe(3)
    group.node('c').holdsWrites = false
    group.finishWrites('c')
    group.pass(2 * HEARTBEAT_MS)
    expect(group.node('c').applied).toHaveLength(40)
  })

  it('puts what is proposed in one turn into one append', () => {
    const group = Group.of('abc')
    group.electThis('a')
    const before = appendsTo(group, 'b').length
    group.act('a', (raft, nowMs) => {
      for (let n = 0; n < 64; n++) raft.propose(new Uint8Array(8), nowMs)
    })
    const sent = appendsTo(group, 'b').slice(before)
    expect(sent.map(({ entries }) => entries.length).filter((length) => length > 0)).toEqual([64])
  })

  it('refuses proposals while too much is not committed, and takes them again', () => {
    const group = Group.of('abc', { uncommittedBytesMax: 1000 })
    group.electThis('a')
    group.partition('a bc')
    const big = 'x'.repeat(400)
    expect([1, 2, 3].map(() => group.propose('a', big))).toEqual([true, true, false])
    const refusal = { ok: false, reason: 'overloaded', leader: 'a' }
    const data = new Uint8Array(999)
    expect(group.act('a', (raft, nowMs) => raft.propose(data, nowMs))).toEqual(refusal)
    group.heal()
    group.pass(4 * HEARTBEAT_MS)
    expect(group.node('b').applied).toEqual([big, big])
    expect(group.propose('a', 'x'.repeat(2000))).toBe(true)
  })

  it('has at most so many committed entries in one Ready', () => {
    const group = Group.of('a', { uncommittedBytesMax: 1e9 })
    group.electThis('a')
    const { raft } = group.node('a')
    for (let n = 0; n < 3000; n++) raft.propose(new Uint8Array(1), group.nowMs)
    const sizes: number[] = []
    for (let ready = raft.takeReady(); ready !== null; ready = raft.takeReady()) {
      if (ready.persist !== null) raft.persisted(ready.persist.sequence, group.nowMs)
      if (ready.committed.length > 0) sizes.push(ready.committed.length)
    }
    expect(sizes).toEqual([1024, 1024, 952])
  })
})

describe('a follower', () => {
  const hardState = { term: 3, vote: null }
  const followerOf = (terms: readonly number[]) => {
    const group = new Group()
    group.add('b', { snapshot: FOUNDING, entries: entriesOf(terms), hardState })
    return group
  }
  const append = (prevIndex: number, prevTerm: number, terms: number[], commit = 0): Message => ({
    ...{ from: 'a', to: 'b', term: 3, prevIndex, prevTerm, commit },
    type: 'append',
    entries: terms.map((term, n) => commandOf(prevIndex + 1 + n, term)),
  })
  const replyOf = (group: Group) => group.sent.filter(({ type }) => type === 'append-reply').at(-1)

  it.each<[string, number[], Message, number[], object]>([
    ['appends', [1], append(1, 1, [2, 3]), [1, 2, 3], { index: 3, isRejected: false }],
    ['overwrites', [1, 1, 1], append(1, 1, [2]), [1, 2], { index: 2, isRejected: false }],
    ['keeps what is there', [1, 2, 3], append(0, 0, [1, 2]), [1, 2, 3], { index: 2 }],
    [
      'finds itself behind',
      [1],
      append(5, 3, [3]),
      [1],
      { index: 5, isRejected: true, hintIndex: 1 },
    ],
    [
      'finds another term there',
      [1, 1, 2, 2],
      append(4, 1, []),
      [1, 1, 2, 2],
      { index: 4, isRejected: true, hintIndex: 2, hintTerm: 1 },
    ],
  ])('%s', (_, before, message, after, reply) => {
    const group = followerOf(before)
    group.give(message)
    expect(termsOf(group, 'b')).toEqual(after)
    expect(replyOf(group)).toMatchObject({ term: 3, ...reply })
  })

  it('takes a late or doubled append for what it is', () => {
    const group = followerOf([])
    const messages = [append(0, 0, [1, 1]), append(2, 1, [2, 3]), append(4, 3, [3], 4)]
    const orders = [
      [0, 1, 2, 0, 1, 2],
      [0, 2, 1, 2, 0],
      [2, 1, 0, 1, 0, 2],
    ]
    for (const order of orders) for (const n of order) group.give(messages[n] as Message)
    expect(termsOf(group, 'b')).toEqual([1, 1, 2, 3, 3])
    expect(group.raft('b').status().commitIndex).toBe(4)
    group.give(append(0, 0, [1], 0))
    expect(group.raft('b').status()).toMatchObject({ commitIndex: 4, lastIndex: 5 })
    expect(replyOf(group)).toMatchObject({ index: 4, isRejected: false })
  })

  it('says to have an entry only when its disk has it', () => {
    const group = followerOf([])
    group.node('b').holdsWrites = true
    group.give(append(0, 0, [1]))
    group.give(append(1, 1, [1]))
    group.give(append(1, 1, [1]))
    expect(replyOf(group)).toBe(undefined)
    group.finishWrites('b', 1)
    expect(replyOf(group)).toMatchObject({ index: 1 })
    group.finishWrites('b')
    expect(replyOf(group)).toMatchObject({ index: 2 })
  })

  it('says nothing of what it cannot even begin to write', () => {
    const group = followerOf([])
    const node = group.node('b')
    node.holdsWrites = true
    for (let n = 0; n < 80; n++) group.give(append(n, n === 0 ? 0 : 1, [1]))
    const writes = node.heldWrites.filter(({ persist }) => persist !== null)
    expect(writes).toHaveLength(64)
    expect(node.heldWrites.flatMap((ready) => ready.messagesAfterPersist)).toHaveLength(64)
    group.finishWrites('b', 64)
    expect(replyOf(group)).toMatchObject({ index: 64 })
    node.holdsWrites = false
    group.finishWrites('b')
    expect(replyOf(group)).toMatchObject({ index: 80 })
  })

  it('applies nothing that its disk does not have', () => {
    const group = followerOf([])
    group.node('b').holdsWrites = true
    group.give(append(0, 0, [1, 1], 2))
    expect(group.raft('b').status().commitIndex).toBe(2)
    expect(group.node('b').applied).toEqual([])
    group.finishWrites('b')
    expect(group.node('b').applied).toEqual(['1@1', '2@1'])
  })

  it('does not apply an entry twice, or one that was put in place of another before its time', () => {
    const group = followerOf([])
    group.node('b').holdsWrites = true
    group.give(append(0, 0, [1, 1]))
    group.give({ ...append(1, 1, [3], 2), from: 'c', term: 4 } as Message)
    group.finishWrites('b', 1)
    expect(group.node('b').applied).toEqual(['1@1'])
    group.finishWrites('b')
    expect(group.node('b').applied).toEqual(['1@1', '2@3'])
  })
})
