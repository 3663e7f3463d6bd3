import { describe, expect, it } from 'vitest'
import type { CoreStatus } from '../../../../src/consensus/core/core-status.ts'
import {
  describeEngine,
  isNews,
  nameOf,
  type StatusParts,
} from '../../../../src/consensus/group/status-description.ts'
import { memberOf, membershipOf } from '../driver/driver-lab.ts'

const core: CoreStatus = {
  id: 'lb1/1',
  role: 'leader',
  term: 4,
  leader: 'lb1/1',
  lastIndex: 9,
  firstIndex: 3,
  commitIndex: 8,
  appliedIndex: 7,
  membership: {
    ...membershipOf('lb1', 'lb2'),
    outgoing: [memberOf('lb1'), memberOf('lb3')],
    learners: [memberOf('lb4')],
    invited: [{ name: 'lb5', address: 'lb5:7400' }],
  },
  peers: [
    { id: 'lb2/1', matchIndex: 9, isRecentlyActive: true, heardMs: 9, isCaughtUp: true },
    { id: 'lb4/1', matchIndex: 0, isRecentlyActive: false, heardMs: null, isCaughtUp: false },
  ],
  heardFromLeaderMs: 0,
  waitingSinceMs: null,
}

const parts: StatusParts = {
  engine: 'raft',
  identity: { name: 'lb1', id: 'lb1/1', clusterId: 'c' },
  core,
  hasQuorum: true,
  addressOf: ({ address }) => address,
  peers: [
    { name: 'lb1', address: 'lb1:7400' },
    { name: 'lb2', address: 'lb2:7400' },
  ],
  hellos: new Map(),
  failure: null,
  note: '',
}

describe('the status', () => {
  it('names all nodes, those on their way in and out too', () => {
    const { nodes } = describeEngine(parts)
    const rows = nodes.map(({ name, id, membership, isReachable, matchIndex }) =>
      [name, id, membership, isReachable, matchIndex].join(' '),
    )
    expect(rows.sort()).toEqual([
      'lb1 lb1/1 voter true 9',
      'lb2 lb2/1 voter true 9',
      'lb3 lb3/1 voter  ',
      'lb4 lb4/1 learner false 0',
      'lb5  invited  ',
    ])
  })

  it('of a node that does not lead knows nothing of the progress of others', () => {
    const follower = { ...core, role: 'follower' as const, leader: 'lb2/1', peers: [] }
    const status = describeEngine({ ...parts, core: follower })
    expect(status).toMatchObject({ role: 'follower', leader: 'lb2', epoch: 4 })
    expect(status.nodes.filter(({ matchIndex }) => matchIndex !== null)).toMatchObject([
      { name: 'lb1', isReachable: true },
    ])
  })

  it.each<[string, Partial<StatusParts>, object]>([
    ['campaigns', { core: { ...core, role: 'pre-candidate' } }, { role: 'candidate' }],
    [
      'has no cluster',
      { core: null, hasQuorum: false, note: 'waits' },
      { role: 'outsider', note: 'waits', epoch: 0, firstIndex: 1 },
    ],
    [
      'is no member by its own log',
      { core: { ...core, role: 'learner', membership: membershipOf('lb2') }, note: 'removed' },
      { role: 'outsider', note: 'removed' },
    ],
    [
      'was removed while it was away',
      { core: { ...core, role: 'follower', leader: null }, hasQuorum: false, note: 'no member' },
      { role: 'outsider', note: 'no member', leader: null },
    ],
    [
      'is refused by one and led by another',
      { core: { ...core, role: 'follower', leader: 'lb2/1' }, note: 'no member' },
      { role: 'follower', note: '' },
    ],
    [
      'has failed',
      { failure: 'no space left' },
      { role: 'outsider', note: 'no space left', leader: null, hasQuorum: false },
    ],
  ])('of a node that %s says so', (_what, change, expected) => {
    expect(describeEngine({ ...parts, ...change })).toMatchObject(expected)
  })

  it('is news where somebody would act on it', () => {
    const before = describeEngine(parts)
    const changed = (change: Partial<CoreStatus>) =>
      describeEngine({ ...parts, core: { ...core, ...change } })
    expect(isNews(before, changed({ commitIndex: 9, appliedIndex: 9 }))).toBe(false)
    expect(isNews(before, changed({ term: 5 }))).toBe(true)
    expect(isNews(before, changed({ leader: 'lb2/1' }))).toBe(true)
    expect(isNews(before, changed({ membership: membershipOf('lb1', 'lb2') }))).toBe(true)
    expect(isNews(before, changed({ peers: [] }))).toBe(true)
    expect(isNews(before, describeEngine({ ...parts, hasQuorum: false }))).toBe(true)
  })

  it('names nodes as operators do', () => {
    expect(nameOf('lb1/0123')).toBe('lb1')
  })
})
