import { describe, expect, it } from 'vitest'
import { Group, HEARTBEAT_MS } from './group.ts'

/** A group that `a` leads, in which `c` has acknowledged three words and comes back without the last. */
function groupThatLost(): Group {
  const group = Group.of('abc')
  group.electThis('a')
  for (const word of ['one', 'two', 'three']) group.propose('a', word)
  group.pass(HEARTBEAT_MS)
  group.crash('c')
  group.node('c').disk.entries.pop()
  group.restart('c')
  return group
}

describe('a node that lost what it had acknowledged', () => {
  it('knows it by the next heartbeat of the leader that it acknowledged it to', () => {
    const group = groupThatLost()
    expect(group.raft('c').lostIndex()).toBeNull()
    const { lastIndex } = group.raft('a').status()
    group.pass(HEARTBEAT_MS)
    expect(group.raft('c').lostIndex()).toBe(lastIndex)
    expect(group.raft('b').lostIndex()).toBeNull()
  })

  it('does not answer that heartbeat: no quorum counts on it', () => {
    const group = groupThatLost()
    group.crash('b')
    const before = group.sent.length
    group.pass(4 * HEARTBEAT_MS)
    const answers = group.sent.slice(before).filter(({ from }) => from === 'c')
    expect(answers.filter(({ type }) => type === 'heartbeat-reply')).toEqual([])
  })

  it('is not taken for one where a write was under way at a crash', () => {
    const group = Group.of('abc')
    group.electThis('a')
    group.propose('a', 'one')
    group.node('c').holdsWrites = true
    group.propose('a', 'two')
    group.pass(HEARTBEAT_MS)
    group.crash('c')
    group.node('c').holdsWrites = false
    group.restart('c')
    group.passUntil(() => group.node('c').applied.at(-1) === 'two')
    expect(group.raft('c').lostIndex()).toBeNull()
  })
})
