import { expect, it, onTestFinished } from 'vitest'
import type { ErrorReport } from '../../src/operations/contract/errors.ts'
import { type SharedSections, startCluster, type TestNode } from './support/cluster.ts'
import { ADMIN_HEADERS } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { patchServer } from './support/server-admin.ts'
import { until } from './support/waiting.ts'

/** Clients at one follower at once, and how often each writes. */
const AT_ONCE = 64
const WRITES = 10
/** Of an election and of the write that waits for it, on a machine that is busy. */
const ANSWER_MS_MAX = 5000
/** What may come of a write while the leader changes. */
const OUTCOMES = ['done', 'no-quorum', 'peer-unreachable', 'outcome-unknown', 'proposal-dropped']

async function sharedConfig(): Promise<SharedSections> {
  const server = await startHttpServer({ name: 's1' })
  return {
    defaults: { mode: 'http' },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
    backends: { app: { servers: { s1: server.address } } },
  }
}

/** What a write through a node came to: a status, or the code of its refusal. */
async function write(node: TestNode, weight: number): Promise<string> {
  const answer = await patchServer(node.daemon, 'app/s1', { weight })
  return answer.ok ? 'done' : ((await answer.json()) as ErrorReport).code
}

it('takes many writes at once through a follower', async () => {
  const cluster = await startCluster({ config: await sharedConfig() })
  const [follower] = (await cluster.followers()) as [TestNode]
  const client = async (): Promise<string[]> => {
    const outcomes: string[] = []
    for (let n = 0; n < WRITES; n++) outcomes.push(await write(follower, (n % 255) + 1))
    return outcomes
  }
  const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, client))
  expect(new Set(outcomes.flat())).toEqual(new Set(['done']))
})

it('answers each write through a follower within an election of the death of the leader', async () => {
  const cluster = await startCluster({ config: await sharedConfig() })
  const [follower] = (await cluster.followers()) as [TestNode]
  const leader = await cluster.leader()
  let isOver = false
  const outcomes: string[] = []
  let slowestMs = 0
  const client = async (): Promise<void> => {
    for (let n = 0; !isOver; n++) {
      const beganMs = performance.now()
      outcomes.push(await write(follower, (n % 255) + 1))
      slowestMs = Math.max(slowestMs, performance.now() - beganMs)
    }
  }
  const clients = Array.from({ length: 8 }, client)
  onTestFinished(async () => {
    isOver = true
    await Promise.all(clients)
  })
  const untilDone = (from: number) =>
    until('writes to succeed', async () => {
      return outcomes.slice(from).filter((one) => one === 'done').length > 20 ? true : undefined
    })
  await untilDone(0)
  await leader.daemon.kill()
  const before = outcomes.length
  await cluster.leader()
  await untilDone(before)
  isOver = true
  await Promise.all(clients)
  expect(slowestMs).toBeLessThan(ANSWER_MS_MAX)
  expect(outcomes.filter((one) => !OUTCOMES.includes(one))).toEqual([])
})

it('shows every node through one of them', async () => {
  const cluster = await startCluster({ config: await sharedConfig() })
  const [asked] = cluster.nodes as [TestNode]
  for (const node of cluster.nodes) {
    const at = `${asked.adminUrl}/api/v1/nodes/${node.name}`
    const info = await fetch(`${at}/api/v1/info`, { headers: ADMIN_HEADERS })
    expect(await info.json()).toMatchObject({ pid: node.daemon.pid })
    const metrics = await fetch(`${at}/metrics`, { headers: ADMIN_HEADERS })
    expect(await metrics.text()).toContain('sluice_cluster_has_quorum')
    expect((await fetch(`${at}/metrics`)).status).toBe(401)
  }
})
