import { describe, expect, it } from 'vitest'
import type { Message } from '../../../../src/consensus/raft/messages.ts'
import { membershipOf } from './disk.ts'
import { Group, randomOf } from './group.ts'

const SEEDS = 200
const STEPS = 300

const PARTITIONS = ['a bcdef', 'ab cdef', 'abc def', 'acf bde', 'abcd ef', 'a b cdef']
const MEMBERSHIPS = [
  membershipOf('abcde'),
  membershipOf('abc'),
  membershipOf('bcd', 'f'),
  membershipOf('cdef'),
  membershipOf('ade', 'bc'),
  membershipOf('abcdef'),
  membershipOf('abcd', 'ef'),
]

/** A group, and one hand that does it harm by a seed. */
class Chaos {
  readonly group: Group
  readonly #random: () => number
  readonly #late: Message[] = []

  constructor(seed: number) {
    this.#random = randomOf(seed)
    const readMode = seed % 2 === 0 ? 'lease' : 'read-index'
    this.group = Group.of('abcde', { readMode }, seed)
    this.group.add('f', this.group.node('a').disk.initial(), { readMode })
    for (const node of this.group.nodes.values()) node.clockRate = 0.9 + this.#random() * 0.2
  }

  step(step: number): void {
    const lossy = this.#random() < 0.1
    this.group.filter = () => !lossy || this.#random() < 0.7
    const id = this.#pick([...this.group.nodes.keys()])
    if (this.group.node(id).isUp) this.#disturb(id, step)
    else if (this.#random() < 0.3) this.group.restart(id)
    this.#bringLate()
    this.group.pass(Math.floor(this.#random() * 120))
  }

  /** Ends all harm and waits until the group is one again. */
  heal(): void {
    const { group } = this
    group.heal()
    for (const [id, node] of group.nodes) {
      node.isPaused = false
      if (!node.isUp) group.restart(id)
      node.holdsWrites = false
      group.finishWrites(id)
    }
    group.passUntil(() => {
      const leader = group.leader()
      if (leader === null || !group.propose(leader, 'last')) return false
      const { membership, lastIndex } = group.raft(leader).status()
      return membership.voters.every(({ id }) => group.node(id).appliedIndex === lastIndex)
    })
  }

  #disturb(id: string, step: number): void {
    const { group } = this
    const node = group.node(id)
    const harms: (() => void)[] = [
      () => group.propose(id, `s${step}`),
      () => group.propose(id, `t${step}`),
      () => group.read(id, step),
      () => group.read(id, step),
      () => this.#random() < 0.3 && group.crash(id),
      () => group.partition(this.#pick(PARTITIONS)),
      () => group.heal(),
      () => {
        node.holdsWrites = this.#random() < 0.5
      },
      () => group.finishWrites(id, Math.floor(this.#random() * 4)),
      () => group.compact(id, this.#pick([0, 2, 10])),
      () => group.act(id, (raft, nowMs) => raft.transferLeadership(this.#pick(['a', 'b']), nowMs)),
      () => group.changeTo(id, this.#pick(MEMBERSHIPS)),
      () => {
        node.isPaused = this.#random() < 0.3
        group.deliver()
      },
    ]
    this.#pick(harms)()
  }

  /** A copy of something that was sent long ago. */
  #bringLate(): void {
    const copy = this.#pick(this.group.sent.slice(-200))
    if (copy !== undefined && this.#random() < 0.3) this.#late.push(copy)
    if (this.#random() > 0.3) return
    const message = this.#late.splice(Math.floor(this.#random() * this.#late.length), 1)[0]
    if (message === undefined) return
    this.group.give(message)
    this.group.deliver()
  }

  #pick<Thing>(from: readonly Thing[]): Thing {
    return from[Math.floor(this.#random() * from.length)] as Thing
  }
}

describe('under faults', () => {
  it.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
    'seed %i agrees, reads nothing stale, and comes back',
    (seed) => {
      const chaos = new Chaos(seed)
      for (let step = 0; step < STEPS; step++) chaos.step(step)
      chaos.heal()
      const { group } = chaos
      const { voters } = group.raft(group.elect()).status().membership
      expect(new Set(voters.map(({ id }) => group.node(id).applied.join())).size).toBe(1)
      for (const { id } of voters) expect(group.raft(id).status().absurdMessages).toBe(0)
    },
  )
})
