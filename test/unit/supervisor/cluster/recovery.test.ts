import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Member } from '../../../../src/consensus/log/entries.ts'
import { openStore } from '../../../../src/consensus/store/store-opening.ts'
import { recoverNode } from '../../../../src/supervisor/cluster/recovery.ts'

let folder: string
let dataDir: string
let said: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-recovery-'))
  dataDir = join(folder, 'data')
  said = []
})

afterEach(() => rmSync(folder, { recursive: true }))

const PROXIES = `
frontends: {web: {bind: "127.0.0.1:8080", default_backend: app}}
backends: {app: {servers: {a: "127.0.0.1:9001"}}}
`

function configOf(more: string): string {
  const file = join(folder, 'lb.yaml')
  writeFileSync(file, more + PROXIES)
  return file
}

const inCluster = (): string =>
  configOf(`cluster:
  node: lb1
  data-dir: ${dataDir}
  peers: {lb1: "127.0.0.1:7401", lb2: "127.0.0.1:7402", lb3: "127.0.0.1:7403"}
`)

function recover(file: string, isForced = true): Promise<void> {
  const say = (text: string): void => void said.push(text)
  return recoverNode({ file, isForced, env: {}, cores: 1, print: say, tell: say })
}

const memberOf = (name: string): Member => ({ id: `${name}/1`, name, address: `${name}:7400` })

/** What lb1 holds after a cluster of three was founded. */
async function found(): Promise<void> {
  const makeIncarnation = (): string => '1'
  const { store } = await openStore({ folder: dataDir, name: 'lb1', makeIncarnation })
  const voters = ['lb1', 'lb2', 'lb3'].map(memberOf)
  const membership = { voters, outgoing: [], learners: [], invited: [] }
  await store.found('c0ffee', { index: 0, term: 0, membership, data: new Uint8Array() })
  await store.close()
}

describe('the recovery of a node', () => {
  it('touches nothing unless it is forced', async () => {
    await found()
    const before = readdirSync(dataDir)
    await expect(recover(inCluster(), false)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('--force'),
    })
    expect(readdirSync(dataDir)).toEqual(before)
    expect(said).toEqual([])
  })

  it('asks for force before it looks at the file', async () => {
    await expect(recover(join(folder, 'none.yaml'), false)).rejects.toMatchObject({ code: 'usage' })
  })

  it.each<[string, () => string, string]>([
    ['a file that is not there', () => join(folder, 'none.yaml'), 'config-unreadable'],
    ['a file that is not valid', () => configOf('clusters: 1\n'), 'config-invalid'],
    ['a single node', () => configOf(''), 'cluster-absent'],
    ['a node that has never been in its cluster', inCluster, 'cluster-absent'],
  ])('refuses %s', async (_, fileOf, code) => {
    await expect(recover(fileOf())).rejects.toMatchObject({ code })
    const isInvalid = code === 'config-invalid'
    expect(said.join('')).toEqual(isInvalid ? expect.stringContaining('"clusters"') : '')
  })

  it('makes the node the only one of a new cluster, and says what to do with the others', async () => {
    await found()
    await recover(inCluster())
    expect(said.join('')).toMatch(/^lb1 is the only node of cluster [0-9a-f]+, /)
    expect(said.join('')).toContain('(lb2, lb3)')
    expect(said.join('')).toContain('sluice cluster add NODE ADDRESS')
    const makeIncarnation = (): string => 'not drawn'
    const { store, stored } = await openStore({ folder: dataDir, name: 'lb1', makeIncarnation })
    await store.close()
    expect(store.identity.clusterId).not.toBe('c0ffee')
    expect(store.identity.id).toMatch(/^lb1\/[0-9a-f]{16}$/)
    expect(stored?.entries.at(-1)?.payload).toMatchObject({
      kind: 'membership',
      membership: { voters: [{ name: 'lb1', id: store.identity.id }], outgoing: [], learners: [] },
    })
  })

  it('is refused while the node runs', async () => {
    await found()
    const makeIncarnation = (): string => '1'
    const running = await openStore({ folder: dataDir, name: 'lb1', makeIncarnation })
    await expect(recover(inCluster())).rejects.toMatchObject({ code: 'data-dir-unusable' })
    await running.store.close()
  })
})
