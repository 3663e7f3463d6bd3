import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeBackup } from '../../src/cluster/backup.ts'
import { ClusterStateMachine } from '../../src/cluster/state-machine/cluster-state-machine.ts'
import type { ClusterState } from '../../src/cluster/state-machine/state.ts'
import type { ConfigHistoryReport } from '../../src/operations/contract/configs.ts'
import type { ServersReport } from '../../src/operations/contract/servers.ts'
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
import { freePort } from './support/ports.ts'
import { type Finished, NODE, runProgram, SLUICE } from './support/processes.ts'
import { patchServer } from './support/server-admin.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

/** One server that answers, and one that is down by the verdict of all. */
async function sharedConfig(): Promise<SharedSections> {
  const server = await startHttpServer({ name: 's1' })
  const servers = {
    s1: server.address,
    gone: { address: `127.0.0.1:${await freePort()}`, check: true },
  }
  return {
    defaults: { mode: 'http' },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
    backends: { app: { 'default-server': { inter: '100ms', fall: 1 }, servers } },
  }
}

async function told<T>({ adminUrl }: TestNode, path: string): Promise<T> {
  const answer = await fetch(`${adminUrl}/api/v1/${path}`, { headers: ADMIN_HEADERS })
  expect(answer.status).toBe(200)
  return (await answer.json()) as T
}

/** Servers, as far as the cluster agrees on them. */
async function serversOn(node: TestNode): Promise<unknown> {
  const { servers } = await told<ServersReport>(node, 'servers')
  return servers.map(({ server, added, adminState, weight, state }) => {
    return { server, added, adminState, weight, state }
  })
}

/** Changes one weight after the other until it is told to end. */
function writing(node: TestNode): {
  readonly acknowledged: () => number
  end: () => Promise<void>
} {
  let acknowledged = 0
  let isEnding = false
  const work = (async () => {
    while (!isEnding) {
      const weight = (acknowledged % 256) + 1
      const answer = await patchServer(node.daemon, 'app/s1', { weight })
      await answer.arrayBuffer()
      expect(answer.status).toBe(200)
      acknowledged = weight
    }
  })()
  return {
    acknowledged: () => acknowledged,
    end: () => {
      isEnding = true
      return work
    },
  }
}

function restore(node: TestNode, backup: string): Promise<Finished> {
  return runProgram(NODE, [SLUICE, 'cluster', 'restore', backup, '-f', node.daemon.file], {
    env: { ...process.env, ...node.env },
  })
}

/** What a backup holds, as a node would have it. */
function stateIn(backup: string): ClusterState {
  const machine = new ClusterStateMachine(() => {})
  machine.restore(decodeBackup(readFileSync(backup)).state)
  return machine.state
}

function weightIn({ pool }: ClusterState): number {
  return pool.find(({ server }) => server === 's1')?.weight ?? 0
}

async function roleOf(node: TestNode): Promise<string | undefined> {
  return (await viewOf(node))?.nodes.find(({ name }) => name === node.name)?.role
}

it('comes back from a backup that was made under writes, after all data is lost', async () => {
  const cluster = await startCluster({ config: await sharedConfig() })
  const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode]
  const folder = temporaryFolder()
  const file = join(folder, 'next.yaml')
  const { stdout: text } = await sluiceOn(one, 'config', 'show')
  writeFileSync(file, `# ${'once more'}\n${text}`)
  expect((await sluiceOn(two, 'config', 'apply', '-f', file, '--comment', 'rack 7')).code).toBe(0)
  expect((await sluiceOn(one, 'server', 'add', 'app/s9', '127.0.0.1:9')).code).toBe(0)
  expect((await sluiceOn(one, 'server', 'set', 'app/s9', '--state', 'maint')).code).toBe(0)
  await until('the server to be down', async () =>
    JSON.stringify(await serversOn(three)).includes('"DOWN"') ? true : undefined,
  )

  const backup = join(folder, 'sluice.backup')
  const writes = writing(one)
  await until('writes to be on their way', async () => writes.acknowledged() > 3 || undefined)
  const before = writes.acknowledged()
  const made = await sluiceOn(three, 'cluster', 'backup', backup)
  const after = writes.acknowledged()
  await writes.end()
  expect(made).toMatchObject({ code: 0, stderr: '' })
  expect(made.stdout).toContain('all that was acknowledged')
  expect(statSync(backup).mode & 0o777).toBe(0o600)
  const { head } = decodeBackup(readFileSync(backup))
  const kept = stateIn(backup)
  expect(head.clusterId).toBe((await viewOf(one))?.clusterId)
  expect(weightIn(kept)).toBeGreaterThanOrEqual(before)
  expect(weightIn(kept)).toBeLessThanOrEqual(after + 1)
  // What came later is no part of it.
  const history = await told<ConfigHistoryReport>(one, 'config/versions')
  expect((await sluiceOn(one, 'config', 'rollback')).code).toBe(0)
  expect((await sluiceOn(one, 'server', 'set', 'app/s1', '--weight', '0')).code).toBe(0)

  await Promise.all(cluster.nodes.map(({ daemon }) => daemon.kill()))
  expect(await restore(two, backup)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('data-dir-used'),
  })
  for (const { dataDir } of [one, two]) rmSync(dataDir, { recursive: true })
  const restored = await restore(two, backup)
  expect(restored).toMatchObject({ code: 0, stderr: '' })
  await two.start()
  const { clusterId } = (await viewOf(two)) ?? {}
  expect(restored.stdout).toContain(clusterId)
  expect(clusterId).not.toBe(head.clusterId)

  // With its data of before, a node is of another cluster; without, it joins as it is.
  await three.start()
  await until('it to be refused', async () => (await roleOf(three)) === 'outsider' || undefined)
  await three.daemon.kill()
  rmSync(three.dataDir, { recursive: true })
  await Promise.all([one.start(), three.start()])
  await until('all to have a vote', async () => {
    const roles = (await viewOf(two))?.nodes.map(({ role }) => role).sort()
    return JSON.stringify(roles) === '["follower","follower","leader"]' || undefined
  })
  await agreeOn(cluster.nodes)
  for (const node of cluster.nodes) {
    expect(await told(node, 'config/versions')).toEqual(history)
    expect(await serversOn(node)).toEqual([
      { server: 's1', added: false, adminState: 'ready', weight: weightIn(kept), state: 'UP' },
      { server: 'gone', added: false, adminState: 'ready', weight: 1, state: 'DOWN' },
      { server: 's9', added: true, adminState: 'maint', weight: 1, state: 'MAINT' },
    ])
    expect((await httpClient(node.webPort)('/')).body.toString()).toBe('s1')
  }
  expect((await sluiceOn(one, 'server', 'set', 'app/s1', '--weight', '9')).code).toBe(0)
})

it('is backed up without a quorum as a node knows it, if that is asked for', async () => {
  const cluster = await startCluster({ config: await sharedConfig() })
  const [one, ...others] = cluster.nodes as [TestNode, ...TestNode[]]
  await agreeOn(cluster.nodes)
  await Promise.all(others.map(({ daemon }) => daemon.kill()))
  const backup = join(temporaryFolder(), 'b')
  await until('the loss to be noticed', async () =>
    (await viewOf(one))?.hasQuorum === false ? true : undefined,
  )
  const refused = await sluiceOn(one, 'cluster', 'backup', backup)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('--stale')
  expect(await sluiceOn(one, 'cluster', 'backup', backup, '--stale')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('what lb1 knew'),
  })
  expect(decodeBackup(readFileSync(backup)).head.linearizable).toBe(false)
  expect(stateIn(backup).activeVersion).toBe(1)
})
