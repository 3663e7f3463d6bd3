import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { encodeBackup } from '../../../../src/cluster/backup.ts'
import { openStore } from '../../../../src/consensus/store/store-opening.ts'
import { restoreCluster } from '../../../../src/supervisor/cluster/restoration.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { activation, openLab } from '../../cluster/state-machine/command-lab.ts'

const ORIGIN = {
  clusterId: 'c0ffee',
  node: 'lb3',
  time: '2026-01-02T03:04:05.000Z',
  epoch: 9,
  index: 42,
  linearizable: true,
}

let folder: string
let dataDir: string
let said: string[]

beforeEach(() => {
  folder = temporaryFolder()
  dataDir = join(folder, 'data')
  said = []
})

function state(): Uint8Array {
  const { machine, apply } = openLab()
  apply(activation(0, 'a: 1\n'))
  return machine.snapshot()
}

function configOf(more: string): string {
  const file = join(folder, 'lb.yaml')
  writeFileSync(
    file,
    `${more}
frontends: {web: {bind: "127.0.0.1:8080", default_backend: app}}
backends: {app: {servers: {a: "127.0.0.1:9001"}}}
`,
  )
  return file
}

const inCluster = (): string =>
  configOf(`cluster:
  node: lb1
  data-dir: ${dataDir}
  peers: {lb1: "127.0.0.1:7401", lb2: "127.0.0.1:7402", lb3: "127.0.0.1:7403"}
`)

function backupOf(bytes: Uint8Array = encodeBackup(ORIGIN, state())): string {
  const path = join(folder, 'backup')
  writeFileSync(path, bytes)
  return path
}

function restore(file: string, backup = backupOf()): Promise<void> {
  const say = (text: string): void => void said.push(text)
  return restoreCluster({ file, backup, env: {}, cores: 1, print: say, tell: say })
}

function stored() {
  return openStore({ folder: dataDir, name: 'lb1', makeIncarnation: () => 'not drawn' })
}

describe('the restoration of a cluster', () => {
  it('founds a new one of this node, which the others may join, and says so', async () => {
    await restore(inCluster())
    const { store, stored: found } = await stored()
    await store.close()
    const { id, clusterId } = store.identity
    expect(id).toMatch(/^lb1\/[0-9a-f]{16}$/)
    expect(clusterId).toMatch(/^[0-9a-f]{32}$/)
    expect(found?.snapshot).toMatchObject({
      index: 42,
      membership: {
        voters: [{ id, name: 'lb1', address: '127.0.0.1:7401' }],
        invited: [
          { name: 'lb2', address: '127.0.0.1:7402' },
          { name: 'lb3', address: '127.0.0.1:7403' },
        ],
      },
    })
    expect(Buffer.from(found?.snapshot.data ?? [])).toEqual(Buffer.from(state()))
    const text = said.join('')
    expect(text).toContain(`new cluster ${clusterId}`)
    expect(text).toContain('cluster c0ffee had agreed on up to index 42')
    expect(text).toContain('empty data-dir each: lb2, lb3')
  })

  it('gives every restoration another identity', async () => {
    const ids: (string | null)[] = []
    for (const name of ['one', 'two']) {
      dataDir = join(folder, name)
      await restore(inCluster())
      const { store } = await stored()
      await store.close()
      ids.push(store.identity.clusterId)
    }
    expect(new Set([...ids, ORIGIN.clusterId]).size).toBe(3)
  })

  it('takes what was kept when nothing had been agreed on by index', async () => {
    await restore(inCluster(), backupOf(encodeBackup({ ...ORIGIN, index: 0 }, state())))
    const { store, stored: found } = await stored()
    await store.close()
    // A node that joins begins at 0, and is sent nothing that is not newer.
    expect(found?.snapshot.index).toBe(1)
  })

  it('takes a folder that is there, and what a file system has in it', async () => {
    mkdirSync(join(dataDir, 'lost+found'), { recursive: true })
    await restore(inCluster())
    expect(readdirSync(dataDir).sort()).toEqual(['consensus', 'consensus.mark', 'lost+found'])
  })

  it.each<[string, () => string, string]>([
    ['a file that is not there', () => join(folder, 'none.yaml'), 'config-unreadable'],
    ['a file that is not valid', () => configOf('clusters: 1\n'), 'config-invalid'],
    ['a single node', () => configOf(''), 'cluster-absent'],
  ])('refuses %s', async (_, fileOf, code) => {
    await expect(restore(fileOf())).rejects.toMatchObject({ code })
    expect(readdirSync(folder)).not.toContain('data')
  })

  it.each<[string, () => string, string]>([
    ['is not there', () => join(folder, 'none'), 'backup-unreadable'],
    ['is a folder', () => folder, 'backup-unreadable'],
    ['was cut', () => backupOf(encodeBackup(ORIGIN, state()).subarray(0, -9)), 'backup-damaged'],
    [
      'is of a newer format',
      () => backupOf(encodeBackup(ORIGIN, Buffer.from('{"format":99}'))),
      'backup-newer',
    ],
  ])('touches nothing for a backup that %s', async (_, backup, code) => {
    await expect(restore(inCluster(), backup())).rejects.toMatchObject({ code })
    expect(readdirSync(folder)).not.toContain('data')
    expect(said).toEqual([])
  })

  it('touches nothing in a folder that holds something', async () => {
    await restore(inCluster())
    const before = await stored()
    await before.store.close()
    await expect(restore(inCluster())).rejects.toMatchObject({
      code: 'data-dir-used',
      message: expect.stringContaining('consensus'),
    })
    const after = await stored()
    await after.store.close()
    expect(after.store.identity).toEqual(before.store.identity)
    dataDir = join(folder, 'other')
    mkdirSync(dataDir)
    writeFileSync(join(dataDir, 'notes'), '')
    await expect(restore(inCluster())).rejects.toMatchObject({ code: 'data-dir-used' })
    expect(readdirSync(dataDir)).toEqual(['notes'])
  })

  it('says so where the data-dir cannot be one', async () => {
    writeFileSync(dataDir, '')
    await expect(restore(inCluster())).rejects.toMatchObject({ code: 'data-dir-unusable' })
  })
})
