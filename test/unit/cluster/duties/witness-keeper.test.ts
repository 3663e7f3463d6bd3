import { describe, expect, it } from 'vitest'
import { WitnessKeeper } from '../../../../src/cluster/duties/witness-keeper.ts'
import type { NodeStatus } from '../../../../src/consensus/engine-status.ts'

/** `name`, or `name-` where it does not answer, `name?` where nothing is known. */
const nodesOf = (text: string, membership: NodeStatus['membership'] = 'voter'): NodeStatus[] =>
  text.split(' ').map((word) => ({
    name: word.replace(/[-?]$/, ''),
    id: word,
    address: 'h:1',
    membership,
    isReachable: word.endsWith('?') ? null : !word.endsWith('-'),
    matchIndex: null,
  }))

/** Looks at the nodes at some times, each look taking effect at once. */
function look(times: readonly (readonly [number, string])[], first: readonly string[]): string {
  const keeper = new WitnessKeeper()
  let witnesses = first
  for (const [nowMs, nodes] of times) witnesses = keeper.look(nodesOf(nodes), witnesses, nowMs)
  return witnesses.join(' ')
}

describe('the witnesses of health', () => {
  it.each([
    ['are all who answer, where there are none yet', [], [[0, 'c b- a']], 'a c'],
    [
      'gain a node that is there for a second',
      ['a'],
      [
        [0, 'a b'],
        [1_000, 'a b'],
      ],
      'a b',
    ],
    [
      'do not gain one that was there for less',
      ['a'],
      [
        [0, 'a b'],
        [999, 'a b'],
      ],
      'a',
    ],
    [
      'do not gain one that comes and goes',
      ['a'],
      [
        [0, 'a b'],
        [600, 'a b-'],
        [700, 'a b'],
        [1_600, 'a b'],
      ],
      'a',
    ],
    [
      'lose a node that is gone for five seconds',
      ['a', 'b'],
      [
        [0, 'a b-'],
        [5_000, 'a b-'],
      ],
      'a',
    ],
    [
      'do not lose one that was gone for less',
      ['a', 'b'],
      [
        [0, 'a b-'],
        [4_999, 'a b-'],
      ],
      'a b',
    ],
    [
      'do not lose one that was back in between',
      ['a', 'b'],
      [
        [0, 'a b-'],
        [4_000, 'a b'],
        [4_500, 'a b-'],
        [9_000, 'a b-'],
      ],
      'a b',
    ],
    [
      'keep one of which a new leader knows nothing yet',
      ['a', 'b'],
      [
        [0, 'a b?'],
        [4_000, 'a b?'],
      ],
      'a b',
    ],
    ['lose a node that is no member any more, at once', ['a', 'b'], [[0, 'a']], 'a'],
  ] as const)('%s', (_, first, times, expected) => {
    expect(look(times, first)).toBe(expected)
  })

  it('are learners too, but nobody who is only invited', () => {
    const keeper = new WitnessKeeper()
    const nodes = [...nodesOf('a'), ...nodesOf('b', 'learner'), ...nodesOf('c', 'invited')]
    expect(keeper.look(nodes, [], 0)).toEqual(['a', 'b'])
  })

  it('are seen anew by who leads anew', () => {
    const keeper = new WitnessKeeper()
    keeper.look(nodesOf('a b-'), ['a', 'b'], 0)
    keeper.reset()
    expect(keeper.look(nodesOf('a b-'), ['a', 'b'], 9_000)).toEqual(['a', 'b'])
    expect(keeper.look(nodesOf('a b-'), ['a', 'b'], 14_000)).toEqual(['a'])
  })
})
