import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { clusterRemove, clusterStatus } from '../../../src/cli/cluster-commands.ts'
import { freePort } from '../../e2e/support/ports.ts'
import { startForCommands } from '../admin/raw-admin.ts'
import { FakeCluster } from '../operations/fake-cluster.ts'
import { output } from './command-run.ts'

/** A daemon that does this with what it is asked, and counts it. */
async function daemonThat(
  serve: RequestListener,
): Promise<{ readonly admin: string; readonly asked: () => number }> {
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    serve(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { admin: `http://127.0.0.1:${port}`, asked: () => asked }
}

function remove(admin: readonly string[]): Promise<unknown> {
  return output((io) => clusterRemove('lb4', { admin }, io))
}

it('asks the first daemon that is there', async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`
  const cluster = new FakeCluster()
  const [living = ''] = await startForCommands({ cluster })
  const last = await daemonThat(() => {})
  const admin = ['unix:/nowhere/admin.sock', nobody, living, last.admin]
  const { out } = await output((io) => clusterStatus({ admin }, io))
  expect(out).toContain('leader lb1')
  await remove(admin)
  expect(cluster.calls).toEqual([['status'], ['removeNode', 'lb4', { isForced: false }]])
  expect(last.asked()).toBe(0)
})

it('tells no other daemon of a change that one was told of', async () => {
  const lost = await daemonThat(({ socket }) => socket.destroy())
  const cluster = new FakeCluster()
  const [other = ''] = await startForCommands({ cluster })
  await expect(remove([lost.admin, other])).rejects.toMatchObject({ code: 'outcome-unknown' })
  expect(lost.asked()).toBe(1)
  expect(cluster.calls).toEqual([])
})

it('takes a refusal for an answer', async () => {
  const [refusing = ''] = await startForCommands({
    cluster: FakeCluster.failing('removeNode', 'member-last'),
  })
  const cluster = new FakeCluster()
  const [other = ''] = await startForCommands({ cluster })
  await expect(remove([refusing, other])).rejects.toMatchObject({ code: 'member-last' })
  expect(cluster.calls).toEqual([])
})

it('asks another where a question was lost, which does no harm twice', async () => {
  const lost = await daemonThat(({ socket }) => socket.destroy())
  const [other = ''] = await startForCommands()
  const { out } = await output((io) => clusterStatus({ admin: [lost.admin, other] }, io))
  expect(out).toContain('leader lb1')
})

it('says of each why it was not reached', async () => {
  const ports = [await freePort(), await freePort()]
  const failed = remove(ports.map((port) => `http://127.0.0.1:${port}`))
  await expect(failed).rejects.toMatchObject({
    code: 'admin-unreachable',
    message: expect.stringMatching(new RegExp(`${ports[0]}.*; .*${ports[1]}`)),
  })
})
