// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import { rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ClusterNode } from '../../../../src/cluster/cluster-node.ts'
import type { ConfigVersion, PoolEntry } from '../../../../src/cluster/state-machine/state.ts'
import { type Lookup, NameResolution } from '../../../../src/discovery/name-resolution.ts'
import { SERVER_STATE } from '../../../../src/memory/server-table.ts'
import { AccessLogOutput } from '../../../../src/supervisor/access-log-output.ts'
import { Balancer } from '../../../../src/supervisor/balancer.ts'
import { AgreedTexts } from '../../../../src/supervisor/cluster/agreed-texts.ts'
import { startClusterNode } from '../../../../src/supervisor/cluster/cluster-engine.ts'
import { type ActiveConfig, NodeHost } from '../../../../src/supervisor/cluster/cluster-host.ts'
import { readConfigText, readHere } from '../../../../src/supervisor/preparation/config-file.ts'
import { ShortageLog } from '../../../../src/supervisor/shortage-log.ts'
import { EarlyThreads } from '../../../../src/supervisor/threads/early-threads.ts'
import { WorkerThread } from '../../../../src/supervisor/threads/worker-thread.ts'
import { httpClient } from '../../../e2e/support/http-client.ts'
import { type HttpServer, startHttpServer } from '../../../e2e/support/http-server.ts'
import { freePort } from '../../../e2e/support/ports.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { sourcesIn, stripSources } from '../../../fixtures/stripped-sources.ts'
import { someTicketKeys } from '../../../fixtures/ticket-keys.ts'
import { type RecordedLine, recordedLog } from '../recorded-log.ts'

/** What its worker threads run. */
const sources = stripSources('supervisor', sourcesIn('src'))
const workerEntry = pathToFileURL(join(sources, 'src/worker/entry.js'))

const WAIT = { timeout: 20_000, interval: 10 }

/** A balancer that serves, and the host that changes it. */
interface Lab {
  readonly balancer: Balancer
  readonly host: NodeHost
  readonly lines: RecordedLine[]
  readonly remembered: ActiveConfig[]
  /** Names of the servers that answer so many requests. */
  ask(times: number): Promise<string[]>
}

interface Text {
  /** Where clients come. */
  readonly port: number
  /** By name, as a config has them. */
  readonly servers: Readonly<Record<string, unknown>>
  readonly nbthread?: number
  readonly frontends?: Readonly<Record<string, unknown>>
  readonly errorfile?: Readonly<Record<string, string>>
  /** Folders whose files a text may name that is not the node's own. */
  readonly files?: readonly string[]
}

function textOf({ port, servers, nbthread = 1, frontends = {}, errorfile, files }: Text): string {
  return JSON.stringify({
    global: { nbthread, maxconn: 100, log: { access: 'off' } },
    ...(files && { admin: { files } }),
    defaults: { mode: 'http', ...(errorfile && { errorfile }) },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' }, ...frontends },
    backends: { app: { servers } },
  })
}

function versionOf(version: number, text: string): ConfigVersion {
  const more = { author: '', timeMs: 0, comment: '', cause: 'apply', result: 'active' } as const
  return { version, text, ...more }
}

function entryOf(server: string, more: Partial<PoolEntry>): PoolEntry {
  return {
    backend: 'app',
    server,
    isAdded: false,
    address: null,
    state: null,
    weight: null,
    ...more,
  }
}

/** Where the node's own file would be. */
const OWN_FILE = '/etc/sluice/sluice.yaml'

async function startLab(
  text: Text,
  env: Record<string, string> = {},
  lookup: Lookup = () => Promise.reject(new Error('no names here')),
): Promise<Lab> {
  const written = textOf(text)
  const surroundings = { env, cores: 1 }
  const { config, report } = readConfigText(written, 'config', surroundings)
  if (config === null) throw new Error(report)
  const lines: RecordedLine[] = []
  const remembered: ActiveConfig[] = []
  const log = recordedLog(lines)
  const balancer = await Balancer.start({
    config,
    log,
    accessLog: new AccessLogOutput({ to: 'off' }, log),
    shortages: new ShortageLog(log, () => performance.now()),
    clock: () => performance.now(),
    ticketKeys: someTicketKeys(),
    threads: new EarlyThreads(workerEntry),
    names: new NameResolution({ lookup, log }),
    onVerdict: () => {},
    onFatal: (error) => {
      throw error
    },
  })
  const host = new NodeHost({
    balancer,
    running: { text: written, config, pool: [], version: 0 },
    own: { name: OWN_FILE, text: written, config, report },
    surroundings,
    texts: new AgreedTexts(readHere(surroundings)),
    remember: (active) => remembered.push(active),
    serve: (stream) => stream.destroy(),
    change: async (change) => change,
    log,
  })
  onTestFinished(async () => {
    await host.stop()
    await balancer.stop()
  })
  await balancer.ready()
  const client = httpClient(text.port)
  const ask = async (times: number): Promise<string[]> => {
    const answers: string[] = []
    for (let n = 0; n < times; n++) answers.push((await client('/')).body.toString())
    return answers.sort()
  }
  return { balancer, host, lines, remembered, ask }
}

function startServers(...names: readonly string[]): Promise<HttpServer[]> {
  return Promise.all(names.map((name) => startHttpServer({ name })))
}

/** Whether somebody listens there. */
function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

/** Whether an address can be bound. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const bound = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  await new Promise((resolve) => server.close(resolve))
  return bound
}

/** What the workers are told where servers of the backend change. */
function changeOf(serial: number, changes: object): object {
  const backends = [{ backend: 'app', removed: [], placed: [], ...changes }]
  return { kind: 'change-servers', change: { serial, backends } }
}

const rowOf = ({ balancer }: Lab, name: string): number => {
  const server = balancer.plan.backends[0]?.servers.find((candidate) => candidate.name === name)
  return server?.row ?? -1
}

describe('the check of a text', () => {
  it('tells servers, backends and warnings, and compares what is agreed on', async () => {
    const port = await freePort()
    const { host } = await startLab({ port, servers: { a: '127.0.0.1:9001' } })
    const text = textOf({ port, servers: { a: '127.0.0.1:9001', b: '127.0.0.1:9002' } })
    const checked = await host.validate(text)
    expect(checked).toMatchObject({
      servers: ['app/a', 'app/b'],
      backends: [{ name: 'app', healthAgreement: 'majority', watchers: null }],
      warnings: '',
    })
    const own = text.replace('"maxconn":100', '"maxconn":200')
    const digest = await checked.digest()
    const digestOf = async (other: string) => (await host.validate(other)).digest()
    expect(await digestOf(own)).toBe(digest)
    expect(await digestOf(`# words\n${text}`)).toBe(digest)
    expect(await digestOf(text.replace('9002', '9003'))).not.toBe(digest)
    const backends = { app: { 'health-agreement': 'any', 'check-sharding': 2, 'servers': {} } }
    const empty = JSON.stringify({ ...(JSON.parse(text) as object), backends })
    expect(await host.validate(empty)).toMatchObject({
      backends: [{ name: 'app', healthAgreement: 'any', watchers: 2 }],
      warnings: expect.stringContaining('warning'),
    })
  })

  it('refuses what is not valid with its report', async () => {
    const { host } = await startLab({ port: await freePort(), servers: {} })
    const refused = expect.objectContaining({
      code: 'config-invalid',
      message: expect.stringContaining('config:1:1: error: unknown key "fronts"'),
    })
    await expect(host.validate('fronts: {}')).rejects.toEqual(refused)
    await expect(host.prepare('fronts: {}', 1_000)).rejects.toMatchObject({
      code: 'config-invalid',
    })
  })
})

describe('an activation', () => {
  it('brings in another text, and what is set of its servers', async () => {
    const servers = await startServers('a', 'b', 'c')
    const [a, b, c] = servers.map(({ address }) => address)
    const port = await freePort()
    const lab = await startLab({ port, servers: { a, b } })
    expect(await lab.ask(4)).toEqual(['a', 'a', 'b', 'b'])
    const version = versionOf(4, textOf({ port, servers: { b, c } }))
    const pool = [entryOf('b', { state: 'drain' })]
    await lab.host.activate(version, pool)
    expect(await lab.ask(4)).toEqual(['c', 'c', 'c', 'c'])
    expect(lab.host.running).toMatchObject({ version: 4, text: version.text, pool })
    expect(lab.remembered).toEqual([{ version, pool, addresses: [] }])
    const told = lab.lines.filter(({ event }) => event === 'config-reloaded')
    expect(told).toMatchObject([{ fields: { version: 4, serial: 2 } }])
  })

  it('adds, moves and removes servers under the same text', async () => {
    const [a, b] = (await startServers('a', 'b')) as [HttpServer, HttpServer]
    const port = await freePort()
    const lab = await startLab({ port, servers: { s: a.address } })
    const version = versionOf(1, lab.host.running.text)
    await lab.host.activate(version, [entryOf('x', { isAdded: true, address: b.address })])
    expect(await lab.ask(4)).toEqual(['a', 'a', 'b', 'b'])
    await lab.host.activate(version, [entryOf('s', { address: b.address })])
    expect(await lab.ask(2)).toEqual(['b', 'b'])
    await lab.host.activate(version, [])
    expect(await lab.ask(2)).toEqual(['a', 'a'])
    expect(lab.lines.map(({ event }) => event)).not.toContain('config-reloaded')
    expect(lab.remembered).toHaveLength(3)
  })

  it('tells the workers of the servers alone that change, while their requests go on', async () => {
    const held: (() => void)[] = []
    const slow = await startHttpServer({
      answer: (_, response) => void held.push(() => response.end('at last')),
    })
    const [b] = (await startServers('b')) as [HttpServer]
    const port = await freePort()
    let host = '127.0.0.1'
    const servers = { named: `app.test:${slow.port}`, plain: slow.address }
    const lab = await startLab({ port, servers }, {}, () => Promise.resolve([host]))
    const client = httpClient(port, 2)
    const asked = [client('/'), client('/')]
    await vi.waitUntil(() => held.length === 2, WAIT)
    const tell = vi.spyOn(WorkerThread.prototype, 'tell')
    onTestFinished(() => tell.mockRestore())
    const version = versionOf(1, lab.host.running.text)
    const added = entryOf('x', { isAdded: true, address: b.address })
    const moved = entryOf('plain', { address: b.address })
    await lab.host.activate(version, [added])
    await lab.host.activate(version, [added, moved])
    host = '127.0.0.9'
    await lab.balancer.names.lookUp(['app.test'])
    await vi.waitUntil(() => lab.balancer.plan.serial === 4, WAIT)
    await lab.host.activate(version, [moved])
    const told = tell.mock.calls.map(([message]) => message)
    const [named, plain] = [rowOf(lab, 'named'), rowOf(lab, 'plain')]
    expect(told).toMatchObject([
      changeOf(2, { placed: [{ place: 2, server: { name: 'x' } }] }),
      changeOf(3, { placed: [{ place: 1, server: { row: plain, address: { port: b.port } } }] }),
      changeOf(4, { placed: [{ place: 0, server: { row: named, address: { host } } }] }),
      changeOf(5, { removed: [expect.any(Number)] }),
    ])
    for (const answer of held) answer()
    const answers = await Promise.all(asked)
    expect(answers.map(({ body }) => body.toString())).toEqual(['at last', 'at last'])
    await lab.host.activate(version, [moved, entryOf('named', { address: b.address })])
    expect(await lab.ask(2)).toEqual(['b', 'b'])
  })

  it('tells the workers of the servers alone where another text differs in these', async () => {
    const [one, two] = await startServers('one', 'two')
    const port = await freePort()
    const servers = { a: one?.address, b: two?.address }
    const lab = await startLab({ port, servers })
    const tell = vi.spyOn(WorkerThread.prototype, 'tell')
    const apply = vi.spyOn(WorkerThread.prototype, 'apply')
    onTestFinished(() => void [tell, apply].map((spy) => spy.mockRestore()))
    const activate = async (version: number, text: string): Promise<void> => {
      await lab.host.prepare(text, 10_000)
      await lab.host.activate(versionOf(version, text), [])
    }
    const other = { ...servers, b: { address: two?.address, weight: 3 } }
    await activate(1, textOf({ port, servers: other }))
    const placed = [{ place: 1, server: expect.objectContaining({ name: 'b', weight: 3 }) }]
    expect(tell.mock.lastCall?.[0]).toMatchObject(changeOf(2, { placed }))
    expect(apply).not.toHaveBeenCalled()
    expect(await lab.ask(4)).toEqual(['one', 'two', 'two', 'two'])
    expect(lab.host.running.version).toBe(1)
    // What is more than servers, and what was not prepared, is another plan.
    const retrying = textOf({ port, servers }).replace('"mode":"http"', '"mode":"http","retries":1')
    await activate(2, retrying)
    expect(apply).toHaveBeenCalledTimes(1)
    const unprepared = textOf({ port, servers: { a: one?.address } })
    await lab.host.activate(versionOf(3, unprepared), [])
    expect(apply).toHaveBeenCalledTimes(2)
    expect(await lab.ask(2)).toEqual(['one', 'one'])
  })

  it('of states and weights alone needs no other plan', async () => {
    const lab = await startLab({ port: await freePort(), servers: { a: '127.0.0.1:9001' } })
    const version = versionOf(1, lab.host.running.text)
    await lab.host.activate(version, [entryOf('a', { state: 'drain', weight: 7 })])
    const { plan, table } = lab.balancer
    expect(plan.serial).toBe(1)
    const row = rowOf(lab, 'a')
    expect([table.state(row), table.weight(row)]).toEqual([SERVER_STATE.drain, 7])
  })

  it('that fails leaves everything as it was', async () => {
    const [a, b] = (await startServers('a', 'b')) as [HttpServer, HttpServer]
    const port = await freePort()
    const lab = await startLab({ port, servers: { s: a.address } })
    const before = lab.host.running
    const frontends = { more: { bind: b.address, default_backend: 'app' } }
    const text = textOf({ port, servers: { s: b.address }, frontends })
    const activated = lab.host.activate(versionOf(1, text), [entryOf('s', { state: 'maint' })])
    await expect(activated).rejects.toMatchObject({ code: 'address-in-use' })
    expect(lab.host.running).toBe(before)
    expect(lab.remembered).toEqual([])
    expect(lab.balancer.table.state(rowOf(lab, 's'))).toBe(SERVER_STATE.up)
    expect(await lab.ask(2)).toEqual(['a', 'a'])
  })

  it('waits for the one before', async () => {
    const lab = await startLab({ port: await freePort(), servers: { a: '127.0.0.1:9001' } })
    const { text } = lab.host.running
    const places = ['127.0.0.1:9002', '127.0.0.1:9003', '127.0.0.1:9004']
    await Promise.all(
      places.map((address, n) =>
        lab.host.activate(versionOf(n + 1, text), [entryOf('a', { address })]),
      ),
    )
    expect(lab.remembered.map(({ version }) => version.version)).toEqual([1, 2, 3])
    expect(lab.balancer.plan.backends[0]?.servers[0]?.address).toMatchObject({ port: 9004 })
  })

  it('keeps the sections of the node, whatever the text says there', async () => {
    const port = await freePort()
    const lab = await startLab({ port, servers: {} })
    const text = textOf({ port, servers: {}, nbthread: 3 })
    await lab.host.activate(versionOf(1, text), [])
    expect(lab.host.running.config.global.nbthread).toBe(1)
  })
})

describe('a preparation', () => {
  it('binds what is new, and keeps it for the activation', async () => {
    const [port, more] = [await freePort(), await freePort()]
    const lab = await startLab({ port, servers: {} })
    const frontends = { more: { bind: `127.0.0.1:${more}`, default_backend: 'app' } }
    const text = textOf({ port, servers: {}, frontends })
    await lab.host.prepare(text, 600_000)
    expect(await isFree(more)).toBe(false)
    expect(lab.balancer.plan.serial).toBe(1)
    await lab.host.activate(versionOf(1, text), [])
    await vi.waitUntil(() => isListening(more), WAIT)
  })

  it('holds what it has read, for the activation and for what changes after it', async () => {
    const [server] = (await startServers('a')) as [HttpServer]
    const folder = temporaryFolder()
    const port = await freePort()
    const lab = await startLab({ port, servers: {}, files: [folder] })
    const path = join(folder, '503.http')
    writeFileSync(path, 'HTTP/1.1 503 Sorry\r\n\r\nread before')
    const text = textOf({ port, servers: {}, errorfile: { 503: path } })
    await lab.host.prepare(text, 600_000)
    rmSync(path)
    await lab.host.activate(versionOf(1, text), [])
    expect(await lab.ask(1)).toEqual(['read before'])
    const added = [entryOf('a', { isAdded: true, address: server.address })]
    await lab.host.activate(versionOf(1, text), added)
    expect(await lab.ask(1)).toEqual(['a'])
    await expect(lab.host.refresh()).rejects.toMatchObject({ code: 'error-answer-unreadable' })
  })

  it('that was given up holds nothing', async () => {
    const folder = temporaryFolder()
    const port = await freePort()
    const lab = await startLab({ port, servers: {}, files: [folder] })
    const path = join(folder, '503.http')
    writeFileSync(path, 'HTTP/1.1 503 Sorry\r\n\r\nread before')
    const text = textOf({ port, servers: {}, errorfile: { 503: path } })
    await lab.host.prepare(text, 600_000)
    await lab.host.prepare(textOf({ port, servers: {} }), 600_000)
    rmSync(path)
    const activated = lab.host.activate(versionOf(1, text), [])
    await expect(activated).rejects.toMatchObject({ code: 'error-answer-unreadable' })
  })

  it('holds the addresses of host names, whatever runs meanwhile', async () => {
    const [server] = (await startServers('a')) as [HttpServer]
    let isKnown = true
    const lookup = async (): Promise<string[]> => {
      if (!isKnown) throw new Error('no names any more')
      return ['127.0.0.1']
    }
    const port = await freePort()
    const lab = await startLab({ port, servers: {} }, {}, lookup)
    const address = server.address.replace('127.0.0.1', 'app.example')
    const text = textOf({ port, servers: { a: { address, 'init-addr': 'libc' } } })
    await lab.host.prepare(text, 600_000)
    isKnown = false
    await lab.host.activate(versionOf(1, lab.host.running.text), [
      entryOf('b', { isAdded: true, address: '127.0.0.1:9' }),
    ])
    await lab.host.activate(versionOf(2, text), [])
    expect(await lab.ask(1)).toEqual(['a'])
  })

  it('says all that is lacking at once, each where it is written', async () => {
    const [taken] = (await startServers('taken')) as [HttpServer]
    const folder = temporaryFolder()
    const port = await freePort()
    const lab = await startLab({ port, servers: {}, files: [folder] })
    const text = `
defaults: {mode: http, errorfile: {503: ${folder}/503.http}}
frontends:
  web: {bind: ["127.0.0.1:${port}", "${taken.address}"], default_backend: app}
backends:
  app: {servers: {a: {address: "app.example:80", init-addr: libc}}}
`
    const refusal: unknown = await lab.host.prepare(text, 1_000).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'config-unusable' })
    const heads = [...String((refusal as Error).message).matchAll(/^config:(\d+:\d+: .*)$/gm)]
    expect(heads.map(([, head]) => head)).toEqual([
      expect.stringMatching(/^2:41: error: the answer to status 503 of frontend web: cannot read/),
      expect.stringMatching(/^4:\d+: error: 127\.0\.0\.1:\d+ is in use/),
      expect.stringMatching(/^6:32: error: the host name app\.example cannot be resolved/),
    ])
  })

  it('is given up when its time is over, and for a later one', async () => {
    const [port, first, second] = [await freePort(), await freePort(), await freePort()]
    const lab = await startLab({ port, servers: {} })
    const textFor = (bound: number): string => {
      const frontends = { more: { bind: `127.0.0.1:${bound}`, default_backend: 'app' } }
      return textOf({ port, servers: {}, frontends })
    }
    await lab.host.prepare(textFor(first), 600_000)
    expect(await isFree(first)).toBe(false)
    await lab.host.prepare(textFor(second), 1)
    expect(await isFree(first)).toBe(true)
    await vi.waitUntil(() => isFree(second), WAIT)
  })

  it('says why it cannot, and changes nothing', async () => {
    const [taken] = (await startServers('taken')) as [HttpServer]
    const port = await freePort()
    const lab = await startLab({ port, servers: {} })
    const frontends = { more: { bind: taken.address, default_backend: 'app' } }
    const prepared = lab.host.prepare(textOf({ port, servers: {}, frontends }), 1_000)
    await expect(prepared).rejects.toMatchObject({ code: 'address-in-use' })
    expect(lab.balancer.plan.serial).toBe(1)
  })
})

describe('what the config says of a server', () => {
  const servers = {
    a: { address: 'localhost:9001', weight: 3 },
    b: { address: '::1:9002', disabled: true },
  }

  it('is told whatever was set of it', async () => {
    const lab = await startLab({ port: await freePort(), servers })
    const version = versionOf(1, lab.host.running.text)
    await lab.host.activate(version, [
      entryOf('a', { address: '127.0.0.1:9', state: 'maint', weight: 7 }),
      entryOf('x', { isAdded: true, address: '127.0.0.1:9' }),
    ])
    const { host } = lab
    expect(host.configured('app', 'a')).toEqual({
      state: 'ready',
      weight: 3,
      address: 'localhost:9001',
    })
    expect(host.configured('app', 'b')).toEqual({
      state: 'maint',
      weight: 1,
      address: '[::1]:9002',
    })
    expect(host.configured('app', 'x')).toBeNull()
    expect(host.configured('api', 'a')).toBeNull()
  })

  /** A single node, as a daemon has it. */
  async function startNode(lab: Lab): Promise<ClusterNode> {
    const { host, lines } = lab
    const { text } = host.running
    const seed = { text, valid: await host.validate(text) }
    const log = recordedLog(lines)
    const node = await startClusterNode(
      { config: null, seed, host, ticketKeys: someTicketKeys(), log },
      null,
    )
    onTestFinished(() => node.stop())
    await vi.waitUntil(() => host.running.version === 1, WAIT)
    return node
  }

  it('rules again once it is set at run time', async () => {
    const port = await freePort()
    const lab = await startLab({ port, servers })
    const node = await startNode(lab)
    const { health, table } = lab.balancer
    await node.setServer('app', 'a', { state: 'maint', weight: 7, address: '127.0.0.1:9' }, 'me')
    expect(health.life('app/a')?.setAtRunTime).toEqual(['state', 'weight', 'address'])
    await node.setServer('app', 'a', { state: 'ready', weight: 3, address: 'localhost:9001' }, 'me')
    expect(health.life('app/a')).toMatchObject({ setAtRunTime: [], admin: 'ready', weight: 3 })
    expect(node.state().pool).toEqual([])
    const a = { ...servers.a, weight: 8, disabled: true }
    const text = textOf({ port, servers: { ...servers, a } })
    await node.applyConfig({ text, ifVersion: null, comment: '', author: '', confirmMs: null })
    const row = rowOf(lab, 'a')
    expect([table.state(row), table.weight(row)]).toEqual([SERVER_STATE.maint, 8])
  })

  it('may be overruled where it says disabled', async () => {
    const lab = await startLab({ port: await freePort(), servers })
    const node = await startNode(lab)
    await node.setServer('app', 'b', { state: 'ready' }, 'me')
    expect(lab.balancer.health.life('app/b')).toMatchObject({
      admin: 'ready',
      setAtRunTime: ['state'],
    })
    await node.setServer('app', 'b', { state: 'maint' }, 'me')
    expect(lab.balancer.health.life('app/b')).toMatchObject({ admin: 'maint', setAtRunTime: [] })
  })
})

describe('a refreshed host', () => {
  it('reads the same text anew, with the sections of the node as they are now', async () => {
    const [a, b] = (await startServers('a', 'b')) as [HttpServer, HttpServer]
    const port = await freePort()
    const env = { SERVER: a.address }
    const lab = await startLab({ port, servers: { s: '${SERVER}' } }, env)
    await lab.host.activate(versionOf(3, lab.host.running.text), [entryOf('s', { weight: 9 })])
    expect(await lab.ask(1)).toEqual(['a'])
    env.SERVER = b.address
    const { own } = lab.host
    const { config } = readConfigText(own.text, 'config', { env, cores: 1 })
    if (config === null) throw new Error('the config of the test is wrong')
    lab.host.own = { ...own, config: { ...config, global: { ...config.global, maxconn: 50 } } }
    await lab.host.refresh()
    expect(await lab.ask(1)).toEqual(['b'])
    expect(lab.host.running).toMatchObject({ version: 3, config: { global: { maxconn: 50 } } })
    expect(lab.balancer.health.life('app/s')?.weight).toBe(9)
    expect(lab.lines.at(-1)).toMatchObject({ event: 'config-reloaded', fields: { serial: 2 } })
  })
})

describe('host names', () => {
  it('that are found later bring their servers in, and are kept for the next start', async () => {
    const [server] = (await startServers('one')) as [HttpServer]
    const port = await freePort()
    const servers = { one: `app.example:${server.port}` }
    let isKnown = false
    const lookup = async (): Promise<string[]> => {
      if (!isKnown) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' })
      return ['127.0.0.1']
    }
    const lab = await startLab({ port, servers }, {}, lookup)
    const version = versionOf(1, textOf({ port, servers }))
    await lab.host.activate(version, [])
    expect(lab.remembered).toEqual([{ version, pool: [], addresses: [] }])
    expect(lab.balancer.health.life('app/one')).toMatchObject({ cause: 'resolution' })
    isKnown = true
    await vi.waitUntil(() => lab.remembered.length === 2, WAIT)
    expect(lab.remembered[1]?.addresses).toEqual([['app.example', '127.0.0.1']])
    expect(await lab.ask(1)).toEqual(['one'])
    // The text is as it was: nothing was activated, and no later activation is the same again.
    expect(lab.host.running.version).toBe(1)
  })
})

describe('a text that is not the file of the node', () => {
  const of = (port: number, rest: string): string =>
    `frontends: {web: {mode: http, bind: "127.0.0.1:${port}", default_backend: app}}\n${rest}\n`

  it('reads no file outside of the folders that the node allows', async () => {
    const port = await freePort()
    const lab = await startLab({ port, servers: {} })
    const backends = 'backends: {app: {mode: http, servers: {s: "unix@/run/engine.sock"}}}'
    const texts = [
      ['errorfile 503 of frontend web', 'defaults: {errorfile: {503: /etc/shadow}}'],
      ['errorfile 503 of', 'defaults: {errorfile: {503: /etc/sluice/../shadow}}'],
      ['http-error 503 of', 'defaults: {http-error: [status 503 content-type a file /etc/shadow]}'],
      ['address of server app/s', backends],
    ] as const
    for (const [key, rest] of texts) {
      const text = of(
        port,
        rest.includes('backends') ? rest : `${rest}\nbackends: {app: {mode: http}}`,
      )
      for (const attempt of [
        () => lab.host.validate(text),
        () => lab.host.prepare(text, 1000),
        () => lab.host.activate(versionOf(7, text), []),
      ]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'file-not-allowed',
          message: expect.stringContaining(key),
        })
      }
    }
    expect(lab.host.running.version).toBe(0)
  })

  it('reads no variable that the node does not allow, and says nothing of it', async () => {
    const port = await freePort()
    const secret = 'hunter2'
    const env = { DB_PASSWORD: secret, SLUICE_PORT: String(port) }
    const lab = await startLab({ port, servers: {} }, env)
    const leaks = ['${DB_PASSWORD}', '${UNSET}', '${DB_PASSWORD-none}']
    for (const leak of leaks) {
      const text = of(port, `defaults: {maxconn: "${leak}"}\nbackends: {app: {mode: http}}`)
      const refused = expect(lab.host.prepare(text, 1000)).rejects
      await refused.toMatchObject({
        code: 'config-invalid',
        message: expect.stringMatching(
          /may not name the variable (DB_PASSWORD|UNSET)[\s\S]*admin\.env/,
        ),
      })
      await expect(lab.host.prepare(text, 1000)).rejects.toMatchObject({
        message: expect.not.stringContaining(secret),
      })
      // The sections of the node's own are passed over, whatever they hold.
      for (const section of ['global: {nbthread', 'admin: {bind', 'cluster: {node']) {
        const own = of(port, `${section}: "${leak}"}\nbackends: {app: {mode: http}}`)
        expect((await lab.host.validate(own)).warnings).not.toContain(secret)
      }
    }
    const allowed = of(port, 'backends: {app: {mode: http, fullconn: "${SLUICE_PORT}"}}')
    expect((await lab.host.validate(allowed)).backends).toHaveLength(1)
  })

  it('may name what the file of the node allows', async () => {
    const port = await freePort()
    const lab = await startLab({ port, servers: {} }, { WEB_NAME: '7' })
    const { own } = lab.host
    const admin = { ...own.config.admin, files: ['/dev/'], env: ['WEB_*'] }
    lab.host.own = { ...own, config: { ...own.config, admin } }
    const rest =
      'backends: {app: {mode: http, fullconn: "${WEB_NAME}", errorfile: {503: /dev/null}}}'
    await lab.host.prepare(of(port, rest), 1000)
    lab.balancer.release()
  })
})
