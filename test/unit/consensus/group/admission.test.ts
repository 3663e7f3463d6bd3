import { describe, expect, it } from 'vitest'
import { type AdmissionView, objectionTo } from '../../../../src/consensus/group/admission.ts'
import type { PeerHello } from '../../../../src/consensus/peers/transport.ts'
import { membershipOf } from '../driver/driver-lab.ts'

const peers = ['lb1', 'lb2', 'lb3'].map((name) => ({ name, address: `${name}:7400` }))

const unbornView: AdmissionView = {
  selfId: 'lb1/1',
  clusterId: null,
  membership: null,
  hasQuorum: false,
  peers,
}

const memberView: AdmissionView = {
  ...unbornView,
  clusterId: 'c',
  membership: {
    ...membershipOf('lb1', 'lb2'),
    invited: [{ name: 'lb5', address: 'lb5:7400' }],
  },
  hasQuorum: true,
}

function helloOf(id: string, clusterId: string | null, ...memberIds: string[]): PeerHello {
  return { name: id.split('/')[0] ?? '', id, clusterId, memberIds }
}

describe('a node', () => {
  it.each<[string, AdmissionView, PeerHello, RegExp | null]>([
    ['without a cluster talks to its peers', unbornView, helloOf('lb2/1', null), null],
    ['without a cluster talks to those of one', unbornView, helloOf('lb2/1', 'c'), null],
    ['without a cluster talks to nobody else', unbornView, helloOf('lb9/1', null), /no peer of/],
    [
      'without a cluster talks to whoever has it as a member',
      unbornView,
      helloOf('lb9/1', 'c', 'lb1/1'),
      null,
    ],
    ['talks to members', memberView, helloOf('lb2/1', 'c', 'lb1/1', 'lb2/1'), null],
    ['talks to members that are not born yet', memberView, helloOf('lb2/1', null), null],
    ['talks to a member that has lost its data', memberView, helloOf('lb2/2', null), null],
    ['talks to those who are invited', memberView, helloOf('lb5/1', null), null],
    ['does not talk to others', memberView, helloOf('lb3/1', null), /it can be added/],
    [
      'does not talk to those who are no members any more',
      memberView,
      helloOf('lb3/1', 'c', 'lb1/1', 'lb3/1'),
      /no member of the cluster any more/,
    ],
    [
      'that hears no leader talks to members that it does not know yet',
      { ...memberView, hasQuorum: false },
      helloOf('lb3/1', 'c', 'lb1/1', 'lb3/1'),
      null,
    ],
    [
      'that hears no leader does not talk to those who do not know it',
      { ...memberView, hasQuorum: false },
      helloOf('lb3/1', 'c', 'lb3/1'),
      /no member/,
    ],
    [
      'does not talk to members of another cluster, whatever they are called',
      memberView,
      helloOf('lb2/1', 'd', 'lb1/1'),
      /another cluster/,
    ],
  ])('%s', (_what, view, hello, objection) => {
    const outcome = objectionTo(hello, view)
    if (objection === null) expect(outcome).toBeNull()
    else expect(outcome).toMatch(objection)
  })
})
