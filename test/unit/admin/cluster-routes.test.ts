import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../../src/base/errors.ts'
import { FakeCluster, STATUS } from '../operations/fake-cluster.ts'
import { SERVERS } from '../operations/fake-source.ts'
import { askJson, startAdmin } from './raw-admin.ts'

const CLUSTER = '/api/v1/cluster'
const SERVER = '/api/v1/servers/app'

describe('the cluster', () => {
  it('is told as the node sees it', async () => {
    const { status, json } = await askJson(await startAdmin(), 'GET', CLUSTER)
    expect(status).toBe(200)
    const [first, second] = STATUS.nodes.map(({ isReachable, ...node }) => {
      return { ...node, reachable: isReachable }
    })
    expect(json).toEqual({ ...STATUS, nodes: [first, second] })
  })

  it.each([
    ['POST', '/nodes', { name: 'lb4', address: 'h4:7400' }, 201, ['addNode', 'lb4', 'h4:7400']],
    ['DELETE', '/nodes/lb2', undefined, 204, ['removeNode', 'lb2', { isForced: false }]],
    ['DELETE', '/nodes/lb%32?force', undefined, 204, ['removeNode', 'lb2', { isForced: true }]],
    ['POST', '/transfer', { node: 'lb2' }, 200, ['transfer', 'lb2']],
  ])('changes: %s %s %j', async (method, path, body, status, call) => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const { json, ...answer } = await askJson(port, method, CLUSTER + path, body)
    expect(answer.status).toBe(status)
    expect(json).toEqual(status === 204 ? null : body)
    expect(answer.head.includes('Content-Length')).toBe(status !== 204)
    expect(cluster.calls).toEqual([call])
  })

  it.each([
    ['/nodes', { name: 'lb4' }],
    ['/nodes', { address: 'h4:7400' }],
    ['/nodes', { name: 'lb 4', address: 'h4:7400' }],
    ['/nodes', { name: 'lb4', address: 'h4' }],
    ['/nodes', { name: 'lb4', address: ':7400' }],
    ['/nodes', { name: 'lb4', address: 'unix@/run/peer.sock' }],
    ['/nodes', { name: 'lb4', address: 'h4:7400', role: 'leader' }],
    ['/transfer', {}],
    ['/transfer', { node: 1 }],
    ['/transfer', { name: 'lb2' }],
  ])('takes no %s %j', async (path, body) => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const { status, json } = await askJson(port, 'POST', CLUSTER + path, body)
    expect([status, json]).toMatchObject([422, { code: 'change-invalid' }])
    expect(cluster.calls).toEqual([])
  })

  it.each<[string, ErrorCode, number]>([
    ['addNode', 'member-exists', 409],
    ['addNode', 'membership-changing', 409],
    ['addNode', 'cluster-absent', 409],
    ['removeNode', 'member-unknown', 404],
    ['removeNode', 'member-last', 409],
    ['removeNode', 'quorum-at-risk', 409],
    ['transfer', 'member-unknown', 404],
    ['transfer', 'transfer-failed', 503],
  ])('%s that fails with %s gets %i', async (call, code, status) => {
    const port = await startAdmin({ cluster: FakeCluster.failing(call, code) })
    const [method, path, body] = {
      addNode: ['POST', '/nodes', { name: 'lb4', address: 'h4:7400' }] as const,
      removeNode: ['DELETE', '/nodes/lb4', undefined] as const,
      transfer: ['POST', '/transfer', { node: 'lb4' }] as const,
    }[call] as [string, string, unknown]
    const answer = await askJson(port, method, CLUSTER + path, body)
    expect([answer.status, answer.json]).toMatchObject([status, { code }])
  })
})

describe('servers', () => {
  it('are added, and told as they are then', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const body = { name: 'app1', address: '10.0.0.11:8080', weight: 0 }
    const { status, json } = await askJson(port, 'POST', SERVER, body)
    expect([status, json]).toEqual([201, SERVERS.servers[0]])
    expect(cluster.calls).toEqual([['addServer', 'app', 'app1', '10.0.0.11:8080', 0]])
  })

  it('are removed', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    expect(await askJson(port, 'DELETE', `${SERVER}/app1`)).toMatchObject({ status: 204 })
    expect(cluster.calls).toEqual([['removeServer', 'app', 'app1']])
  })

  it('are not removed by a request with a body, of whatever kind', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const { status, json } = await askJson(port, 'DELETE', `${SERVER}/app1`, {})
    expect([status, json]).toMatchObject([400, { code: 'request-invalid' }])
    expect(cluster.calls).toEqual([])
  })

  it.each<[string, string, ErrorCode, number]>([
    ['addServer', 'POST', 'server-exists', 409],
    ['addServer', 'POST', 'backend-unknown', 404],
    ['addServer', 'POST', 'pool-full', 409],
    ['setServer', 'PATCH', 'server-unknown', 404],
    ['removeServer', 'DELETE', 'server-unknown', 404],
    ['removeServer', 'DELETE', 'server-configured', 409],
  ])('%s (%s) that fails with %s gets %i', async (call, method, code, status) => {
    const port = await startAdmin({ cluster: FakeCluster.failing(call, code) })
    const bodies: Record<string, unknown> = {
      POST: { name: 'app1', address: 'h:1' },
      PATCH: { weight: 1 },
    }
    const path = method === 'POST' ? SERVER : `${SERVER}/app1`
    const answer = await askJson(port, method, path, bodies[method])
    expect([answer.status, answer.json]).toMatchObject([status, { code }])
  })

  it('that were added and do not run here yet are not called unknown', async () => {
    const port = await startAdmin()
    const body = { name: 'app9', address: 'h:1' }
    const { status, json } = await askJson(port, 'POST', SERVER, body)
    expect([status, json]).toMatchObject([504, { code: 'outcome-unknown' }])
  })
})
