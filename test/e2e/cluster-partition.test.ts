import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { ClusterReport } from '../../src/operations/contract/cluster.ts'
import { canNetwork, startNetwork, type VirtualHost } from './support/network-namespaces.ts'
import { NODE, runSluice, SLUICE, startProcess } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

const PEER_PORT = 7400

/** So long that no node that is there is held to be gone, however busy the machine is. */
const PATIENCE = { 'election-timeout': '3s' }

interface Node {
  readonly name: string
  readonly host: VirtualHost
  /** A Unix socket: it is there whatever becomes of the network. */
  readonly admin: string
}

/**
 * Starts a node on each host.
 *
 * @param cluster more of section `cluster`
 */
function startNodes(
  hosts: readonly VirtualHost[],
  cluster: Readonly<Record<string, unknown>> = {},
): Node[] {
  const folder = temporaryFolder()
  const secret = join(folder, 'secret')
  writeFileSync(secret, randomBytes(32).toString('hex'), { mode: 0o600 })
  const names = hosts.map((_, n) => `lb${n + 1}`)
  const peers = Object.fromEntries(
    hosts.map(({ address }, n) => [names[n], `${address}:${PEER_PORT}`]),
  )
  return hosts.map((host, n) => {
    const name = names[n] as string
    const socket = join(folder, `${name}.sock`)
    const file = join(folder, `${name}.yaml`)
    const config = {
      global: { nbthread: 1, log: { access: 'off' } },
      admin: { bind: 'off', socket },
      cluster: {
        'node': name,
        peers,
        'data-dir': join(folder, name),
        'secret-file': secret,
        ...cluster,
      },
      frontends: { web: { bind: '127.0.0.1:8080', default_backend: 'app' } },
      backends: { app: { servers: { s1: '127.0.0.1:9000' } } },
    }
    writeFileSync(file, stringify(config))
    startProcess('ip', ['netns', 'exec', host.namespace, NODE, SLUICE, 'run', '-f', file], {
      stdio: 'ignore',
    })
    return { name, host, admin: `unix:${socket}` }
  })
}

async function viewOf({ admin }: Node): Promise<ClusterReport | undefined> {
  // Without a quorum its status is 1, and it tells what it sees all the same.
  const { stdout } = await runSluice('cluster', 'status', '--json', '--admin', admin)
  return stdout !== '' ? (JSON.parse(stdout) as ClusterReport) : undefined
}

/** The node that all of these name as their leader. */
function leaderOf(nodes: readonly Node[], all: readonly Node[] = nodes): Promise<Node> {
  return until('a leader', async () => {
    const views = await Promise.all(nodes.map(viewOf))
    const [first] = views
    const isAgreed = views.every(
      (view) => view?.hasQuorum === true && view.leader === first?.leader && view.configVersion > 0,
    )
    return isAgreed ? all.find(({ name }) => name === first?.leader) : undefined
  })
}

async function setWeight(
  node: Node,
  weight: number,
): Promise<{ code: number | null; stderr: string }> {
  return runSluice('server', 'set', 'app/s1', '--weight', String(weight), '--admin', node.admin)
}

async function weightOn({ admin }: Node): Promise<number> {
  const { stdout } = await runSluice('server', 'list', '--stale', '--json', '--admin', admin)
  const { servers } = JSON.parse(stdout) as { servers: readonly { weight: number }[] }
  return servers[0]?.weight ?? 0
}

function untilWeight(nodes: readonly Node[], weight: number): Promise<true> {
  return until(`weight ${weight} on every node`, async () => {
    const weights = await Promise.all(nodes.map(weightOn))
    return weights.every((found) => found === weight) ? true : undefined
  })
}

describe.runIf(canNetwork())('a network that is cut in two', () => {
  it('leaves the majority at work; the leader of the minority acknowledges nothing', async () => {
    const nodes = startNodes(startNetwork(3))
    const old = await leaderOf(nodes)
    const majority = nodes.filter((node) => node !== old)
    expect((await setWeight(old, 5)).code).toBe(0)
    await untilWeight(nodes, 5)
    old.host.unplug()
    const lost = await setWeight(old, 66)
    expect(lost.code).toBe(1)
    expect(lost.stderr).toMatch(/no-quorum|outcome-unknown/)
    const next = await leaderOf(majority)
    expect(next.name).not.toBe(old.name)
    expect((await setWeight(majority[0] as Node, 7)).code).toBe(0)
    expect((await viewOf(old))?.hasQuorum).toBe(false)
    expect((await setWeight(old, 67)).stderr).toContain('no-quorum')
    expect(await weightOn(old)).toBe(5)
    old.host.plug()
    await untilWeight(nodes, 7)
    expect((await leaderOf(nodes)).name).toBe(next.name)
  })

  it('in one place only keeps a leader that both sides can follow', async () => {
    const nodes = startNodes(startNetwork(3), PATIENCE)
    const leader = await leaderOf(nodes)
    const [cut, whole] = nodes.filter((node) => node !== leader) as [Node, Node]
    cut.host.cutOff(leader.host)
    // Either the leader stays, with the one that it reaches, or that one takes over.
    const { name: between } = await leaderOf([whole], nodes)
    expect([leader.name, whole.name]).toContain(between)
    await until('a change to be taken', async () =>
      (await setWeight(whole, 9)).code === 0 ? true : undefined,
    )
    if (between === leader.name) {
      await until('the node that is cut off to miss its leader', async () =>
        (await viewOf(cut))?.leader === null ? true : undefined,
      )
    }
    const epoch = (await viewOf(whole))?.epoch
    for (let n = 10; n < 14; n++) expect((await setWeight(whole, n)).code).toBe(0)
    expect((await viewOf(whole))?.epoch).toBe(epoch)
    cut.host.letThrough(leader.host)
    await untilWeight(nodes, 13)
  })
})
