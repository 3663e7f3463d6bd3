import { describe, expect, it } from 'vitest'
import type { PeerStanding } from '../../../../src/consensus/core/core-status.ts'
import {
  type LeaderView,
  MembershipReconciler,
} from '../../../../src/consensus/group/membership-reconciler.ts'
import { memberOf, membershipOf } from '../driver/driver-lab.ts'

function peerOf(id: string, change: Partial<PeerStanding> = {}): PeerStanding {
  const state = {
    matchIndex: 5,
    state: 'replicate',
    isRecentlyActive: true,
    isCaughtUp: true,
    heardMs: 0,
  } as const
  return { id, ...state, ...change }
}

function hellosOf(...ids: readonly string[]): LeaderView['hellos'] {
  return new Map(
    ids.map((id) => {
      const name = id.split('/')[0] ?? ''
      return [name, { name, id, clusterId: null, memberIds: [id] }]
    }),
  )
}

/** Two voters that are well. */
const calm: LeaderView = {
  id: 'lb1/1',
  membership: membershipOf('lb1', 'lb2'),
  peers: [peerOf('lb2/1')],
  hellos: hellosOf('lb2/1'),
}

describe('a leader', () => {
  it('leaves a group that is well alone', () => {
    const reconciler = new MembershipReconciler()
    for (let nowMs = 0; nowMs < 10_000; nowMs += 100) {
      expect(reconciler.next(calm, nowMs)).toBeNull()
    }
  })

  it('takes in those who are invited, under the id that they come with', () => {
    const invited = [{ name: 'lb3', address: 'lb3:1' }]
    const membership = { ...calm.membership, invited }
    const reconciler = new MembershipReconciler()
    expect(reconciler.next({ ...calm, membership }, 0)).toBeNull()
    const step = reconciler.next({ ...calm, membership, hellos: hellosOf('lb3/7') }, 0)
    expect(step?.target).toEqual({
      ...calm.membership,
      learners: [{ id: 'lb3/7', name: 'lb3', address: 'lb3:1' }],
      invited: [],
    })
  })

  it.each([
    ['is behind', { isCaughtUp: false }, false],
    ['is silent', { isRecentlyActive: false }, false],
    ['has caught up', {}, true],
  ])('makes a learner a voter, but not one that %s: %s', (_what, change, isPromoted) => {
    const membership = { ...calm.membership, learners: [memberOf('lb3')] }
    const peers = [peerOf('lb2/1'), peerOf('lb3/1', change)]
    const step = new MembershipReconciler().next({ ...calm, membership, peers }, 0)
    expect(step?.target ?? null).toEqual(isPromoted ? membershipOf('lb1', 'lb2', 'lb3') : null)
  })

  it('puts a node that lost its data in the place of the one that it was, after a time', () => {
    const membership = membershipOf('lb1', 'lb2', 'lb3')
    const silent = peerOf('lb2/1', { isRecentlyActive: false })
    const view = {
      ...calm,
      membership,
      peers: [silent, peerOf('lb3/1')],
      hellos: hellosOf('lb2/2'),
    }
    const reconciler = new MembershipReconciler()
    expect(reconciler.next(view, 1000)).toBeNull()
    expect(reconciler.next(view, 3999)).toBeNull()
    expect(reconciler.next(view, 4000)?.target).toEqual({
      ...membershipOf('lb1', 'lb3'),
      learners: [{ ...memberOf('lb2'), id: 'lb2/2' }],
    })
  })

  it('does not replace a node that is heard, nor one that comes back meanwhile', () => {
    const membership = membershipOf('lb1', 'lb2', 'lb3')
    const hellos = hellosOf('lb2/2')
    const reconciler = new MembershipReconciler()
    const awake = { ...calm, membership, peers: [peerOf('lb2/1'), peerOf('lb3/1')], hellos }
    const silent = {
      ...awake,
      peers: [peerOf('lb2/1', { isRecentlyActive: false }), peerOf('lb3/1')],
    }
    for (const [nowMs, view] of [
      [0, awake],
      [5000, silent],
      [7000, awake],
      [9000, silent],
      [11_000, silent],
    ] as const) {
      expect(reconciler.next(view, nowMs)).toBeNull()
    }
    expect(reconciler.next(silent, 12_000)).not.toBeNull()
  })

  it('does not count the silence of before it led', () => {
    const membership = membershipOf('lb1', 'lb2', 'lb3')
    const silent = peerOf('lb2/1', { isRecentlyActive: false })
    const view = {
      ...calm,
      membership,
      peers: [silent, peerOf('lb3/1')],
      hellos: hellosOf('lb2/2'),
    }
    const reconciler = new MembershipReconciler()
    expect(reconciler.next(view, 0)).toBeNull()
    reconciler.reset()
    expect(reconciler.next(view, 4000)).toBeNull()
  })

  it('makes nobody a voter where the voters would have no majority that answers', () => {
    const membership = {
      ...membershipOf('lb1', 'lb2', 'lb3', 'lb4'),
      learners: [memberOf('lb5')],
    }
    const silent = { isRecentlyActive: false }
    const peersWith = (change: Partial<PeerStanding>) => [
      peerOf('lb2/1', change),
      peerOf('lb3/1', silent),
      peerOf('lb4/1', silent),
      peerOf('lb5/1'),
    ]
    const reconciler = new MembershipReconciler()
    expect(reconciler.next({ ...calm, membership, peers: peersWith(silent) }, 0)).toBeNull()
    expect(reconciler.next({ ...calm, membership, peers: peersWith({}) }, 0)).not.toBeNull()
  })

  it('waits while a change is under way', () => {
    const membership = {
      ...membershipOf('lb1', 'lb2'),
      outgoing: [memberOf('lb1')],
      learners: [memberOf('lb3')],
    }
    const peers = [peerOf('lb2/1'), peerOf('lb3/1')]
    expect(new MembershipReconciler().next({ ...calm, membership, peers }, 0)).toBeNull()
  })
})
