import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { clusterBackup } from '../../../src/cli/backup-command.ts'
import type { ReadOptions } from '../../../src/cli/daemon-connection.ts'
import { encodeBackup } from '../../../src/cluster/backup.ts'
import { temporaryFolder } from '../../e2e/support/temporary-folder.ts'
import { startForCommands } from '../admin/raw-admin.ts'
import { BACKUP, FakeCluster } from '../operations/fake-cluster.ts'
import { type Output, output } from './command-run.ts'

function backUp(file: string, options: ReadOptions): Promise<Output> {
  return output((io) => clusterBackup(file, options, io))
}

it('writes what the node answers to a file for this user alone', async () => {
  const cluster = new FakeCluster()
  const admin = await startForCommands({ cluster })
  const file = join(temporaryFolder(), 'sluice.backup')
  const umask = process.umask(0)
  onTestFinished(() => void process.umask(umask))
  const { out } = await backUp(file, { admin })
  expect(out).toBe(
    `${file} holds all that was acknowledged of cluster c0ffee at 2026-01-02T03:04:05.000Z, up to index 120\n`,
  )
  expect(readFileSync(file)).toEqual(Buffer.from(BACKUP))
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(cluster.calls).toEqual([['backUp', false]])
})

it('asks for what the node knows with --stale, and says so', async () => {
  const cluster = new FakeCluster()
  const origin = { clusterId: null, node: 'lb2', time: 'now', epoch: 1, index: 3 }
  cluster.backup = encodeBackup({ ...origin, linearizable: false }, new Uint8Array())
  const admin = await startForCommands({ cluster })
  const file = join(temporaryFolder(), 'b')
  const { out } = await backUp(file, { admin, stale: true })
  expect(out).toBe(`${file} holds what lb2 knew of the single node at now, up to index 3\n`)
  expect(cluster.calls).toEqual([['backUp', true]])
  const { out: asJson } = await backUp(file, { admin, stale: true, json: true })
  expect(JSON.parse(asJson)).toEqual({ file, format: 1, ...origin, linearizable: false })
})

it('replaces a file, and leaves nothing else in its folder', async () => {
  const admin = await startForCommands()
  const folder = temporaryFolder()
  const file = join(folder, 'b')
  writeFileSync(file, 'before', { mode: 0o644 })
  await backUp(file, { admin })
  expect(readFileSync(file)).toEqual(Buffer.from(BACKUP))
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['b'])
})

it('touches nothing where the node refuses', async () => {
  const admin = await startForCommands({ cluster: FakeCluster.failing('backUp', 'no-quorum') })
  const file = join(temporaryFolder(), 'b')
  writeFileSync(file, 'before')
  await expect(backUp(file, { admin })).rejects.toMatchObject({ code: 'no-quorum' })
  expect(readFileSync(file, 'utf8')).toBe('before')
})

it.each([
  ['altered', (whole: Uint8Array) => Buffer.from(whole).fill('x', 3, 4)],
  ['empty', () => Buffer.alloc(0)],
  ['not a backup', () => Buffer.from('<html></html>')],
])('touches nothing where what comes is %s', async (_, alter) => {
  const server = createServer((_request, response) => void response.end(alter(BACKUP)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const admin = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`]
  const file = join(temporaryFolder(), 'b')
  writeFileSync(file, 'before')
  await expect(backUp(file, { admin })).rejects.toMatchObject({ code: 'backup-damaged' })
  expect(readFileSync(file, 'utf8')).toBe('before')
})

it('says where it cannot write, and leaves nothing behind', async () => {
  const admin = await startForCommands()
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'taken', 'inside'), { recursive: true })
  for (const path of [join(folder, 'none', 'b'), join(folder, 'taken')]) {
    await expect(backUp(path, { admin })).rejects.toMatchObject({
      code: 'backup-unwritable',
      message: expect.stringContaining(path),
    })
  }
  expect(readdirSync(folder)).toEqual(['taken'])
})

it('writes through no link that somebody has put in its way', async () => {
  const admin = await startForCommands()
  const folder = temporaryFolder()
  const other = join(folder, 'other')
  writeFileSync(other, 'before')
  const file = join(folder, 'b')
  symlinkSync(other, `${file}.${process.pid}.new`)
  await expect(backUp(file, { admin })).rejects.toMatchObject({ code: 'backup-unwritable' })
  expect(readFileSync(other, 'utf8')).toBe('before')
})
