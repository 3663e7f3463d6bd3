import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
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
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

function configOf(servers: Readonly<Record<string, unknown>>): SharedSections {
  return {
    defaults: { mode: 'http', option: { redispatch: true } },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
    backends: { app: { servers } },
  }
}

async function answerOf({ webPort }: TestNode): Promise<string> {
  return (await httpClient(webPort)('/')).body.toString()
}

/** Who has answered one of a dozen requests to a node. */
async function answersOf(node: TestNode): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: 12 }, () => answerOf(node)))
  return [...new Set(answers)].sort()
}

/** A file that a config is written to. */
function fileOf(text: string): string {
  const file = join(temporaryFolder(), 'new.yaml')
  writeFileSync(file, text)
  return file
}

async function serversOf({ adminUrl }: TestNode): Promise<ServersReport['servers']> {
  const response = await fetch(`${adminUrl}/api/v1/servers`, { headers: ADMIN_HEADERS })
  return ((await response.json()) as ServersReport).servers
}

describe('the config of a cluster', () => {
  it('is changed on all nodes by any of them, and keeps its history', async () => {
    const [one, two] = [
      await startHttpServer({ name: 's1' }),
      await startHttpServer({ name: 's2' }),
    ]
    const cluster = await startCluster({ config: configOf({ s1: one.address }) })
    const [follower, otherFollower] = (await cluster.followers()) as [TestNode, TestNode]
    for (const node of cluster.nodes) expect(await answerOf(node)).toBe('s1')

    const shown = await sluiceOn(follower, 'config', 'show')
    expect(shown.code).toBe(0)
    const changed = `# by hand\n${shown.stdout.replace(one.address, two.address)}`
    const applied = await sluiceOn(
      follower,
      'config',
      'apply',
      '-f',
      fileOf(changed),
      '--if-version',
      '1',
      '--comment',
      'to s2',
    )
    expect(applied).toMatchObject({ code: 0, stderr: '' })
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) {
      expect(await answerOf(node)).toBe('s2')
      expect((await sluiceOn(node, 'config', 'show')).stdout).toBe(changed)
    }

    const late = await sluiceOn(
      otherFollower,
      'config',
      'apply',
      '-f',
      fileOf(shown.stdout),
      '--if-version',
      '1',
    )
    expect(late.code).toBe(1)
    expect(late.stderr).toContain('config-conflict')

    const diff = await sluiceOn(otherFollower, 'config', 'diff')
    expect(diff.stdout).toContain(`+# by hand`)
    expect((await sluiceOn(otherFollower, 'config', 'rollback')).code).toBe(0)
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) expect(await answerOf(node)).toBe('s1')
    const { stdout } = await sluiceOn(follower, 'config', 'history', '--json')
    const { versions } = JSON.parse(stdout) as { versions: readonly Record<string, unknown>[] }
    expect(versions.map(({ version, comment, cause }) => [version, comment, cause])).toEqual([
      [1, '', 'seed'],
      [2, 'to s2', 'apply'],
      [3, expect.any(String), 'rollback'],
    ])
  })

  it('is refused whole when one node cannot run it, with its reason', async () => {
    const server = await startHttpServer({ name: 's1' })
    const cluster = await startCluster({ config: configOf({ s1: server.address }) })
    const [first, second] = cluster.nodes as [TestNode, TestNode]
    const tree = parse(readFileSync(second.daemon.file, 'utf8')) as {
      readonly frontends: Record<string, unknown>
    }
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    tree.frontends['more'] = { bind: '127.0.0.1:${SPARE_PORT}', default_backend: 'app' }
    // Somebody else has the address on the second node.
    await startHttpServer({ name: 'other', port: second.sparePort })
    const refused = await sluiceOn(first, 'config', 'apply', '-f', fileOf(stringify(tree)))
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/lb2: .*in use/)
    expect(refused.stderr).toContain('cluster-unprepared')
    for (const node of cluster.nodes) {
      expect((await viewOf(node))?.configVersion).toBe(1)
      expect(await answerOf(node)).toBe('s1')
    }
  })

  it('goes back by itself when nobody confirms it', async () => {
    const [one, two] = [
      await startHttpServer({ name: 's1' }),
      await startHttpServer({ name: 's2' }),
    ]
    const cluster = await startCluster({ config: configOf({ s1: one.address }) })
    const [first, second] = cluster.nodes as [TestNode, TestNode]
    const { stdout } = await sluiceOn(first, 'config', 'show')
    const file = fileOf(stdout.replace(one.address, two.address))
    expect((await sluiceOn(first, 'config', 'apply', '-f', file, '--confirm', '1s')).code).toBe(0)
    expect(await answerOf(first)).toBe('s2')
    await until('the old config on every node', async () => {
      const answers = await Promise.all(cluster.nodes.map(answerOf))
      return answers.every((answer) => answer === 's1') ? true : undefined
    })
    expect((await sluiceOn(second, 'config', 'apply', '-f', file, '--confirm', '30s')).code).toBe(0)
    expect((await sluiceOn(second, 'config', 'confirm')).code).toBe(0)
    const { versions } = JSON.parse((await sluiceOn(first, 'config', 'history', '--json')).stdout)
    expect(versions.map(({ cause, result }: Record<string, string>) => [cause, result])).toEqual([
      ['seed', 'superseded'],
      ['apply', 'rolled-back'],
      ['expiry', 'superseded'],
      ['apply', 'active'],
    ])
  })
})

describe('the pool of a cluster', () => {
  it('is changed on all nodes: servers added, set, moved and removed', async () => {
    const names = ['s1', 's2', 's3']
    const [one, two, three] = await Promise.all(names.map((name) => startHttpServer({ name })))
    const cluster = await startCluster({ config: configOf({ s1: one?.address }) })
    const [first, second, third] = cluster.nodes as [TestNode, TestNode, TestNode]

    const added = await sluiceOn(
      first,
      'server',
      'add',
      'app/more',
      two?.address ?? '',
      '--weight',
      '3',
    )
    expect(added).toMatchObject({ code: 0, stderr: '' })
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) expect(await answersOf(node)).toEqual(['s1', 's2'])

    expect((await sluiceOn(second, 'server', 'set', 'app/s1', '--state', 'drain')).code).toBe(0)
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) expect(await answersOf(node)).toEqual(['s2'])

    expect(
      (await sluiceOn(third, 'server', 'set', 'app/more', '--address', three?.address ?? '')).code,
    ).toBe(0)
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) expect(await answersOf(node)).toEqual(['s3'])

    const configured = await sluiceOn(first, 'server', 'remove', 'app/s1')
    expect(configured.code).toBe(1)
    expect(configured.stderr).toContain('server-configured')
    expect((await sluiceOn(first, 'server', 'set', 'app/s1', '--state', 'ready')).code).toBe(0)
    expect((await sluiceOn(first, 'server', 'remove', 'app/more')).code).toBe(0)
    await agreeOn(cluster.nodes)
    for (const node of cluster.nodes) {
      expect(await answersOf(node)).toEqual(['s1'])
      expect((await serversOf(node)).map(({ server }) => server)).toEqual(['s1'])
    }
  })
})

/** Servers whose checks say which node they come from, and which may be told to fail. */
interface CheckedServer {
  readonly name: string
  readonly address: string
  /** Names of the nodes whose checks fail. */
  readonly failing: Set<string>
  /** Names of the nodes whose checks have come since the set was cleared. */
  readonly checkedBy: Set<string>
}

async function startCheckedServer(name: string): Promise<CheckedServer> {
  const failing = new Set<string>()
  const checkedBy = new Set<string>()
  const { address } = await startHttpServer({
    name,
    answer: (request, response) => {
      const node = String(request.headers['x-node'])
      checkedBy.add(node)
      response.statusCode = failing.has(node) ? 500 : 200
      response.end(name)
    },
  })
  return { name, address, failing, checkedBy }
}

function checkedConfig(servers: readonly CheckedServer[], backend: object = {}): SharedSections {
  const addresses = servers.map(({ name, address }) => [name, address])
  return {
    ...configOf({}),
    backends: {
      app: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
        'option': { httpchk: { method: 'GET', uri: '/', headers: { 'X-Node': '${NODE_NAME}' } } },
        'default-server': { check: true, inter: '100ms' },
        'servers': Object.fromEntries(addresses),
        ...backend,
      },
    },
  }
}

describe('health by agreement', () => {
  it('takes a server down when two of three nodes find it down, and not before', async () => {
    const server = await startCheckedServer('s1')
    const cluster = await startCluster({ config: checkedConfig([server]) })
    const statesOf = (): Promise<string[]> =>
      Promise.all(cluster.nodes.map(async (node) => (await serversOf(node))[0]?.state ?? ''))
    server.failing.add('lb1')
    await until('lb1 to have found the server down', async () => {
      const [seen] = await serversOf(cluster.nodes[0] as TestNode)
      return seen?.check?.status === 'L7STS' ? true : undefined
    })
    expect(await statesOf()).toEqual(['UP', 'UP', 'UP'])
    server.failing.add('lb2')
    await until('all nodes to take it down', async () =>
      (await statesOf()).every((state) => state === 'DOWN') ? true : undefined,
    )
    server.failing.delete('lb1')
    await until('all nodes to bring it back', async () =>
      (await statesOf()).every((state) => state === 'UP') ? true : undefined,
    )
  })

  it('shares the checks out, and has those of a lost node done by others', async () => {
    const servers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => startCheckedServer(`s${n + 1}`)),
    )
    const cluster = await startCluster({ config: checkedConfig(servers, { 'check-sharding': 2 }) })
    /** How many nodes check each server, over five intervals. */
    const watchersOf = async (): Promise<number[]> => {
      for (const { checkedBy } of servers) checkedBy.clear()
      await after(500)
      return servers.map(({ checkedBy }) => checkedBy.size)
    }
    await until('two nodes to check each server', async () =>
      (await watchersOf()).every((watchers) => watchers === 2) ? true : undefined,
    )
    expect(new Set(servers.flatMap(({ checkedBy }) => [...checkedBy])).size).toBe(3)

    const [lost] = (await cluster.followers()) as [TestNode]
    await lost.daemon.kill()
    const living = cluster.nodes.filter((node) => node !== lost)
    await until('two others to check each server', async () =>
      (await watchersOf()).every((watchers) => watchers === 2) ? true : undefined,
    )
    for (const { name } of living) servers[0]?.failing.add(name)
    await until('the living nodes to take a server down', async () => {
      const pools = await Promise.all(living.map(serversOf))
      const states = pools.map((pool) => pool.map(({ state }) => state).join())
      return states.every((state) => state === 'DOWN,UP,UP,UP,UP,UP') ? true : undefined
    })
  })
})
