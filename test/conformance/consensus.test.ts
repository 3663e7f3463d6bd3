import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DRIVER_DEFAULTS } from '../../src/consensus/driver/driver-options.ts'
import { recover } from '../../src/consensus/group/refounding/group-recovery.ts'
import { restore } from '../../src/consensus/group/refounding/group-restoration.ts'
import { SoloEngine } from '../../src/consensus/solo/solo-engine.ts'
import { freePort } from '../e2e/support/ports.ts'
import { temporaryFolder } from '../e2e/support/temporary-folder.ts'
import { until } from '../e2e/support/waiting.ts'
import { describeGroup } from './consensus-group-suite.ts'
import {
  bytesOf,
  type EngineGroup,
  type EngineUnderTest,
  Lab,
  snapshotOf,
} from './consensus-lab.ts'
import { describeEngine, describePeers } from './consensus-suite.ts'
import { openThreadedNode } from './engine-thread.ts'
import { openRaftNode } from './raft-node.ts'

const solo: EngineUnderTest = {
  name: 'solo',
  nodes: 1,
  makeGroup: async () => ({
    names: ['lb1'],
    start: async ({ name, machine, events }) => new SoloEngine(name, machine, events),
    wipe: () => {},
    addressOf: () => '',
  }),
}

/** Raft on loopback sockets, with real data directories. */
function raft(nodes: number): EngineUnderTest {
  return {
    name: `raft with ${nodes === 1 ? 'one node' : `${nodes} nodes`}`,
    nodes,
    makeGroup: (snapshotEntries) => makeRaftGroup(nodes, snapshotEntries, openRaftNode),
  }
}

/** The same, each node's on a thread of its own. */
function threaded(nodes: number): EngineUnderTest {
  return {
    ...raft(nodes),
    name: `threaded ${raft(nodes).name}`,
    makeGroup: (snapshotEntries) => makeRaftGroup(nodes, snapshotEntries, openThreadedNode),
  }
}

async function makeRaftGroup(
  nodes: number,
  snapshotEntries: number | null,
  open: typeof openThreadedNode,
): Promise<EngineGroup & { readonly folderOf: (name: string) => string }> {
  const root = temporaryFolder()
  const secret = randomBytes(32)
  const names = Array.from({ length: nodes }, (_, n) => `lb${n + 1}`)
  const addresses = new Map<string, string>()
  for (const name of [...names, 'lb4']) addresses.set(name, `127.0.0.1:${await freePort()}`)
  const addressOf = (name: string) => addresses.get(name) ?? ''
  const folderOf = (name: string) => join(root, name)
  return {
    names,
    addressOf,
    folderOf,
    wipe: (name) => rmSync(folderOf(name), { recursive: true }),
    start: ({ name, machine, events }) => {
      const all = names.includes(name) ? names : [...names, name]
      const node = {
        name,
        peers: all.map((peer) => ({ name: peer, address: addressOf(peer) })),
        folder: folderOf(name),
        bind: addressOf(name),
        secret,
        driver:
          snapshotEntries === null
            ? DRIVER_DEFAULTS
            : { ...DRIVER_DEFAULTS, snapshotEntries, keptEntries: 5 },
      }
      return open(node, machine, events)
    },
  }
}

describe.each([solo, raft(1), raft(3), threaded(1), threaded(3)])(
  'consensus of engine $name',
  (engine) => describeEngine(engine),
)

describe.each([raft(1), raft(3), threaded(3)])('the peers of engine $name', (engine) =>
  describePeers(engine),
)

describe.each([raft(3), threaded(3)])('a group of engine $name', (engine) => describeGroup(engine))

describe('a group that has lost its majority for good', () => {
  it('goes on with the node that is left, and takes the others in anew', async () => {
    const group = await makeRaftGroup(3, null, openRaftNode)
    const lab = new Lab(group)
    await Promise.all(group.names.map((name) => lab.startNode(name)))
    const leader = await lab.leader()
    for (const text of ['one', 'two', 'three']) await leader.agreement.propose(bytesOf(text))
    await lab.agreement(3)
    await Promise.all(group.names.map((name) => lab.stopNode(name)))

    const options = { name: 'lb2', folder: group.folderOf('lb2'), makeIncarnation: () => 'new' }
    const recovery = await recover(options)
    expect(recovery).toMatchObject({ id: 'lb2/new', lost: [{ name: 'lb1' }, { name: 'lb3' }] })

    const left = await lab.startNode('lb2')
    await lab.leader()
    await left.agreement.read()
    expect(left.machine.list).toEqual(['one', 'two', 'three'])
    expect(await left.agreement.status()).toMatchObject({
      clusterId: recovery.clusterId,
      role: 'leader',
      nodes: [{ name: 'lb2' }],
    })
    await left.agreement.propose(bytesOf('four'))

    // One that comes back with its old data is kept out, until that is removed.
    await left.members.add('lb1', group.addressOf('lb1'))
    const old = await lab.startNode('lb1')
    await until('it to be refused', async () => {
      return (await old.agreement.status()).note.includes('another cluster') || undefined
    })
    expect(await old.agreement.status()).toMatchObject({ role: 'outsider', hasQuorum: false })
    await lab.stopNode('lb1')
    group.wipe('lb1')
    const back = await lab.startNode('lb1')
    await until('it to be a voter', async () => {
      return (await back.agreement.status()).role === 'follower' || undefined
    })
    expect(await lab.agreement(4)).toEqual(['one', 'two', 'three', 'four'])
  })

  it('has nothing to recover where there was no cluster', async () => {
    const options = { name: 'lb1', folder: temporaryFolder(), makeIncarnation: () => 'new' }
    await expect(recover(options)).rejects.toMatchObject({ code: 'cluster-absent' })
  })
})

describe('a group that is founded anew with a state that was kept', () => {
  it.each([
    ['on its own thread', openThreadedNode],
    ['beside its machine', openRaftNode],
  ])('begins with one node, and the others join by themselves: an engine %s', async (_, open) => {
    const group = await makeRaftGroup(3, null, open)
    const lab = new Lab(group)
    const peers = group.names.map((name) => ({ name, address: group.addressOf(name) }))
    const folder = group.folderOf('lb2')
    const store = { name: 'lb2', folder, makeIncarnation: () => 'new' }
    const kept = snapshotOf(7, ['one', 'two'])
    const { id, clusterId } = await restore({ ...store, peers, data: kept, index: 7 })
    expect(id).toBe('lb2/new')
    await Promise.all(group.names.map((name) => lab.startNode(name)))
    await until('all to have a vote', async () => {
      const { nodes } = await (await lab.leader()).agreement.status()
      const voters = nodes.filter(({ membership }) => membership === 'voter')
      return voters.length === 3 || undefined
    })
    const leader = await lab.leader()
    await leader.agreement.propose(bytesOf('three'))
    expect(await lab.agreement(3)).toEqual(['one', 'two', 'three'])
    expect((await leader.agreement.status()).clusterId).toBe(clusterId)
  })
})

describe('a single node', () => {
  it('offers agreement alone', async () => {
    const lab = await Lab.start(solo)
    expect(lab.node('lb1').engine).toMatchObject({ members: null, peers: null })
  })
})
