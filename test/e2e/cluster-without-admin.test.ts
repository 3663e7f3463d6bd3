import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { sluiceOn, startCluster, type TestNode, viewOf } from './support/cluster.ts'
import { startHttpServer } from './support/http-server.ts'
import { NODE, SLUICE, startProcess } from './support/processes.ts'
import { until } from './support/waiting.ts'

it('a leader without an admin address makes the changes that others forward', async () => {
  const server = await startHttpServer()
  const cluster = await startCluster({
    config: {
      defaults: { mode: 'http' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
      frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode]
  const epoch = (await viewOf(two))?.epoch ?? 0
  await one.daemon.stop()
  const { file } = one.daemon
  const config = parse(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>
  writeFileSync(file, stringify({ ...config, admin: { bind: 'off', socket: 'off' } }))
  const env = { ...process.env, ...one.env }
  startProcess(NODE, [SLUICE, 'run', '-f', file], { stdio: 'ignore', env })
  await until('the node without an admin address to lead', async () => {
    await sluiceOn(two, 'cluster', 'transfer', one.name)
    const view = await viewOf(two)
    return view?.leader === one.name && view.epoch > epoch ? true : undefined
  })
  expect(await viewOf(one)).toBeUndefined()
  const set = await sluiceOn(three, 'server', 'set', 'app/s1', '--weight', '42')
  expect(set).toMatchObject({ code: 0, stderr: '' })
  const list = await sluiceOn(two, 'server', 'list')
  expect(list.stdout).toMatch(/^app\/s1 .* 42 .* weight$/m)
})
