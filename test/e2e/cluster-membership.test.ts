import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ClusterReport } from '../../src/operations/contract/cluster.ts'
import { type Authority, createAuthority } from '../fixtures/certificates.ts'
import {
  agreeOn,
  type ClusterOptions,
  type SharedSections,
  sluiceOn,
  startCluster,
  startNode,
  type TestNode,
  viewOf,
} from './support/cluster.ts'
import { ADMIN_HEADERS } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { type Finished, NODE, runProgram, SLUICE } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

async function sharedConfig(): Promise<SharedSections> {
  const server = await startHttpServer({ name: 's1' })
  return {
    defaults: { mode: 'http' },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    frontends: { web: { bind: '127.0.0.1:${WEB_PORT}', default_backend: 'app' } },
    backends: { app: { servers: { s1: server.address } } },
  }
}

function peersOf(nodes: readonly Pick<TestNode, 'name' | 'peerPort'>[]): Record<string, string> {
  return Object.fromEntries(nodes.map((node) => [node.name, `127.0.0.1:${node.peerPort}`]))
}

function roleOf(view: ClusterReport | undefined, name: string): string | undefined {
  return view?.nodes.find((node) => node.name === name)?.role
}

async function untilRole(asked: TestNode, name: string, role: string): Promise<void> {
  await until(`${name} to be ${role}`, async () =>
    roleOf(await viewOf(asked), name) === role ? true : undefined,
  )
}

/** Files with the certificates of nodes, and what section `cluster` says of them. */
interface CertificateFiles {
  /** The first that was trusted. */
  readonly authority: Authority
  readonly tls: Readonly<Record<'ca' | 'crt' | 'key', string>>
  /** From now on certificates of these authorities are trusted, and of no others. */
  readonly trust: (...authorities: readonly Authority[]) => void
  /** Gives a node a certificate, in another's name where one is given. */
  readonly write: (node: string, authority: Authority, name?: string) => void
}

function issueTo(names: readonly string[]): CertificateFiles {
  const authority = createAuthority()
  const folder = temporaryFolder()
  const own = `${folder}/\${NODE_NAME}`
  const tls = { ca: join(folder, 'ca.pem'), crt: `${own}.pem`, key: `${own}.key` }
  const files: CertificateFiles = {
    authority,
    tls,
    trust: (...trusted) => writeFileSync(tls.ca, trusted.map(({ cert }) => cert).join('')),
    write: (node, by, name = node) => {
      const { cert, key } = by.issue({ names: [name] })
      writeFileSync(join(folder, `${node}.pem`), cert)
      writeFileSync(join(folder, `${node}.key`), key, { mode: 0o600 })
    },
  }
  files.trust(authority)
  for (const name of names) files.write(name, authority)
  return files
}

function secretFile(secret: string): string {
  const file = join(temporaryFolder(), 'secret')
  writeFileSync(file, secret, { mode: 0o600 })
  return file
}

describe('the membership of a cluster', () => {
  it('grows by a node that is added and shrinks by one that is removed', async () => {
    const options: ClusterOptions = { config: await sharedConfig() }
    const cluster = await startCluster(options)
    const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode]
    const plan = { name: 'lb4', peerPort: await freePort() }
    const address = `127.0.0.1:${plan.peerPort}`
    expect((await sluiceOn(two, 'cluster', 'add', 'lb4', address)).code).toBe(0)
    expect(roleOf(await viewOf(one), 'lb4')).toBe('invited')
    const four = await startNode(plan, peersOf([...cluster.nodes, plan]), options)
    await untilRole(one, 'lb4', 'follower')
    await agreeOn([...cluster.nodes, four])
    expect((await httpClient(four.webPort)('/')).body.toString()).toBe('s1')

    expect((await sluiceOn(four, 'cluster', 'transfer', 'lb4')).code).toBe(0)
    expect((await cluster.leader([one, two, three, four])).name).toBe('lb4')
    await agreeOn([...cluster.nodes, four])
    expect((await sluiceOn(one, 'cluster', 'remove', 'lb4')).code).toBe(0)
    await cluster.leader([one, two, three])
    await untilRole(four, 'lb4', 'outsider')
    expect((await viewOf(one))?.nodes.map(({ name }) => name)).toEqual(['lb1', 'lb2', 'lb3'])
    // What is no longer a member serves on.
    expect((await httpClient(four.webPort)('/')).body.toString()).toBe('s1')
    const status = await sluiceOn(one, 'cluster', 'status', '--json')
    expect(JSON.parse(status.stdout)).toMatchObject({
      engine: 'raft',
      leader: expect.stringMatching(/^lb[123]$/),
      configVersion: 1,
      nodes: [{ name: 'lb1', address: `127.0.0.1:${one.peerPort}` }, {}, {}],
    })
  })

  it('is refused changes that make no sense', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const [one] = cluster.nodes as [TestNode]
    const refusalOf = async (...args: readonly string[]): Promise<string> =>
      (await sluiceOn(one, 'cluster', ...args)).stderr
    expect(await refusalOf('add', 'lb2', '127.0.0.1:7999')).toContain('member-exists')
    expect(await refusalOf('remove', 'lb9')).toContain('member-unknown')
    expect(await refusalOf('transfer', 'lb9')).toContain('member-unknown')
  })
})

describe('the quorum of a cluster', () => {
  it('is not given away by one wrong removal, and its loss is told with who is missing', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const leader = await cluster.leader()
    const [lost, healthy] = (await cluster.followers()) as [TestNode, TestNode]
    await lost.daemon.kill()
    const refused = await sluiceOn(leader, 'cluster', 'remove', healthy.name)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(new RegExp(`not there: ${lost.name} \\(quorum-at-risk\\)`))
    expect(refused.stderr).toContain('--force')
    expect((await sluiceOn(leader, 'cluster', 'status')).code).toBe(0)
    expect((await sluiceOn(healthy, 'server', 'set', 'app/s1', '--weight', '9')).code).toBe(0)

    await healthy.daemon.kill()
    const status = await until('the quorum to be missed', async () => {
      const finished = await sluiceOn(leader, 'cluster', 'status', '--json')
      return finished.code === 0 ? undefined : finished
    })
    expect(status.code).toBe(1)
    const readiness = await fetch(`${leader.adminUrl}/readyz`)
    expect(readiness.status).toBe(503)
    expect(await readiness.json()).toEqual({ ready: false, reasons: ['no quorum'] })
    expect((await fetch(`${leader.adminUrl}/readyz?traffic`)).status).toBe(200)
    const missing = [lost.name, healthy.name].sort()
    expect(JSON.parse(status.stdout)).toMatchObject({ hasQuorum: false, missing })
    expect(JSON.parse(status.stderr)).toMatchObject({
      code: 'no-quorum',
      message: expect.stringContaining(missing.join(', ')),
    })
  })
})

describe('the links of a cluster', () => {
  it('ask for a secret, which a node with another one does not have', async () => {
    const shared = await sharedConfig()
    const secret = secretFile('correct horse battery staple, correct horse')
    const cluster = await startCluster({ config: shared, cluster: { 'secret-file': secret } })
    const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode]
    const plan = { name: 'lb4', peerPort: await freePort() }
    expect((await sluiceOn(one, 'cluster', 'add', 'lb4', `127.0.0.1:${plan.peerPort}`)).code).toBe(
      0,
    )
    const wrong = { 'secret-file': secretFile('incorrect horse battery staple, incorrect') }
    const four = await startNode(plan, peersOf([one, two, three, plan]), {
      config: shared,
      cluster: wrong,
    })
    // Who shows the wrong one is refused, and told so.
    expect(await four.daemon.event('peer-refused')).toMatchObject({ reason: 'credentials' })
    const told = { reason: 'credentials', peer: 'lb4' }
    expect(await one.daemon.event('peer-refused')).toMatchObject(told)
    expect(roleOf(await viewOf(one), 'lb4')).toBe('invited')
    expect(JSON.stringify([one.daemon.log, four.daemon.log])).not.toContain('horse')
    const metrics = await (await fetch(`${one.adminUrl}/metrics`)).text()
    expect(metrics).toMatch(/sluice_cluster_peer_refusals_total\{.*\} [1-9]/)
  })

  it('are encrypted by certificates in the names of the nodes', async () => {
    const certificates = issueTo(['lb1', 'lb2', 'lb3'])
    // The fourth shows a certificate in another's name.
    certificates.write('lb4', createAuthority(), 'lb3')
    const { tls } = certificates
    const options: ClusterOptions = { config: await sharedConfig(), cluster: { tls } }
    const cluster = await startCluster(options)
    const [one] = cluster.nodes as [TestNode]
    expect((await sluiceOn(one, 'server', 'set', 'app/s1', '--weight', '9')).code).toBe(0)
    await agreeOn(cluster.nodes)
    const plan = { name: 'lb4', peerPort: await freePort() }
    const four = startNode(plan, peersOf([...cluster.nodes, plan]), options)
    await expect(four).rejects.toThrow('peer-credentials')
  })

  it('go over to another authority, node by node, by SIGHUP', async () => {
    const names = ['lb1', 'lb2', 'lb3']
    const certificates = issueTo(names)
    const config = await sharedConfig()
    const cluster = await startCluster({ config, cluster: { tls: certificates.tls } })
    const reload = async (): Promise<void> => {
      for (const { daemon, config: own } of cluster.nodes) {
        expect(await daemon.reload(own)).toMatchObject({ event: 'config-reloaded' })
      }
    }
    const successor = createAuthority()
    certificates.trust(certificates.authority, successor)
    await reload()
    for (const name of names) certificates.write(name, successor)
    await reload()
    certificates.trust(successor)
    await reload()
    // Over a stream of its own, which is called for with the new certificates.
    const [follower, other] = (await cluster.followers()) as [TestNode, TestNode]
    expect((await sluiceOn(follower, 'server', 'set', 'app/s1', '--weight', '9')).code).toBe(0)
    // A node that begins now trusts the successor alone.
    expect(await other.daemon.stop()).toBe(0)
    await other.start()
    await agreeOn(cluster.nodes)
    certificates.write(follower.name, successor, other.name)
    follower.daemon.signal('SIGHUP')
    expect(await follower.daemon.event('config-rejected')).toMatchObject({
      code: 'peer-credentials',
    })
    expect((await sluiceOn(follower, 'server', 'set', 'app/s1', '--weight', '8')).code).toBe(0)
  })

  it('are refused to a second node of one name, which disturbs nobody', async () => {
    const config = await sharedConfig()
    // Of writes that fail no election of a busy machine is to be the reason.
    const patient = { 'election-timeout': '3s' }
    const cluster = await startCluster({ config, cluster: patient })
    const [original] = (await cluster.followers()) as [TestNode]
    const others = cluster.nodes.filter((node) => node !== original)
    // Its config was copied to another host, where the same names stand for the same addresses.
    const bind = `127.0.0.1:${await freePort()}`
    const plan = { name: original.name, peerPort: original.peerPort }
    const twin = await startNode(plan, peersOf(cluster.nodes), {
      config,
      cluster: { ...patient, bind },
    })
    for (const { daemon } of others) {
      const told = await daemon.event('peer-refused')
      expect(told).toMatchObject({ reason: 'twin', peer: original.name, isOurs: true })
      // Both of them: where the one that is refused calls from, and where the other is.
      expect(told['message']).toContain(String(told['address']))
      expect(told['message']).toMatch(/is here already, at 127\.0\.0\.1:\d+/)
    }
    for (let n = 0; n < 10; n++) {
      for (const { adminUrl } of cluster.nodes) {
        const changed = await fetch(`${adminUrl}/api/v1/servers/app/s1`, {
          method: 'PATCH',
          headers: { ...ADMIN_HEADERS, 'content-type': 'application/json' },
          body: JSON.stringify({ weight: n }),
        })
        expect([changed.status, await changed.text()]).toEqual([200, expect.anything()])
      }
    }
    const [told] = others
    const metrics = await (await fetch(`${told?.adminUrl}/metrics`)).text()
    expect(metrics).toMatch(/sluice_cluster_peer_refusals_total\{by="this",reason="twin"\} [1-9]/)
    const note = (await viewOf(twin))?.nodes.find(({ name }) => name === twin.name)?.note
    expect(note).toContain(`two nodes are called ${original.name}`)
  })

  it('are found by three nodes that start one after the other', async () => {
    const plans = [1, 2, 3].map(async (n) => ({ name: `lb${n}`, peerPort: await freePort() }))
    const nodes = await Promise.all(plans)
    const config = await sharedConfig()
    const started: TestNode[] = []
    for (const plan of nodes) {
      started.push(await startNode(plan, peersOf(nodes), { config }))
      // Alone or with another it serves what its file says.
      expect((await httpClient(started.at(-1)?.webPort ?? 0)('/')).body.toString()).toBe('s1')
    }
    await agreeOn(started)
  })
})

describe('sluice cluster recover', () => {
  it('makes a cluster of one of a stopped node, which the others join anew', async () => {
    const cluster = await startCluster({ config: await sharedConfig() })
    const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode]
    expect((await sluiceOn(one, 'server', 'set', 'app/s1', '--weight', '77')).code).toBe(0)
    await agreeOn(cluster.nodes)
    for (const node of [two, three]) await node.daemon.kill()
    const recover = (...args: readonly string[]): Promise<Finished> =>
      runProgram(NODE, [SLUICE, 'cluster', 'recover', '-f', one.daemon.file, ...args], {
        env: { ...process.env, ...one.env },
      })
    const running = await recover('--force')
    expect(running.code).toBe(1)
    expect(running.stderr).toContain('data-dir-unusable')
    await one.daemon.stop()
    expect((await recover()).code).toBe(2)
    expect(await recover('--force')).toMatchObject({ code: 0, stderr: '' })
    await one.start()
    expect((await cluster.leader([one])).name).toBe('lb1')
    const list = JSON.parse((await sluiceOn(one, 'server', 'list', '--json')).stdout)
    expect(list).toMatchObject({ servers: [{ weight: 77 }] })
    // With what it had, a lost node is of another cluster.
    await expect(two.start()).resolves.toBeUndefined()
    await untilRole(two, 'lb2', 'outsider')
    await two.daemon.stop()
    rmSync(two.dataDir, { recursive: true })
    const address = `127.0.0.1:${two.peerPort}`
    expect((await sluiceOn(one, 'cluster', 'add', 'lb2', address)).code).toBe(0)
    await two.start()
    await untilRole(one, 'lb2', 'follower')
    await agreeOn([one, two])
  })
})
