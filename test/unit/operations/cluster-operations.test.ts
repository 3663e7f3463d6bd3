import { describe, expect, it } from 'vitest'
import {
  addNode,
  backUpCluster,
  removeNode,
  showCluster,
  transferLeadership,
} from '../../../src/operations/cluster-operations.ts'
import type { OperatedNode } from '../../../src/operations/operated-node.ts'
import { BACKUP, FakeCluster, STATUS } from './fake-cluster.ts'
import { sourceOf } from './fake-source.ts'

const MEMBER = { name: 'lb4', address: 'h4:7400' }
const REMOVAL = { name: 'lb2', isForced: true }

function nodeOf(cluster: FakeCluster): OperatedNode {
  return { cluster, source: sourceOf() }
}

describe('the cluster', () => {
  it('is shown as this node sees it, without asking for a quorum', async () => {
    const cluster = FakeCluster.failing('read', 'no-quorum')
    const nodes = STATUS.nodes.map(({ isReachable, ...node }) => {
      return { ...node, reachable: isReachable }
    })
    expect(await showCluster(nodeOf(cluster))).toEqual({ ...STATUS, nodes })
    expect(cluster.calls).toEqual([['status']])
  })

  it.each([true, false])('is backed up as text, stale or not: %s', async (isStale) => {
    const cluster = new FakeCluster()
    expect(await backUpCluster(nodeOf(cluster), { isStale })).toBe(Buffer.from(BACKUP).toString())
    expect(cluster.calls).toEqual([['backUp', isStale]])
  })

  it.each([
    [
      'takes a node in',
      (it: OperatedNode) => addNode(it, MEMBER),
      ['addNode', 'lb4', 'h4:7400'],
      MEMBER,
    ],
    [
      'takes one out',
      (it: OperatedNode) => removeNode(it, REMOVAL),
      ['removeNode', 'lb2', { isForced: true }],
      undefined,
    ],
    [
      'is led by another',
      (it: OperatedNode) => transferLeadership(it, { node: 'lb2' }),
      ['transfer', 'lb2'],
      { node: 'lb2' },
    ],
  ])('%s', async (_name, change, call, told) => {
    const cluster = new FakeCluster()
    expect(await change(nodeOf(cluster))).toEqual(told)
    expect(cluster.calls).toEqual([call])
  })

  it.each([
    ['addNode', 'member-exists'],
    ['removeNode', 'member-last'],
    ['transfer', 'transfer-failed'],
    ['status', 'engine-stopped'],
    ['backUp', 'no-quorum'],
  ] as const)('%s fails with %s, as the cluster says', async (method, code) => {
    const node = nodeOf(FakeCluster.failing(method, code))
    const operation = {
      addNode: () => addNode(node, MEMBER),
      removeNode: () => removeNode(node, REMOVAL),
      transfer: () => transferLeadership(node, { node: 'lb2' }),
      status: () => showCluster(node),
      backUp: () => backUpCluster(node, { isStale: false }),
    }[method]
    await expect(operation()).rejects.toMatchObject({ code })
  })
})
