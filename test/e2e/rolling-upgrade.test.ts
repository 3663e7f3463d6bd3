import { expect, it, onTestFinished } from 'vitest'
import type { ErrorReport } from '../../src/operations/contract/errors.ts'
import {
  agreeOn,
  type SharedSections,
  startCluster,
  type TestNode,
  viewOf,
} from './support/cluster.ts'
import type { Daemon } from './support/daemon.ts'
import { earlierBuild } from './support/earlier-build.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { patchServer } from './support/server-admin.ts'
import { until } from './support/waiting.ts'

/** The last one that forwarded changes over streams. */
const BEFORE = '91722aa'
/** Format that this build knows, and that build does not. */
const NEWEST = 2
/** What may come of a write while nodes are exchanged. */
const OUTCOMES = [
  'done',
  'away',
  'node-draining',
  'no-quorum',
  'peer-unreachable',
  'outcome-unknown',
  'proposal-dropped',
]

async function sharedConfig(): Promise<SharedSections> {
  const server = await startHttpServer({ name: 's1' })
  return {
    defaults: { mode: 'http' },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
    backends: { app: { servers: { s1: server.address } } },
  }
}

/** What a write through a node came to: the code of its refusal, `away` where nobody answered. */
async function write(node: TestNode, weight: number): Promise<string> {
  try {
    const answer = await patchServer(node.daemon, 'app/s1', { weight })
    return answer.ok ? 'done' : ((await answer.json()) as ErrorReport).code
  } catch {
    return 'away'
  }
}

it('exchanges the nodes of an earlier build one by one, while they are written through', async () => {
  const firstCommand = earlierBuild(BEFORE)
  const cluster = await startCluster({ config: await sharedConfig(), firstCommand })
  const outcomes: string[] = []
  let isOver = false
  const clients = cluster.nodes.map(async (node) => {
    for (let n = 0; !isOver; n++) outcomes.push(await write(node, (n % 255) + 1))
  })
  onTestFinished(async () => {
    isOver = true
    await Promise.all(clients)
  })
  const untilWritten = (): Promise<true> => {
    const from = outcomes.length
    return until('writes to succeed', () => {
      return outcomes.slice(from).filter((one) => one === 'done').length > 30 ? true : undefined
    })
  }
  await untilWritten()
  for (const [n, node] of cluster.nodes.entries()) {
    expect(await node.daemon.stop()).toBe(0)
    await node.start()
    // Through old and new nodes, to a leader that is either.
    await cluster.leader()
    await untilWritten()
    const view = await viewOf(node)
    const old = cluster.nodes.slice(n + 1)
    // What the earlier build knows is the first format; of the newer ones it has never heard.
    if (old.length > 0) expect(view?.format).toBe(1)
    for (const { name, formatMax } of view?.nodes ?? []) {
      expect([name, formatMax]).toEqual([name, old.some((one) => one.name === name) ? 1 : NEWEST])
    }
    for (const other of cluster.nodes) {
      expect((await httpClient(other.webPort)('/')).status).toBe(200)
    }
  }
  await Promise.all(
    cluster.nodes.map((node) =>
      until('the newest format', async () => {
        return (await viewOf(node))?.format === NEWEST ? true : undefined
      }),
    ),
  )
  await untilWritten()
  isOver = true
  await Promise.all(clients)
  expect(outcomes.filter((one) => !OUTCOMES.includes(one))).toEqual([])
  await agreeOn(cluster.nodes)
  for (const [n, { daemon }] of cluster.nodes.entries()) {
    const raised = daemon.log.findIndex(({ event }) => event === 'cluster-format')
    const authorsIn = (log: Daemon['log']): unknown[] =>
      log.filter(({ event }) => event === 'server-set').map((line) => line['author'])
    const before = raised < 0 ? [] : authorsIn(daemon.log.slice(0, raised))
    // Who set it is what a command of the first format cannot say.
    expect(before.filter((author) => author !== undefined)).toEqual([])
    // The last node may learn of the raise as it catches up, and tells of nothing that was before.
    if (n < cluster.nodes.length - 1) expect(before).not.toEqual([])
    expect(authorsIn(daemon.log.slice(Math.max(0, raised))).at(-1)).toMatch(/^lb\d, admin API/)
  }
  const view = await viewOf(cluster.nodes[0] as TestNode)
  expect(view?.nodes.map(({ role, note }) => [role === 'unknown', note])).toEqual(
    cluster.nodes.map(() => [false, '']),
  )
})
