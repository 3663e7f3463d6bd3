import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorCount } from '../../bench/wrk.ts'
import type { ErrorReport } from '../../src/operations/contract/errors.ts'
import type { ServerReport } from '../../src/operations/contract/servers.ts'
import {
  agreeOn,
  type SharedSections,
  sluiceOn,
  startCluster,
  type TestNode,
  viewOf,
} from './support/cluster.ts'
import { ADMIN_HEADERS } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { underLoad } from './support/load.ts'
import { patchServer } from './support/server-admin.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

/** Twice the default `election-timeout`. */
const ELECTION_TIMEOUT_MAX_MS = 600
const AT_ONCE_MS = 4000

/** Mounts are root's, and not of every root: containers may be denied them. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-mount-'))
  const isMounted = mount(folder)
  if (isMounted) execFileSync('umount', ['-l', folder])
  rmdirSync(folder)
  return isMounted
}

/** A small disk of memory. @returns whether it is there */
function mount(folder: string): boolean {
  const args = ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]
  return spawnSync('mount', args, { stdio: 'ignore' }).status === 0
}

async function sharedConfig(): Promise<SharedSections> {
  const server = await startHttpServer({ name: 's1' })
  return {
    defaults: { mode: 'http' },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
    backends: { app: { servers: { s1: server.address } } },
  }
}

async function answerOf({ webPort }: TestNode): Promise<string> {
  return (await httpClient(webPort)('/')).body.toString()
}

/** Sets the weight of the one server through a node, and says what it answered. */
async function setWeight(node: TestNode, weight: number): Promise<number> {
  const answer = await patchServer(node.daemon, 'app/s1', { weight }).catch(() => undefined)
  await answer?.arrayBuffer()
  return answer?.status ?? 0
}

async function weightOn({ adminUrl }: TestNode): Promise<number> {
  const answer = await fetch(`${adminUrl}/api/v1/servers/app/s1?stale`, { headers: ADMIN_HEADERS })
  return ((await answer.json()) as ServerReport).weight
}

function hasFailed({ daemon }: TestNode): boolean {
  return daemon.log.some(({ event, error }) => {
    return event === 'cluster-node-failed' && JSON.stringify(error).includes('data-dir-failed')
  })
}

/** No client of a node meets an error while something happens. */
async function withoutErrors(node: TestNode, something: () => Promise<void>): Promise<void> {
  const run = { url: `http://127.0.0.1:${node.webPort}/`, connections: 8 }
  const { errors } = await underLoad(node.daemon, run, something)
  expect(errorCount(errors)).toBe(0)
}

/** Sets it through any of the nodes, as soon as one takes it. */
function setWeightSoon(nodes: readonly TestNode[], weight: number): Promise<true> {
  return until(`weight ${weight} to be acknowledged`, async () => {
    for (const node of nodes) if ((await setWeight(node, weight)) === 200) return true
    return undefined
  })
}

describe('a cluster under load', () => {
  it('loses its leader to kill -9, and no client of a living node notices', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const leader = await cluster.leader()
    const living = cluster.nodes.filter((node) => node !== leader)
    const faults = async (): Promise<void> => {
      await setWeightSoon(living, 50)
      await leader.daemon.kill()
      await setWeightSoon(living, 60)
      await leader.start()
      await setWeightSoon([leader], 70)
    }
    const [one, two] = living as [TestNode, TestNode]
    await withoutErrors(one, () => withoutErrors(two, faults))
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) expect(await weightOn(node)).toBe(70)
  })

  it('goes on without a leader that is stopped, which follows when it goes on', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const leader = await cluster.leader()
    const others = cluster.nodes.filter((node) => node !== leader)
    leader.daemon.signal('SIGSTOP')
    await setWeightSoon(others, 80)
    leader.daemon.signal('SIGCONT')
    await agreeOn(cluster.nodes)
    expect((await cluster.leader()).name).not.toBe(leader.name)
    expect(await weightOn(leader)).toBe(80)
  })
})

describe('a cluster without a quorum', () => {
  it('serves on, refuses changes at once, and takes them again when nodes are back', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode]
    await setWeightSoon([one], 11)
    await two.daemon.kill()
    await three.daemon.kill()
    await until('the loss to be noticed', async () =>
      (await viewOf(one))?.hasQuorum === false ? true : undefined,
    )
    expect(await answerOf(one)).toBe('s1')
    // For so long after the last word of a leader another may yet be elected: changes wait for it.
    await after(ELECTION_TIMEOUT_MAX_MS)
    const beganMs = performance.now()
    const refused = await patchServer(one.daemon, 'app/s1', { weight: 12 })
    expect(refused.status).toBe(503)
    expect(((await refused.json()) as ErrorReport).code).toBe('no-quorum')
    // At once: what waits for the others does so for five seconds.
    expect(performance.now() - beganMs).toBeLessThan(AT_ONCE_MS)
    const url = `${one.adminUrl}/api/v1/config`
    expect((await fetch(url, { headers: ADMIN_HEADERS })).status).toBe(503)
    expect((await fetch(`${url}?stale`, { headers: ADMIN_HEADERS })).status).toBe(200)
    expect((await sluiceOn(one, 'config', 'show')).stderr).toContain('--stale')
    expect(await weightOn(one)).toBe(11)
    await two.start()
    await setWeightSoon([one], 13)
    await three.start()
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) expect(await weightOn(node)).toBe(13)
  })

  it('keeps what it ran over a start without the others', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode]
    const other = await startHttpServer({ name: 's2' })
    expect((await sluiceOn(two, 'server', 'set', 'app/s1', '--address', other.address)).code).toBe(
      0,
    )
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) await node.daemon.stop()
    await one.start()
    expect((await viewOf(one))?.hasQuorum).toBe(false)
    expect(await answerOf(one)).toBe('s2')
    await two.start()
    await three.start()
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) expect(await answerOf(node)).toBe('s2')
  })
})

describe('a node', () => {
  it('that lost its data joins anew and never votes twice', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const [node] = (await cluster.followers()) as [TestNode]
    expect(await setWeight(node, 21)).toBe(200)
    await node.daemon.kill()
    rmSync(node.dataDir, { recursive: true })
    await node.start()
    await until('the node to be a voter again', async () => {
      const row = (await viewOf(node))?.nodes.find(({ name }) => name === node.name)
      return row?.role === 'follower' ? true : undefined
    })
    await agreeOn(cluster.nodes)
    expect(await weightOn(node)).toBe(21)
    expect((await viewOf(node))?.nodes).toHaveLength(3)
    await setWeightSoon([node], 22)
  })

  it('whose data is damaged does not start, and says what to do', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const [node] = (await cluster.followers()) as [TestNode]
    await node.daemon.kill()
    writeFileSync(join(node.dataDir, 'consensus', 'CURRENT'), 'MANIFEST-999999\n')
    const failed = node.start()
    await expect(failed).rejects.toThrow(/data-dir-(damaged|unusable)/)
  })

  it.runIf(canMount())(
    'whose disk is full leaves the cluster, serves on, and comes back',
    async () => {
      const disk = temporaryFolder()
      expect(mount(disk)).toBe(true)
      onTestFinished(() => void execFileSync('umount', ['-l', disk]))
      const cluster = await startCluster({
        config: await sharedConfig(),
        dataDirOf: (name) => (name === 'lb1' ? join(disk, 'data') : undefined),
      })
      const [full, ...others] = cluster.nodes as [TestNode, ...TestNode[]]
      try {
        writeFileSync(join(disk, 'filler'), Buffer.alloc(8 * 1024 * 1024))
      } catch {
        // It is full now.
      }
      const text = (await sluiceOn(others[0] as TestNode, 'config', 'show')).stdout
      const big = `${text}# ${'x'.repeat(400_000)}`
      const file = join(temporaryFolder(), 'big.yaml')
      for (let n = 0; n < 20; n++) {
        writeFileSync(file, `${big}${n}\n`)
        await sluiceOn(others[0] as TestNode, 'config', 'apply', '-f', file)
        if (hasFailed(full)) break
      }
      expect(hasFailed(full)).toBe(true)
      await setWeightSoon(others, 31)
      expect(await answerOf(full)).toBe('s1')
      expect(await setWeight(full, 32)).toBe(503)
      expect((await viewOf(others[0] as TestNode))?.missing).toEqual([full.name])
      rmSync(join(disk, 'filler'))
      await setWeightSoon([full], 33)
      await agreeOn(cluster.nodes)
      for (const node of cluster.nodes) expect(await weightOn(node)).toBe(33)
    },
  )

  it.each(['never', 'automatic'] as const)(
    'whose disk lost part of its data is no member any more, with rejoin-after-loss %s',
    async (rejoin) => {
      const cluster = await startCluster({
        config: await sharedConfig(),
        cluster: { 'rejoin-after-loss': rejoin },
      })
      const [node] = (await cluster.followers()) as [TestNode]
      expect(await setWeight(node, 41)).toBe(200)
      await node.daemon.kill()
      rmSync(join(node.dataDir, 'consensus.mark'))
      if (rejoin === 'never') {
        await expect(node.start()).rejects.toThrow('data-lost')
        return
      }
      await node.start()
      await until('the node to be a voter again', async () => {
        const row = (await viewOf(node))?.nodes.find(({ name }) => name === node.name)
        return row?.role === 'follower' ? true : undefined
      })
      await agreeOn(cluster.nodes)
      expect(await weightOn(node)).toBe(41)
    },
  )
})
