import { describe, expect, it } from 'vitest'
import type { Message, SnapshotChunk } from '../../../../src/consensus/raft/messages.ts'
import { SnapshotAssembly } from '../../../../src/consensus/raft/snapshot-assembly.ts'
import { commandOf, entriesOf, foundingOf, membershipOf } from './disk.ts'
import { ELECTION_MAX_MS, ELECTION_MIN_MS, Group, HEARTBEAT_MS, membershipWord } from './group.ts'

const TERM = 5

function chunkOf(text: string, index: number, change: Partial<SnapshotChunk> = {}): SnapshotChunk {
  const data = new TextEncoder().encode(text)
  return {
    ...{ type: 'snapshot-chunk', from: 'a', to: 'b', term: TERM, index, indexTerm: 2 },
    membership: membershipOf('abc'),
    offset: 0,
    totalBytes: data.byteLength,
    data,
    ...change,
  } as SnapshotChunk
}

function appendOf(prevIndex: number, prevTerm: number, terms: number[], commit: number): Message {
  const entries = terms.map((term, n) => commandOf(prevIndex + 1 + n, term))
  return { type: 'append', from: 'a', to: 'b', term: TERM, prevIndex, prevTerm, entries, commit }
}

/** A follower b with a log of these terms. */
function followerOf(terms: readonly number[]): Group {
  const group = new Group()
  const hardState = { term: TERM, vote: null }
  const snapshot = foundingOf(membershipOf('abc'))
  group.add('b', { snapshot, entries: entriesOf(terms), hardState })
  return group
}

function repliesOf(group: Group): unknown[] {
  return group.sent.flatMap((message) =>
    message.type === 'snapshot-reply' ? [[message.index, message.offset]] : [],
  )
}

/** A group whose leader a has dropped what c needs. */
function laggardOf(words = 30): Group {
  const group = Group.of('abc')
  group.electThis('a')
  group.partition('ab c')
  for (let n = 0; n < words; n++) group.propose('a', `word${n}`)
  group.compact('a')
  group.heal()
  return group
}

describe('a follower that needs what is no longer in the log', () => {
  it('is sent a snapshot in pieces, and what comes after it', () => {
    const group = laggardOf()
    group.propose('a', 'after')
    group.pass(4 * HEARTBEAT_MS)
    expect(group.node('c').applied).toEqual(group.node('a').applied)
    const { snapshotChunkBytes } = group.node('a').options
    const pieces = group.sent.filter(({ type }) => type === 'snapshot-chunk') as SnapshotChunk[]
    expect(pieces.length).toBeGreaterThan(5)
    expect(Math.max(...pieces.map(({ data }) => data.byteLength))).toBe(snapshotChunkBytes)
    expect(
      group
        .raft('a')
        .status()
        .peers.find(({ id }) => id === 'c'),
    ).toMatchObject({ state: 'replicate' })
  })

  it('is sent entries where they are kept for it', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.partition('ab c')
    for (let n = 0; n < 20; n++) group.propose('a', `word${n}`)
    group.compact('a', 20)
    group.heal()
    group.pass(4 * HEARTBEAT_MS)
    expect(group.node('c').applied).toEqual(group.node('a').applied)
    expect(group.sent.some(({ type }) => type === 'snapshot-chunk')).toBe(false)
  })

  it('gets it whatever pieces and answers are lost', () => {
    for (let seed = 0; seed < 30; seed++) {
      const group = laggardOf()
      let count = seed
      group.filter = ({ type }) => !type.startsWith('snapshot') || (count++ * 7919) % 3 > 0
      group.passUntil(() => group.node('c').applied.length === 30, 100 * ELECTION_MAX_MS)
    }
  })

  it('gets it after it was itself started anew half way', () => {
    const group = laggardOf()
    let pieces = 0
    group.filter = ({ type }) => type !== 'snapshot-chunk' || ++pieces <= 4
    group.pass(4 * HEARTBEAT_MS)
    group.crash('c')
    group.restart('c')
    group.filter = () => true
    group.passUntil(() => group.node('c').applied.length === 30)
  })

  it('gets the next one where the log has become shorter still meanwhile', () => {
    const group = laggardOf()
    group.filter = ({ type }) => type !== 'snapshot-reply'
    group.pass(4 * HEARTBEAT_MS)
    for (let n = 0; n < 10; n++) group.propose('a', `more${n}`)
    group.compact('a')
    group.filter = () => true
    group.passUntil(() => group.node('c').applied.length === 40)
  })

  it('is not taken to have it by an answer of another snapshot', () => {
    const group = laggardOf()
    group.filter = ({ type }) => type !== 'snapshot-chunk'
    group.pass(4 * HEARTBEAT_MS)
    const peerOf = () =>
      group
        .raft('a')
        .status()
        .peers.find(({ id }) => id === 'c')
    const { totalBytes, index } = group.sent.find(
      ({ type }) => type === 'snapshot-chunk',
    ) as SnapshotChunk
    const reply = { type: 'snapshot-reply', from: 'c', to: 'a', term: 1 } as const
    group.give({ ...reply, index: index - 1, offset: totalBytes })
    expect(peerOf()).toMatchObject({ state: 'snapshot', matchIndex: 1 })
    group.give({ ...reply, index, offset: totalBytes + 1 })
    expect(peerOf()).toMatchObject({ state: 'snapshot', matchIndex: 1 })
  })

  it('keeps no quorum waiting: others commit meanwhile', () => {
    const group = laggardOf()
    group.filter = ({ type }) => type !== 'snapshot-chunk'
    group.pass(4 * HEARTBEAT_MS)
    expect(group.propose('a', 'meanwhile')).toBe(true)
    expect(group.node('b').applied.at(-1)).toBe('meanwhile')
  })
})

describe('a snapshot that is received', () => {
  it('stands in place of the log, durable before the state machine and the leader hear of it', () => {
    const group = followerOf([1, 1])
    const node = group.node('b')
    node.holdsWrites = true
    group.give(chunkOf('x,y,z', 7))
    expect(node.raft.status()).toMatchObject({ lastIndex: 7, commitIndex: 7, firstIndex: 8 })
    expect([node.applied, repliesOf(group)]).toEqual([[], []])
    group.finishWrites('b')
    expect(node.applied).toEqual(['x', 'y', 'z'])
    expect(repliesOf(group)).toEqual([[7, 5]])
    expect(node.disk.entries).toEqual([])
    expect(node.disk.snapshot).toMatchObject({ index: 7, term: 2 })
  })

  it('brings its membership, at once', () => {
    const group = followerOf([])
    group.give(chunkOf('x', 7, { membership: membershipOf('bcd', 'e') }))
    expect(membershipWord(group.raft('b').status().membership)).toBe('bcd +e')
    group.crash('b')
    group.restart('b')
    expect(membershipWord(group.raft('b').status().membership)).toBe('bcd +e')
  })

  it('is not the log’s affair where the log has its last entry: all after it stays', () => {
    const group = followerOf([1, 2, 2, 3])
    group.give(chunkOf('x,y', 2))
    expect(group.raft('b').status()).toMatchObject({ lastIndex: 4, commitIndex: 2, firstIndex: 1 })
    expect(group.node('b').applied).toEqual(['1@1', '2@2'])
    expect(repliesOf(group)).toEqual([[2, 3]])
  })

  it('takes the place of a divergent tail that crosses it', () => {
    const group = followerOf([1, 1, 1, 1, 1, 1])
    group.give(chunkOf('x,y,z', 4))
    expect(group.raft('b').status()).toMatchObject({ lastIndex: 4, commitIndex: 4 })
    group.give(appendOf(4, 2, [3], 5))
    expect(group.node('b').applied).toEqual(['x', 'y', 'z', '5@3'])
    expect(group.node('b').disk.entries).toEqual([commandOf(5, 3)])
  })

  it('is not undone by older appends, doubled and out of order', () => {
    const group = followerOf([1, 1, 1, 1, 1, 1])
    const older = [
      appendOf(0, 0, [1, 2], 0),
      appendOf(2, 2, [2, 2, 2], 3),
      appendOf(3, 2, [2, 2], 4),
      appendOf(5, 2, [3], 5),
    ]
    for (const message of older.slice(0, 2)) group.give(message)
    group.give(chunkOf('x,y,z', 5))
    for (const n of [3, 0, 2, 1, 0, 3, 2]) group.give(older[n] as Message)
    expect(group.raft('b').status()).toMatchObject({ lastIndex: 6, commitIndex: 5 })
    expect(group.raft('b').status().absurdMessages).toBe(0)
  })

  it('that is older than what is committed is answered as had', () => {
    const group = followerOf([])
    group.give(chunkOf('x,y,z', 7))
    group.give(chunkOf('x', 3))
    group.give(chunkOf('x,y,z', 7))
    expect(repliesOf(group)).toEqual([
      [7, 5],
      [3, 1],
      [7, 5],
    ])
    expect(group.node('b').applied).toEqual(['x', 'y', 'z'])
  })

  it('may be followed by a second one before the first is durable', () => {
    const group = followerOf([1, 1])
    const node = group.node('b')
    node.holdsWrites = true
    group.give(chunkOf('x', 7))
    group.give(appendOf(7, 2, [3, 3], 9))
    group.give(chunkOf('x,y', 12))
    group.give(appendOf(12, 2, [3], 13))
    group.finishWrites('b', 1)
    expect([node.applied, repliesOf(group)]).toEqual([[], [[7, 1]]])
    group.finishWrites('b')
    expect(node.applied).toEqual(['x', 'y', '13@3'])
    group.crash('b')
    group.restart('b')
    expect(node.applied).toEqual(['x', 'y'])
    expect(node.raft.status()).toMatchObject({ firstIndex: 13, lastIndex: 13 })
  })

  it('leaves the one that this node has taken meanwhile behind', () => {
    const group = followerOf([1, 1, 1])
    group.give(appendOf(3, 1, [], 3))
    const node = group.node('b')
    const taken = node.snapshot()
    group.give(chunkOf('x,y,z,u', 9))
    group.act('b', (raft) => raft.compact(taken, 3))
    expect(node.raft.status()).toMatchObject({ firstIndex: 10, commitIndex: 9 })
    expect(node.disk.snapshot.index).toBe(9)
  })
})

describe('the pieces of a snapshot', () => {
  const piecesOf = (text: string, index: number) => {
    const whole = chunkOf(text, index)
    return [0, 2, 4].map((offset) => ({
      ...whole,
      offset,
      data: whole.data.subarray(offset, offset + 2),
    }))
  }
  const [first, second, third] = piecesOf('abcdef', 5) as [
    SnapshotChunk,
    SnapshotChunk,
    SnapshotChunk,
  ]

  it('are taken in their order; what comes else is asked for again', () => {
    const assembly = new SnapshotAssembly()
    expect(assembly.add(second)).toEqual({ offset: 0, snapshot: null })
    expect(assembly.add(first)).toEqual({ offset: 2, snapshot: null })
    expect(assembly.add(first)).toEqual({ offset: 2, snapshot: null })
    expect(assembly.add(third)).toEqual({ offset: 2, snapshot: null })
    expect(assembly.add(second)).toEqual({ offset: 4, snapshot: null })
    const { offset, snapshot } = assembly.add(third)
    expect([offset, new TextDecoder().decode(snapshot?.data)]).toEqual([6, 'abcdef'])
  })

  it('are copied: who has sent them may use the bytes again', () => {
    const assembly = new SnapshotAssembly()
    const bytes = new TextEncoder().encode('ab')
    assembly.add({ ...first, data: bytes })
    bytes.fill(0)
    assembly.add(second)
    expect(new TextDecoder().decode(assembly.add(third).snapshot?.data)).toBe('abcdef')
  })

  it.each<[string, Partial<SnapshotChunk>]>([
    ['a later snapshot', { index: 6 }],
    ['another leader', { from: 'c' }],
    ['another term', { term: TERM + 1 }],
    ['another size', { totalBytes: 7 }],
    ['another term of the entry', { indexTerm: 3 }],
  ])('of %s begin anew', (_, change) => {
    const assembly = new SnapshotAssembly()
    assembly.add(first)
    expect(assembly.add({ ...second, ...change })).toEqual({ offset: 0, snapshot: null })
    expect(assembly.add({ ...first, ...change }).offset).toBe(2)
  })

  it('of an older snapshot, come late, do not', () => {
    const assembly = new SnapshotAssembly()
    assembly.add(first)
    const [older] = piecesOf('xxxxxx', 4)
    expect(assembly.add(older as SnapshotChunk)).toEqual({ offset: 0, snapshot: null })
    assembly.add(second)
    expect(new TextDecoder().decode(assembly.add(third).snapshot?.data)).toBe('abcdef')
  })

  it('of a snapshot that is larger than allowed are dropped', () => {
    const group = followerOf([])
    group.give(chunkOf('x', 7, { totalBytes: 5000 }))
    expect(repliesOf(group)).toEqual([])
    expect(group.raft('b').status().absurdMessages).toBe(1)
  })
})

describe('compaction', () => {
  it('keeps the state over a restart, and the entries that it was told to keep', () => {
    const group = Group.of('a')
    group.electThis('a')
    for (let n = 0; n < 10; n++) group.propose('a', `w${n}`)
    group.compact('a', 3)
    expect(group.raft('a').status()).toMatchObject({ firstIndex: 9, lastIndex: 11 })
    group.propose('a', 'after')
    const { applied } = group.node('a')
    group.crash('a')
    group.restart('a')
    expect(group.raft('a').status()).toMatchObject({ commitIndex: 11, lastIndex: 12 })
    group.electThis('a')
    expect(group.node('a').applied).toEqual(applied)
  })

  it('again and again leaves nothing behind', () => {
    const group = Group.of('abc')
    group.electThis('a')
    for (let n = 0; n < 50; n++) {
      group.propose('a', `w${n}`)
      for (const id of 'abc') group.compact(id)
      const { firstIndex, lastIndex } = group.raft('a').status()
      expect(firstIndex).toBe(lastIndex + 1)
    }
    group.crash('b')
    group.restart('b')
    group.pass(2 * ELECTION_MIN_MS)
    expect(group.node('b').applied).toEqual(group.node('a').applied)
  })

  it('of what is not applied, or with another membership or term, stops the node', () => {
    const group = Group.of('a')
    group.electThis('a')
    group.propose('a', 'w')
    const snapshot = group.node('a').snapshot()
    const compact = (change: object) => () => group.raft('a').compact({ ...snapshot, ...change }, 1)
    expect(compact({ index: snapshot.index + 1 })).toThrow(/applied/)
    expect(compact({ term: 9 })).toThrow(/term/)
    expect(compact({ membership: membershipOf('b') })).toThrow(/membership/)
  })
})
