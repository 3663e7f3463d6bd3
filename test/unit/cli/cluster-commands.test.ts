import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ErrorCode } from '../../../src/base/errors.ts'
import {
  clusterAdd,
  clusterRemove,
  clusterStatus,
  clusterTransfer,
} from '../../../src/cli/cluster-commands.ts'
import type { ConnectionOptions } from '../../../src/cli/daemon-connection.ts'
import { startForCommands } from '../admin/raw-admin.ts'
import { FakeCluster, STATUS } from '../operations/fake-cluster.ts'
import { output } from './command-run.ts'

async function status(options: ConnectionOptions): Promise<string> {
  return (await output((io) => clusterStatus(options, io))).out
}

/** A cluster that tells this of itself. */
function telling(changes: Partial<typeof STATUS>): FakeCluster {
  const cluster = new FakeCluster()
  cluster.status = () => Promise.resolve({ ...STATUS, ...changes })
  return cluster
}

describe('cluster status', () => {
  it('prints the nodes as an aligned table', async () => {
    expect(await status({ admin: await startForCommands() })).toBe(
      [
        'raft: leader lb1, epoch 4; config version 3; format 2',
        'NODE  ADDRESS        ROLE     REACHED  EPOCH  APPLIED  LAG  CONFIG  UPTIME  NOTE',
        'lb1   10.0.0.1:7400  leader   yes          4      120    0       3     12s  -',
        'lb2   10.0.0.2:7400  unknown  no           -        -    7       -       -  is gone for good',
        '',
      ].join('\n'),
    )
  })

  it('names the nodes that keep the cluster from a newer format', async () => {
    const told = telling({ format: 1 })
    expect(await status({ admin: await startForCommands({ cluster: told }) })).toMatch(
      /^raft: leader lb1, epoch 4; config version 3; format 1, 2 waits for lb2\n/,
    )
  })

  it('names the alarms, and what to do about each', async () => {
    const message = 'the state of lb2\ndiffers'
    const alarms = [{ code: 'state-corrupt', node: 'lb2', sinceMs: 0, message }] as const
    const text = await status({ admin: await startForCommands({ cluster: telling({ alarms }) }) })
    const [first, second] = text.split('\n').slice(-3)
    expect(first).toBe(
      'ALARM state-corrupt lb2 since 1970-01-01T00:00:00.000Z: the state of lb2 differs',
    )
    expect(second).toMatch(/^ +Keep its data-dir for a report, stop the node, empty the data-dir/)
  })

  it('says that there is no leader, and no quorum', async () => {
    const admin = await startForCommands({ cluster: telling({ leader: null, hasQuorum: false }) })
    const failures: unknown[] = []
    const { out } = await output((io) =>
      clusterStatus({ admin }, io).catch((error: unknown) => void failures.push(error)),
    )
    expect(out).toMatch(/^raft: no leader, epoch 4, NO QUORUM; config/)
    expect(failures).toMatchObject([
      { code: 'no-quorum', message: 'lb1 knows no leader, and does not reach lb2' },
    ])
  })

  it('prints the members that scripts rely on with --json', async () => {
    const json = JSON.parse(await status({ admin: await startForCommands(), json: true }))
    const { engine, leader, epoch, configVersion, format, nodes } = json
    expect({ engine, leader, epoch, configVersion, format }).toEqual({
      engine: 'raft',
      leader: 'lb1',
      epoch: 4,
      configVersion: 3,
      format: 2,
    })
    expect(nodes).toMatchObject([
      { name: 'lb1', address: '10.0.0.1:7400', role: 'leader', formatMin: 1, formatMax: 2 },
      { name: 'lb2', address: '10.0.0.2:7400', role: 'unknown', formatMax: null },
    ])
  })

  it('needs no quorum', async () => {
    const cluster = FakeCluster.failing('read', 'no-quorum')
    expect(await status({ admin: await startForCommands({ cluster }) })).toContain('lb2')
  })
})

describe('cluster add, remove and transfer', () => {
  it.each([
    [
      'add',
      (options: ConnectionOptions) =>
        output((io) => clusterAdd('lb4', '10.0.0.4:7400', options, io)),
      'lb4 may join',
      ['addNode', 'lb4', '10.0.0.4:7400'],
      { name: 'lb4', address: '10.0.0.4:7400' },
      'member-exists',
    ],
    [
      'remove',
      (options: ConnectionOptions) => output((io) => clusterRemove('lb4', options, io)),
      'lb4 is removed\n',
      ['removeNode', 'lb4', { isForced: false }],
      {},
      'member-last',
    ],
    [
      'transfer',
      (options: ConnectionOptions) => output((io) => clusterTransfer('lb2', options, io)),
      'lb2 leads\n',
      ['transfer', 'lb2'],
      { node: 'lb2' },
      'transfer-failed',
    ],
  ] as const)('%s asks for it, says so, and fails with the code of the daemon', async (...row) => {
    const [, command, said, call, json, code] = row
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    expect((await command({ admin })).out).toContain(said)
    expect(JSON.parse((await command({ admin, json: true })).out)).toEqual(json)
    expect(cluster.calls).toEqual([call, call])
    const failing = FakeCluster.failing(call[0], code satisfies ErrorCode)
    const other = await startForCommands({ cluster: failing })
    await expect(command({ admin: other })).rejects.toMatchObject({ code })
  })
})

it('remove --force asks for it where the voters that are left have no majority', async () => {
  const cluster = new FakeCluster()
  const admin = await startForCommands({ cluster })
  await output((io) => clusterRemove('lb4', { admin, force: true }, io))
  expect(cluster.calls).toEqual([['removeNode', 'lb4', { isForced: true }]])
})

it('a change whose answer is lost may have been made', async () => {
  const server = createServer((request) => request.socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const admin = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`]
  const remove = output((io) => clusterRemove('lb4', { admin }, io))
  await expect(remove).rejects.toMatchObject({ code: 'outcome-unknown' })
  await expect(status({ admin })).rejects.toMatchObject({ code: 'admin-unreachable' })
  const nobody = output((io) => clusterRemove('lb4', { admin: ['http://127.0.0.1:1'] }, io))
  await expect(nobody).rejects.toMatchObject({ code: 'admin-unreachable' })
})
