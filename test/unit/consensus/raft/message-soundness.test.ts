import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../../src/consensus/log/entries.ts'
import { isSoundMessage } from '../../../../src/consensus/raft/message-soundness.ts'
import type { Message } from '../../../../src/consensus/raft/messages.ts'
import { commandOf, entriesOf, foundingOf, membershipOf } from './disk.ts'
import { ELECTION_MIN_MS, Group } from './group.ts'

const APPEND: Message = {
  ...{ type: 'append', from: 'b', to: 'a', term: 3, prevIndex: 1, prevTerm: 1, commit: 0 },
  type: 'append',
  entries: [commandOf(2, 1), commandOf(3, 3)],
}

const CHUNK: Message = {
  ...{ from: 'b', to: 'a', term: 3, index: 5, indexTerm: 2, offset: 2, totalBytes: 6 },
  type: 'snapshot-chunk',
  membership: membershipOf('abc'),
  data: new Uint8Array(4),
}

const BAD_MEMBERSHIP: Entry = {
  index: 2,
  term: 1,
  payload: { kind: 'membership', membership: membershipOf('') },
}

describe('a message', () => {
  const isSound = (message: Message) => isSoundMessage(message, 'a', 100)

  it.each<[string, Message]>([
    ['an append', APPEND],
    ['a piece', CHUNK],
    ['a vote of a node with an empty log', voteOf({})],
  ])('that a right member can send is taken: %s', (_, message) => {
    expect(isSound(message)).toBe(true)
  })

  it.each<[string, object]>([
    ['for another node', { ...APPEND, to: 'c' }],
    ['from itself', { ...APPEND, from: 'a' }],
    ['of no term', { ...APPEND, term: 0, prevTerm: 0, entries: [] }],
    ['of a broken term', { ...APPEND, term: 3.5 }],
    ['of a term beyond all bounds', { ...APPEND, term: 2 ** 52 }],
    ['of a negative index', { ...APPEND, prevIndex: -1 }],
    ['that begins in a later term', { ...APPEND, prevTerm: 4, entries: [] }],
    ['with a hole', { ...APPEND, entries: [commandOf(2, 1), commandOf(4, 1)] }],
    ['that does not continue', { ...APPEND, entries: [commandOf(3, 1)] }],
    ['with terms that fall', { ...APPEND, entries: [commandOf(2, 2), commandOf(3, 1)] }],
    ['with an entry of a later term', { ...APPEND, entries: [commandOf(2, 4)] }],
    ['with a membership of nobody', { ...APPEND, entries: [BAD_MEMBERSHIP] }],
    ['that commits nonsense', { ...APPEND, commit: Number.NaN }],
    ['with a piece beyond its end', { ...CHUNK, offset: 3 }],
    ['with a piece of too large a snapshot', { ...CHUNK, totalBytes: 101 }],
    ['with a snapshot of nobody', { ...CHUNK, membership: membershipOf('') }],
    ['with a snapshot of a later term', { ...CHUNK, indexTerm: 4 }],
    ['with a snapshot at no place', { ...CHUNK, index: Number.POSITIVE_INFINITY }],
    ['with a vote of a later log', voteOf({ lastTerm: 9 })],
  ])('%s is dropped', (_, message) => {
    expect(isSound(message as Message)).toBe(false)
  })
})

function voteOf(change: object): Message {
  const log = { lastIndex: 0, lastTerm: 0, isTransfer: false }
  return { type: 'vote', from: 'b', to: 'a', term: 3, ...log, ...change }
}

describe('a node', () => {
  const number = fc.oneof(
    { weight: 8, arbitrary: fc.nat(8) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 40, 2 ** 53, Infinity) },
  )
  const id = fc.constantFrom('a', 'b', 'c', 'x')
  const members = fc.constantFrom('', 'a', 'abc', 'bc', 'bcx', 'aa').map((ids) => membershipOf(ids))
  const envelope = { from: id, to: fc.constant('a'), term: number }
  const data = fc.uint8Array({ maxLength: 6 })
  const payload = fc.oneof(
    fc.record({ kind: fc.constant('empty') }),
    fc.record({ kind: fc.constant('command'), data }),
    fc.record({ kind: fc.constant('membership'), membership: members }),
  )
  const flag = fc.boolean()
  const bodies: Record<Message['type'], object> = {
    'pre-vote': { lastIndex: number, lastTerm: number },
    'pre-vote-reply': { isGranted: flag },
    vote: { lastIndex: number, lastTerm: number, isTransfer: flag },
    'vote-reply': { isGranted: flag },
    append: { prevIndex: number, prevTerm: number, commit: number, entries: fc.constant([]) },
    'append-reply': { index: number, isRejected: flag, hintIndex: number, hintTerm: number },
    heartbeat: { commit: number, round: number },
    'heartbeat-reply': { round: number },
    'snapshot-chunk': {
      ...{ index: number, indexTerm: number, membership: members, offset: number },
      ...{ totalBytes: number, data },
    },
    'snapshot-reply': { index: number, offset: number },
    'timeout-now': {},
    'read-request': { context: number },
    'read-reply': { context: number, index: fc.option(number) },
  }
  const anyMessage = fc.oneof(
    ...Object.entries(bodies).map(([type, body]) =>
      fc.record({ type: fc.constant(type), ...envelope, ...body }),
    ),
    // Appends whose entries follow each other, so that some of them are taken.
    fc
      .record({ ...envelope, prevIndex: fc.nat(6), prevTerm: fc.nat(4), commit: number })
      .chain((append) =>
        fc.array(fc.record({ step: fc.nat(1), payload }), { maxLength: 4 }).map((drawn) => {
          let term = append.prevTerm
          const entries = drawn.map(({ step, payload: carried }, n) => {
            term += step
            return { index: append.prevIndex + 1 + n, term, payload: carried }
          })
          return { type: 'append', ...append, entries }
        }),
      ),
  )
  const anyInput = fc.oneof(
    { weight: 6, arbitrary: anyMessage },
    { weight: 1, arbitrary: fc.constantFrom('tick', 'propose', 'read', 'campaign', 'compact') },
  )

  it.each([['a follower'], ['a leader']])('as %s survives whatever its peers say', (role) => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 30 }), (inputs) => {
        const group = new Group()
        const snapshot = foundingOf(membershipOf(role === 'a leader' ? 'a' : 'abc'))
        const hardState = { term: 3, vote: null }
        const node = group.add('a', { snapshot, hardState, entries: entriesOf([1, 1, 2, 3]) })
        if (role === 'a leader') {
          group.electThis('a')
          group.changeTo('a', membershipOf('a', 'bc'))
        }
        for (const input of inputs) {
          if (typeof input !== 'string') group.give(input as Message)
          else if (input === 'tick') group.pass(ELECTION_MIN_MS)
          else if (input === 'propose') group.propose('a', 'w')
          else if (input === 'read') group.read('a', group.sent.length)
          else if (input === 'compact') group.compact('a', 1)
          else group.act('a', (raft, nowMs) => raft.campaign(nowMs))
        }
        const { commitIndex, lastIndex, appliedIndex } = node.raft.status()
        expect(appliedIndex).toBeLessThanOrEqual(commitIndex)
        expect(commitIndex).toBeLessThanOrEqual(lastIndex)
      }),
      { numRuns: 1500 },
    )
  })

  it.each<[string, object]>([
    ['has more than the leader', { type: 'append-reply', index: 99, isRejected: false }],
    ['refuses more than it was sent', { type: 'append-reply', index: 99, isRejected: true }],
    ['refuses what it has', { type: 'append-reply', index: 1, isRejected: true }],
    ['has a snapshot that it was not sent', { type: 'snapshot-reply', index: 2, offset: 0 }],
    ['answers a round to come', { type: 'heartbeat-reply', round: 99 }],
  ])('that leads is not moved by a peer that %s', (_, change) => {
    const group = Group.of('abc')
    group.electThis('a')
    group.propose('a', 'w')
    const before = group.raft('a').status()
    const hint = { hintIndex: 50, hintTerm: 50 }
    group.give({ from: 'b', to: 'a', term: 1, ...hint, ...change } as Message)
    expect(group.raft('a').status()).toEqual(before)
    expect(group.propose('a', 'x')).toBe(true)
    expect(group.node('b').applied).toEqual(['w', 'x'])
  })

  it('counts what no right member can send, and nothing else', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.give({ ...APPEND, term: 1, prevTerm: 1, entries: [] } as Message)
    group.give({ ...APPEND, prevIndex: -1 } as Message)
    expect(group.raft('a').status()).toMatchObject({ role: 'leader', term: 1, absurdMessages: 2 })
    expect(group.raft('b').status().absurdMessages).toBe(0)
  })

  it('does not let a leader contradict what is committed', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.propose('a', 'w')
    const append = { ...APPEND, from: 'c', to: 'b', term: 9, commit: 9 }
    group.give({ ...append, prevIndex: 0, prevTerm: 0, entries: entriesOf([8, 8, 8]) } as Message)
    group.give({ ...append, prevIndex: 2, prevTerm: 8, entries: [] } as Message)
    expect(group.raft('b').status()).toMatchObject({ commitIndex: 2, absurdMessages: 2 })
    expect(group.node('b').applied).toEqual(['w'])
  })
})
