import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import {
  agreeOn,
  type SharedSections,
  sluiceOn,
  startCluster,
  startNode,
  type TestNode,
  viewOf,
} from './support/cluster.ts'
import { ADMIN_HEADERS } from './support/daemon.ts'
import { freePort } from './support/ports.ts'

const BACKENDS = 1_000
const SERVERS_EACH = 10

const WRITE_PAUSE_MS = 20

/** Four nodes with that config on two cores, beside whatever else the machine has to do. */
const LIMIT_MS = 300_000

function largeConfig(): SharedSections {
  const backends = Object.fromEntries(
    Array.from({ length: BACKENDS }, (_, b) => {
      const servers = Array.from({ length: SERVERS_EACH }, (_, s) => {
        return [`s${s + 1}`, { address: `10.${b >> 8}.${b & 255}.${s + 1}:8080`, weight: 1 }]
      })
      return [`b${b + 1}`, { servers: Object.fromEntries(servers) }]
    }),
  )
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
  const web = { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'b1' }
  return { defaults: { mode: 'http' }, frontends: { web }, backends }
}

async function ask(node: TestNode, method: string, path: string, body?: unknown): Promise<string> {
  const response = await fetch(`${node.adminUrl}${path}`, {
    method,
    // An idle connection may be closed by a node that was busy, just as it is used again.
    headers: { ...ADMIN_HEADERS, 'content-type': 'application/json', 'connection': 'close' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`)
  return text
}

/** Writes through a node, one after the other, until it is told to stop. */
function writeThrough(node: TestNode): { readonly stop: () => Promise<readonly string[]> } {
  const outcomes: string[] = []
  let isStopped = false
  const writing = (async () => {
    for (let n = 0; !isStopped; n++) {
      const outcome = await ask(node, 'PATCH', '/api/v1/servers/b1/s1', { weight: n % 200 }).then(
        () => 'done',
        (error: unknown) => String(error),
      )
      outcomes.push(outcome)
      await sleep(WRITE_PAUSE_MS)
    }
  })()
  return {
    stop: async () => {
      isStopped = true
      await writing
      return outcomes
    },
  }
}

/** The time of the test is the limit. */
async function untilVersion(nodes: readonly TestNode[], version: number): Promise<void> {
  for (;;) {
    const infos = await Promise.all(nodes.map((node) => ask(node, 'GET', '/api/v1/info')))
    if (infos.every((info) => JSON.parse(info).configVersion === version)) return
    await sleep(WRITE_PAUSE_MS)
  }
}

it(
  'work on a config of 10,000 servers deposes no leader and fails no write',
  async () => {
    const options = {
      config: { ...largeConfig(), backends: { b1: { servers: { s1: '10.0.0.1:8080' } } } },
    }
    const { nodes, leader } = await startCluster(options)
    const first = await leader()
    const epoch = (await viewOf(first))?.epoch
    const writers = nodes.map(writeThrough)

    const text = JSON.stringify(largeConfig())
    await ask(first, 'POST', '/api/v1/config', { text })
    await untilVersion(nodes, 2)
    for (const [n, version] of [1, 2].entries()) {
      await ask(first, 'POST', '/api/v1/config/rollback', { version })
      await untilVersion(nodes, n + 3)
    }
    const scrapes = await Promise.all(nodes.map((node) => ask(node, 'GET', '/metrics')))
    for (const text of scrapes) expect(text).toContain('server="s10"')
    const list = await sluiceOn(first, 'server', 'list', '--json')
    expect(JSON.parse(list.stdout).servers).toHaveLength(BACKENDS * SERVERS_EACH)

    const plan = { name: 'lb4', peerPort: await freePort() }
    const peers = Object.fromEntries(
      [...nodes, plan].map(({ name, peerPort }) => [name, `127.0.0.1:${peerPort}`]),
    )
    expect(await sluiceOn(first, 'cluster', 'add', 'lb4', peers['lb4'] ?? '')).toMatchObject({
      code: 0,
    })
    const joined = await startNode(plan, peers, options)
    await untilVersion([joined], 4)

    const outcomes = (await Promise.all(writers.map(({ stop }) => stop()))).flat()
    // With the writes over, every node comes to the same state, and hashes it.
    await agreeOn([...nodes, joined])
    expect(new Set(outcomes)).toEqual(new Set(['done']))
    expect(await viewOf(first)).toMatchObject({ leader: first.name, epoch })
  },
  LIMIT_MS,
)
