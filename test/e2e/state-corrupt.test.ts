import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, it } from 'vitest'
import { decodeEntry, encodeEntry } from '../../src/consensus/log/entry-encoding.ts'
import { KIND, seal, unseal } from '../../src/consensus/store/records.ts'
import { agreeOn, sluiceOn, startCluster, type TestNode, viewOf } from './support/cluster.ts'
import { ADMIN_HEADERS } from './support/daemon.ts'
import { until } from './support/waiting.ts'

/** Has a stopped node's log say another weight, with all checksums right. @returns entries changed */
async function alterWeight(dataDir: string, from: string, to: string): Promise<number> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(join(dataDir, 'consensus'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
  })
  let altered = 0
  for (const [key, value] of await database.iterator().all()) {
    if (key[0] !== KIND.entry) continue
    const entry = decodeEntry(unseal(key, value))
    if (entry.payload.kind !== 'command') continue
    const text = Buffer.from(entry.payload.data).toString()
    if (!text.includes(from)) continue
    const data = Buffer.from(text.replace(from, to))
    const record = encodeEntry({ ...entry, payload: { kind: 'command', data } })
    await database.put(key, seal(key, record), { sync: true })
    altered++
  }
  await database.close()
  return altered
}

function alarmsIn(view: Awaited<ReturnType<typeof viewOf>>): string[] {
  const alarms = view?.alarms ?? []
  return alarms.filter(({ code }) => code === 'state-corrupt').map(({ node }) => node)
}

async function readinessOf({ adminUrl }: TestNode): Promise<number> {
  const answer = await fetch(`${adminUrl}/readyz`)
  await answer.arrayBuffer()
  return answer.status
}

it('a node whose state differs is named by every node until it has joined anew', async () => {
  const config = {
    defaults: { mode: 'http' },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
    backends: { app: { servers: { s1: '127.0.0.1:9' } } },
  }
  const cluster = await startCluster({ config })
  const [node] = (await cluster.followers()) as [TestNode]
  expect((await sluiceOn(node, 'server', 'set', 'app/s1', '--weight', '41')).code).toBe(0)
  await agreeOn(cluster.nodes)
  await node.daemon.kill()
  expect(await alterWeight(node.dataDir, '"weight":41', '"weight":42')).toBe(1)
  await node.start()
  await until('every node to raise the alarm', async () => {
    const views = await Promise.all(cluster.nodes.map(viewOf))
    const isRaised = views.every((view) => alarmsIn(view).join() === node.name)
    return isRaised || undefined
  })
  for (const one of cluster.nodes) {
    expect((await sluiceOn(one, 'cluster', 'status')).stdout).toContain(
      `ALARM state-corrupt ${node.name} since `,
    )
    const metrics = await fetch(`${one.adminUrl}/metrics`, { headers: ADMIN_HEADERS })
    expect(await metrics.text()).toContain(
      `sluice_cluster_alarm{code="state-corrupt",node="${node.name}"} 1`,
    )
    expect(await readinessOf(one)).toBe(one === node ? 503 : 200)
  }
  await node.daemon.kill()
  rmSync(node.dataDir, { recursive: true })
  await node.start()
  await until('it to agree again', async () => {
    const views = await Promise.all(cluster.nodes.map(viewOf))
    return views.every((view) => view !== undefined && alarmsIn(view).length === 0) || undefined
  })
  await agreeOn(cluster.nodes)
  expect(await readinessOf(node)).toBe(200)
})
