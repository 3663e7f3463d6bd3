import { describe, expect, it } from 'vitest'
import {
  type ServerAddOptions,
  type ServerSetOptions,
  serverAdd,
  serverRemove,
  serverSet,
} from '../../../src/cli/server-change-commands.ts'
import { startForCommands } from '../admin/raw-admin.ts'
import { FakeCluster } from '../operations/fake-cluster.ts'
import { SERVERS } from '../operations/fake-source.ts'
import { output } from './command-run.ts'

async function set(key: string, options: ServerSetOptions): Promise<string> {
  return (await output((io) => serverSet(key, options, io))).out
}

async function add(key: string, address: string, options: ServerAddOptions): Promise<string> {
  return (await output((io) => serverAdd(key, address, options, io))).out
}

const NO_KEYS = ['app1', 'app/', '/app1', 'a/b/c', '']

describe('server set', () => {
  it.each<[ServerSetOptions, unknown]>([
    [{ state: 'drain' }, { state: 'drain' }],
    [{ weight: '0' }, { weight: 0 }],
    [{ address: '10.0.0.1:80' }, { address: '10.0.0.1:80' }],
    [
      { weight: '256', state: 'ready' },
      { weight: 256, state: 'ready' },
    ],
  ])('%j asks for %j and prints the server', async (options, change) => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    expect(await set('app/app1', { admin, ...options })).toMatch(/^SERVER .*\napp\/app1 .*\n$/)
    expect(cluster.calls).toEqual([['setServer', 'app', 'app1', change]])
  })

  it('prints what the API answers with --json', async () => {
    const admin = await startForCommands()
    const out = await set('app/app1', { admin, weight: '5', json: true })
    expect(JSON.parse(out)).toEqual(SERVERS.servers[0])
  })

  it.each<[string, ServerSetOptions]>([
    ['app/app1', {}],
    ['app/app1', { state: 'down' }],
    ['app/app1', { state: '' }],
    ['app/app1', { weight: '257' }],
    ['app/app1', { weight: '-1' }],
    ['app/app1', { weight: '1.5' }],
    ['app/app1', { weight: '1e1' }],
    ['app/app1', { weight: '' }],
    ['app/app1', { weight: 'much' }],
    ...NO_KEYS.map((key): [string, ServerSetOptions] => [key, { weight: '1' }]),
  ])('%s %j is a wrong use, and nothing is asked', async (key, options) => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    await expect(set(key, { admin, ...options })).rejects.toMatchObject({ code: 'usage' })
    expect(cluster.calls).toEqual([])
  })

  it('fails with the code of the daemon', async () => {
    const cluster = FakeCluster.failing('setServer', 'server-unknown')
    const admin = await startForCommands({ cluster })
    await expect(set('app/app9', { admin, state: 'drain' })).rejects.toMatchObject({
      code: 'server-unknown',
    })
    await expect(set('app/app1', { admin, address: 'app1' })).rejects.toMatchObject({
      code: 'change-invalid',
    })
  })
})

describe('server add', () => {
  it.each<[ServerAddOptions, number | null]>([
    [{}, null],
    [{ weight: '7' }, 7],
  ])('with %j asks for the weight %j and prints the server', async (options, weight) => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    const out = await add('app/app1', '10.0.0.1:80', { admin, ...options })
    expect(out).toMatch(/^SERVER .*\napp\/app1 .*\n$/)
    expect(cluster.calls).toEqual([['addServer', 'app', 'app1', '10.0.0.1:80', weight]])
  })

  it.each(NO_KEYS)('"%s" is a wrong use', async (key) => {
    await expect(add(key, '10.0.0.1:80', {})).rejects.toMatchObject({ code: 'usage' })
  })

  it.each(['server-exists', 'backend-unknown', 'pool-full'] as const)(
    'fails with %s of the daemon',
    async (code) => {
      const admin = await startForCommands({ cluster: FakeCluster.failing('addServer', code) })
      const failed = expect(add('app/app1', '10.0.0.1:80', { admin })).rejects
      await failed.toMatchObject({ code, message: 'addServer has failed' })
    },
  )
})

describe('server remove', () => {
  it('says so', async () => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    const said = await output((io) => serverRemove('app/app1', { admin }, io))
    expect(said).toEqual({ out: 'app/app1 is removed\n', warnings: '' })
    const { out } = await output((io) => serverRemove('app/app1', { admin, json: true }, io))
    expect(JSON.parse(out)).toEqual({})
    expect(cluster.calls).toEqual(Array(2).fill(['removeServer', 'app', 'app1']))
  })

  it('fails where the config names the server', async () => {
    const cluster = FakeCluster.failing('removeServer', 'server-configured')
    const admin = await startForCommands({ cluster })
    const failed = expect(output((io) => serverRemove('app/app1', { admin }, io))).rejects
    await failed.toMatchObject({ code: 'server-configured' })
  })
})
