import { expect, it } from 'vitest'
import { type ErrorCode, SluiceError } from '../../../src/base/errors.ts'
import { type AlarmFacts, Alarms } from '../../../src/cluster/alarms.ts'
import type { EngineStatus, NodeStatus } from '../../../src/consensus/engine-status.ts'

function node(name: string, more: Partial<NodeStatus> = {}): NodeStatus {
  return {
    name,
    id: `${name}/1`,
    address: '',
    membership: 'voter',
    isReachable: true,
    matchIndex: null,
    ...more,
  }
}

const away = { isReachable: false }

function status(more: Partial<EngineStatus> = {}): EngineStatus {
  return {
    engine: 'raft',
    name: 'lb1',
    id: 'lb1/1',
    clusterId: 'c1',
    role: 'leader',
    epoch: 1,
    leader: 'lb1',
    hasQuorum: true,
    commitIndex: 1,
    appliedIndex: 1,
    lastIndex: 1,
    firstIndex: 1,
    nodes: [node('lb1'), node('lb2'), node('lb3')],
    note: '',
    ...more,
  }
}

function raised(facts: Partial<AlarmFacts>): string[] {
  const alarms = new Alarms()
  alarms.look({ status: status(), fatal: null, halt: null, corrupt: [], ...facts }, 5)
  return alarms.present.map((alarm) => `${alarm.code} ${alarm.node}`)
}

const failed = (code: ErrorCode): Error => new SluiceError(code, 'as it is')
const without = { role: 'candidate', leader: null, hasQuorum: false } as const

it.each<[string, Partial<AlarmFacts>, readonly string[]]>([
  ['nothing', {}, []],
  ['lost data', { fatal: failed('data-lost') }, ['data-lost lb1']],
  ['a full disk', { fatal: failed('data-dir-failed') }, ['data-dir-failed lb1']],
  ['a broken invariant', { fatal: failed('invariant-broken') }, ['node-failed lb1']],
  ['any other failure', { fatal: new Error('any') }, ['node-failed lb1']],
  ['a newer command', { halt: failed('state-newer') }, ['state-newer lb1']],
  ['states that differ', { corrupt: ['lb2', 'lb3'] }, ['state-corrupt lb2', 'state-corrupt lb3']],
  ['no leader', { status: status(without) }, ['no-quorum lb1']],
  ['no cluster yet', { status: status({ ...without, clusterId: null }) }, []],
  [
    'one of three away',
    { status: status({ nodes: [node('lb1'), node('lb2', away), node('lb3')] }) },
    ['quorum-at-risk lb2'],
  ],
  [
    'one of five away',
    {
      status: status({
        nodes: ['lb1', 'lb2', 'lb3', 'lb4'].map((n) => node(n)).concat(node('lb5', away)),
      }),
    },
    [],
  ],
  [
    'one of two away',
    { status: status({ nodes: [node('lb1'), node('lb2', away)] }) },
    ['quorum-at-risk lb2'],
  ],
  ['two nodes, both there', { status: status({ nodes: [node('lb1'), node('lb2')] }) }, []],
  [
    'a learner away',
    { status: status({ nodes: [node('lb1'), node('lb2', { ...away, membership: 'learner' })] }) },
    [],
  ],
  [
    'a follower, which does not know',
    {
      status: status({
        role: 'follower',
        nodes: [node('lb1'), node('lb2', away), node('lb3', { isReachable: null })],
      }),
    },
    [],
  ],
])('%s', (_, facts, expected) => {
  expect(raised(facts)).toEqual(expected)
})

it('an alarm stands since it was raised first, and ends with its reason', () => {
  const alarms = new Alarms()
  const facts = { status: status(), fatal: null, halt: null, corrupt: ['lb2'] }
  alarms.look(facts, 1000)
  alarms.look({ ...facts, corrupt: ['lb2', 'lb3'] }, 2000)
  expect(alarms.present).toMatchObject([
    { node: 'lb2', sinceMs: 1000 },
    { node: 'lb3', sinceMs: 2000 },
  ])
  alarms.look({ ...facts, corrupt: [] }, 3000)
  expect(alarms.present).toEqual([])
  alarms.look(facts, 4000)
  expect(alarms.present).toMatchObject([{ node: 'lb2', sinceMs: 4000 }])
})
