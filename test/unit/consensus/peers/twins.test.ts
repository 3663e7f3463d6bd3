import { describe, expect, it } from 'vitest'
import type { PeerHello } from '../../../../src/consensus/peers/transport.ts'
import { twinObjection } from '../../../../src/consensus/peers/twins.ts'

const HELLO: PeerHello = { name: 'lb2', id: 'lb2/b', clusterId: null, memberIds: ['lb2/b'] }
const FIRST = { id: 'lb2/a', address: '10.0.0.2:7400' }
const SAME = { id: 'lb2/b', address: '10.0.0.2:7400' }

describe('a node of a name', () => {
  it.each([
    ['that nobody bears', [], [], true],
    ['that it has itself', [SAME], ['lb2/a'], true],
    ['that another has, both members of nothing', [FIRST], [], false],
    ['that a member has', [FIRST], ['lb1/a', 'lb2/a'], false],
    ['that another has, itself a member', [FIRST], ['lb1/a', 'lb2/b'], true],
    ['that another has, both members', [FIRST], ['lb2/a', 'lb2/b'], false],
    ['that it and a member have', [SAME, FIRST], ['lb2/a'], false],
  ])('%s', (_, linked, memberIds, isAdmitted) => {
    const objection = twinObjection(HELLO, linked, memberIds)
    expect(objection === null).toBe(isAdmitted)
    if (objection === null) return
    expect(objection).toEqual({
      reason: 'twin',
      message: 'two nodes are called lb2: lb2/a is here already, at 10.0.0.2:7400',
    })
  })
})
