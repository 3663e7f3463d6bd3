import { describe, expect, it } from 'vitest'
import { ELECTION_MAX_MS, ELECTION_MIN_MS, Group, HEARTBEAT_MS } from './group.ts'

/** A group that `a` leads, with a word agreed on. */
function ledByA(voters = 'abc'): Group {
  const group = Group.of(voters)
  group.electThis('a')
  group.propose('a', 'before')
  return group
}

describe('a leader whose disk hangs', () => {
  it('agrees, applies and reads on by the disks of the others', () => {
    const group = ledByA()
    group.node('a').holdsWrites = true
    for (const word of ['one', 'two']) {
      group.propose('a', word)
      expect(group.node('a').applied.at(-1)).toBe(word)
    }
    expect(group.read('a', 1)).toBe(group.raft('a').status().commitIndex)
    expect(group.node('a').heldWrites.length).toBeGreaterThan(0)
  })

  it('does not lose what it has applied over a crash', () => {
    const group = ledByA()
    group.node('a').holdsWrites = true
    group.propose('a', 'one')
    group.crash('a')
    group.node('a').holdsWrites = false
    group.elect()
    group.restart('a')
    group.passUntil(() => group.node('a').applied.includes('one'))
  })

  it('may shorten its log by a snapshot that its disk has yet to take', () => {
    const group = ledByA()
    group.node('a').holdsWrites = true
    for (let n = 0; n < 100; n++) group.propose('a', `w${n}`)
    group.compact('a')
    group.propose('a', 'last')
    group.node('a').holdsWrites = false
    group.finishWrites('a')
    expect(group.node('a').disk.snapshot.index).toBeGreaterThan(100)
    group.crash('a')
    group.restart('a')
    group.passUntil(() => group.node('a').applied.at(-1) === 'last')
    expect(group.node('a').applied).toHaveLength(102)
  })

  it('hands over within an election timeout, to who has most', () => {
    const group = ledByA()
    group.filter = ({ to, type }) => !(to === 'b' && type === 'append')
    group.node('a').holdsWrites = true
    group.propose('a', 'one')
    group.pass(ELECTION_MAX_MS - HEARTBEAT_MS)
    expect(group.role('a')).toBe('leader')
    group.pass(2 * HEARTBEAT_MS)
    expect(group.leader()).toBe('c')
    group.heal()
    group.elect()
    expect(group.propose('c', 'two')).toBe(true)
    expect(group.node('c').applied.at(-1)).toBe('two')
  })

  it('leads on where the disk comes back in time', () => {
    const group = ledByA()
    group.node('a').holdsWrites = true
    const { term } = group.raft('a').status()
    for (let n = 0; n < 10; n++) {
      group.propose('a', `w${n}`)
      group.pass(ELECTION_MAX_MS - 2 * HEARTBEAT_MS)
      group.finishWrites('a')
    }
    expect(group.raft('a').status()).toMatchObject({ role: 'leader', term })
  })

  it('steps down where nobody takes the lead, and says that nothing is agreed on', () => {
    const group = ledByA()
    for (const id of 'abc') group.node(id).holdsWrites = true
    group.propose('a', 'one')
    group.pass(HEARTBEAT_MS)
    expect(group.raft('a').status().waitingSinceMs).toBeLessThan(group.nowMs)
    group.pass(2 * ELECTION_MAX_MS + HEARTBEAT_MS)
    expect(group.role('a')).not.toBe('leader')
    for (const id of 'abc') {
      group.node(id).holdsWrites = false
      group.finishWrites(id)
    }
    group.elect()
    for (const id of 'abc') group.passUntil(() => group.node(id).applied.at(-1) === 'one')
    for (const id of 'abc') expect(group.raft(id).status().waitingSinceMs).toBeNull()
  })
})

describe('a node whose disk hangs', () => {
  it('does not stand for election until its disk is back', () => {
    const group = ledByA()
    group.node('b').holdsWrites = true
    group.propose('a', 'one')
    group.pass(ELECTION_MAX_MS)
    group.crash('a')
    const before = group.sent.length
    group.crash('c')
    group.pass(5 * ELECTION_MAX_MS)
    group.act('b', (raft, nowMs) => raft.campaign(nowMs))
    const asked = group.sent.slice(before).filter(({ type }) => /vote$/.test(type))
    expect(asked.filter(({ from }) => from === 'b')).toEqual([])
    group.node('b').holdsWrites = false
    group.finishWrites('b')
    group.restart('c')
    group.elect()
  })

  it('does not take the lead that it is offered', () => {
    const group = ledByA()
    group.node('b').holdsWrites = true
    group.propose('a', 'one')
    group.pass(ELECTION_MAX_MS + 1)
    const { term } = group.raft('a').status()
    group.give({ type: 'timeout-now', from: 'a', to: 'b', term })
    group.deliver()
    expect(group.role('b')).toBe('follower')
    expect(group.raft('b').status().term).toBe(term)
  })

  it('stands again when its disk is back, as soon as any other', () => {
    const group = Group.of('a')
    group.electThis('a')
    group.node('a').holdsWrites = true
    group.propose('a', 'one')
    group.pass(ELECTION_MAX_MS + HEARTBEAT_MS)
    expect(group.role('a')).toBe('follower')
    group.pass(10 * ELECTION_MAX_MS)
    expect(group.role('a')).toBe('follower')
    group.node('a').holdsWrites = false
    group.finishWrites('a')
    group.pass(ELECTION_MIN_MS)
    group.elect()
    expect(group.node('a').applied).toEqual(['one'])
  })
})
