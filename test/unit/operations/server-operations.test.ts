import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import type { AdminLevel } from '../../../src/model/admin-level.ts'
import type { Caller, NodeSource, OperatedNode } from '../../../src/operations/operated-node.ts'
import {
  addServer,
  listServers,
  removeServer,
  setServer,
  showServer,
} from '../../../src/operations/server-operations.ts'
import { FakeCluster } from './fake-cluster.ts'
import { SERVERS, sourceOf } from './fake-source.ts'

const [APP1] = SERVERS.servers
const KEY = { backend: 'app', server: 'app1' }
const FRESH = { isStale: false }
const STALE = { isStale: true }

function callerOf(level: AdminLevel): Caller {
  return { author: 'lb1, admin API', level }
}

/** A node that notes when it has caught up among the calls of its cluster. */
function nodeOf(changes: Partial<NodeSource> = {}, cluster = new FakeCluster()) {
  const caughtUp = async (): Promise<void> => {
    cluster.calls.push(['caughtUp'])
  }
  const node: OperatedNode = { cluster, source: sourceOf({ caughtUp, ...changes }) }
  return { node, cluster }
}

describe('reading servers', () => {
  it.each([
    ['all', (node: OperatedNode) => listServers(node, FRESH), SERVERS],
    ['one', (node: OperatedNode) => showServer(node, KEY, FRESH), APP1],
  ])('tells of %s what any node has acknowledged', async (_name, read, expected) => {
    const { node, cluster } = nodeOf()
    expect(await read(node)).toEqual(expected)
    expect(cluster.calls).toEqual([['read'], ['caughtUp']])
  })

  it.each([
    ['all', (node: OperatedNode) => listServers(node, STALE), SERVERS],
    ['one', (node: OperatedNode) => showServer(node, KEY, STALE), APP1],
  ])('tells of %s what this node knows, without a quorum', async (_name, read, expected) => {
    const { node, cluster } = nodeOf({}, FakeCluster.failing('read', 'no-quorum'))
    expect(await read(node)).toEqual(expected)
    expect(cluster.calls).toEqual([])
  })

  it('fails with the error of the cluster, and for a server that there is not', async () => {
    const { node } = nodeOf({}, FakeCluster.failing('read', 'no-quorum'))
    await expect(listServers(node, FRESH)).rejects.toMatchObject({ code: 'no-quorum' })
    const unknown = showServer(node, { backend: 'app', server: 'app9' }, STALE)
    await expect(unknown).rejects.toMatchObject({ code: 'server-unknown' })
  })
})

describe('changing servers', () => {
  it('adds one, and tells of it when it runs here', async () => {
    const { node, cluster } = nodeOf()
    const addition = { name: 'app1', address: '10.0.0.11:8080', weight: 0 }
    expect(await addServer(node, 'app', addition, callerOf('operate'))).toEqual(APP1)
    expect(cluster.calls).toEqual([['addServer', 'app', 'app1', '10.0.0.11:8080', 0], ['caughtUp']])
  })

  it('leaves the weight of a server to default-server', async () => {
    const { node, cluster } = nodeOf()
    await addServer(node, 'app', { name: 'app1', address: 'h:1' }, callerOf('operate'))
    expect(cluster.calls[0]).toEqual(['addServer', 'app', 'app1', 'h:1', null])
  })

  it('sets one, and tells of it when it runs here', async () => {
    const { node, cluster } = nodeOf()
    const change = { state: 'drain', weight: 5 } as const
    expect(await setServer(node, KEY, change, callerOf('operate'))).toEqual(APP1)
    expect(cluster.calls).toEqual([['setServer', 'app', 'app1', change], ['caughtUp']])
  })

  it('removes one', async () => {
    const { node, cluster } = nodeOf()
    await removeServer(node, KEY, callerOf('operate'))
    expect(cluster.calls).toEqual([['removeServer', 'app', 'app1']])
  })

  it('says who has asked for it', async () => {
    const { node, cluster } = nodeOf()
    const by = (author: string): Caller => ({ ...callerOf('operate'), author })
    await addServer(node, 'app', { name: 'app1', address: 'h:1' }, by('one'))
    await setServer(node, KEY, { weight: 1 }, by('two'))
    await removeServer(node, KEY, by('three'))
    expect(cluster.authors).toEqual(['one', 'two', 'three'])
  })

  it.each<[AdminLevel, string, boolean]>([
    ['operate', 'unix@/run/app.sock', false],
    ['operate', '/run/app.sock', false],
    ['operate', '10.0.0.1:80', true],
    ['admin', 'unix@/run/app.sock', true],
  ])('lets level %s lead a server to %s: %s', async (level, address, mayReach) => {
    const { node, cluster } = nodeOf()
    const changes = [
      () => addServer(node, 'app', { name: 'app1', address }, callerOf(level)),
      () => setServer(node, KEY, { address }, callerOf(level)),
    ]
    for (const change of changes) {
      if (mayReach) await change()
      else await expect(change()).rejects.toMatchObject({ code: 'level-too-low' })
    }
    expect(cluster.calls.length > 0).toBe(mayReach)
  })

  it('does not call a server unknown that is changed and does not run here yet', async () => {
    const server = (): never => {
      throw new SluiceError('server-unknown', 'there is no server app/app1')
    }
    const { node } = nodeOf({ server })
    const change = setServer(node, KEY, { weight: 1 }, callerOf('operate'))
    await expect(change).rejects.toMatchObject({ code: 'outcome-unknown' })
  })

  it.each([
    ['addServer', 'server-exists'],
    ['setServer', 'server-unknown'],
    ['removeServer', 'server-configured'],
  ] as const)('%s fails as the cluster does, with %s', async (method, code) => {
    const { node } = nodeOf({}, FakeCluster.failing(method, code))
    const caller = callerOf('admin')
    const change = {
      addServer: () => addServer(node, 'app', { name: 'app1', address: 'h:1' }, caller),
      setServer: () => setServer(node, KEY, { weight: 1 }, caller),
      removeServer: () => removeServer(node, KEY, callerOf('operate')),
    }[method]
    await expect(change()).rejects.toMatchObject({ code })
  })
})
