import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { type Child, startPinned } from './children.ts'
import { freePorts } from './host.ts'

const SLUICE = fileURLToPath(new URL('../bin/sluice', import.meta.url))
const LOOP_DELAYS = new URL('loop-delays.js', import.meta.url).href
const READY_TIMEOUT_MS = 20_000
const POLL_MS = 20

/** The same where the time is measured. */
export const FINE_POLL_MS = 2

/** Writes in flight that a client can have: connections to one node. */
const CONNECTIONS_MAX = 64

/** One node of a system. */
export interface SystemNode {
  readonly name: string
  /** `http://HOST:PORT` that writes go to. */
  readonly url: string
  /** Where its frontend listens; only of Sluice. */
  readonly frontend: string
  child: Child
}

/** Three nodes that agree: Sluice or etcd. */
export interface System {
  readonly name: string
  readonly nodes: readonly SystemNode[]
  /** Has a change agreed on through a node. @returns whether that was acknowledged in time */
  readonly write: (node: SystemNode, value: number, timeoutMs: number) => Promise<boolean>
  /** The node that leads, once there is one. */
  readonly leader: () => Promise<SystemNode>
  readonly start: (node: SystemNode) => void
  readonly stop: () => Promise<void>
}

const agent = new Agent({ connections: CONNECTIONS_MAX, pipelining: 1 })

/** Of the admin addresses of Sluice's nodes. */
const TOKEN = 'bench'

/** Asks over HTTP, in JSON. Null: no answer in time, or none of success. */
export async function ask(
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  body: unknown,
  timeoutMs: number,
): Promise<unknown> {
  try {
    const response = await request(url, {
      method,
      dispatcher: agent,
      headersTimeout: timeoutMs,
      headers: {
        // Sluice asks for it, etcd passes it over.
        authorization: `Bearer ${TOKEN}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer = await response.body.json()
    return response.statusCode < 300 ? answer : null
  } catch {
    // Refused, cut, or too late: all the same to a client.
    return null
  }
}

/** Polls until something is there. */
export async function untilThere<T>(
  what: string,
  probe: () => Promise<T | null>,
  pollMs = POLL_MS,
): Promise<T> {
  const giveUpMs = performance.now() + READY_TIMEOUT_MS
  while (performance.now() < giveUpMs) {
    const found = await probe()
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  throw new Error(`waited ${READY_TIMEOUT_MS} ms for ${what}`)
}

/** The value under a name, of an answer that is taken to be an object. */
function member(answer: unknown, name: string): unknown {
  return typeof answer === 'object' && answer !== null
    ? (answer as Readonly<Record<string, unknown>>)[name]
    : undefined
}

/** Starts three etcd nodes. */
export async function startEtcd(
  folder: string,
  cores: readonly number[],
  times: { readonly heartbeatMs: number; readonly electionMs: number },
): Promise<System> {
  const ports = await freePorts(6)
  const names = ['e1', 'e2', 'e3']
  const peer = (n: number): string => `http://127.0.0.1:${ports[3 + n]}`
  const initial = names.map((name, n) => `${name}=${peer(n)}`).join(',')
  const start = (name: string): Child => {
    const n = names.indexOf(name)
    const client = `http://127.0.0.1:${ports[n]}`
    const flags = {
      'name': name,
      'data-dir': join(folder, name),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer(n),
      'initial-advertise-peer-urls': peer(n),
      'initial-cluster': initial,
      'heartbeat-interval': times.heartbeatMs,
      'election-timeout': times.electionMs,
      'log-level': 'error',
    }
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    return startPinned(name, cores, 'etcd', args)
  }
  const nodes = names.map((name, n): SystemNode => {
    return { name, url: `http://127.0.0.1:${ports[n]}`, frontend: '', child: start(name) }
  })
  const key = Buffer.from('app/app1').toString('base64')
  const leader = (): Promise<SystemNode> =>
    untilThere('a leader of etcd', async () => {
      for (const node of nodes) {
        if (node.child.ended()) continue
        const status = await ask('POST', `${node.url}/v3/maintenance/status`, {}, 1000)
        const id = member(member(status, 'header'), 'member_id')
        if (id !== undefined && id === member(status, 'leader')) return node
      }
      return null
    })
  await leader()
  return {
    name: 'etcd',
    nodes,
    leader,
    write: async ({ url }, value, timeoutMs) => {
      const put = { key, value: Buffer.from(`weight ${value}`).toString('base64') }
      return (await ask('POST', `${url}/v3/kv/put`, put, timeoutMs)) !== null
    },
    start: (node) => {
      node.child = start(node.name)
    },
    stop: async () => void (await Promise.all(nodes.map(({ child }) => child.stop()))),
  }
}

/**
 * Starts three nodes of Sluice in front of an origin.
 *
 * @param originPort where their one server is
 * @param delays the folder in which `loop-delays.ts` notes how long threads are held; null: it does not
 */
export async function startSluice(
  folder: string,
  cores: readonly number[],
  originPort: number,
  delays: string | null = null,
): Promise<System> {
  const ports = await freePorts(9)
  const names = ['lb1', 'lb2', 'lb3']
  const peers = names.map((name, n) => `${name}: 127.0.0.1:${ports[6 + n]}`).join(', ')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'token'), TOKEN, { mode: 0o600 })
  const start = (name: string): Child => {
    const n = names.indexOf(name)
    const file = join(folder, `${name}.yaml`)
    writeFileSync(file, sluiceConfig(folder, name, ports, peers, originPort))
    // The frontend's port differs from node to node, and the text must not.
    const env = [`WEB_PORT=${ports[3 + n]}`]
    const measured = delays === null ? [] : ['--import', LOOP_DELAYS]
    if (delays !== null) env.push(`SLUICE_BENCH_DELAYS=${delays}`)
    const command = [process.execPath, ...measured, SLUICE, 'run', '-f', file]
    return startPinned(name, cores, 'env', [...env, ...command])
  }
  const nodes = names.map((name, n): SystemNode => {
    const [url, frontend] = [ports[n], ports[3 + n]].map((port) => `http://127.0.0.1:${port}`)
    return { name, url: url ?? '', frontend: frontend ?? '', child: start(name) }
  })
  const leader = (): Promise<SystemNode> =>
    untilThere('a leader of Sluice', async () => {
      for (const node of nodes) {
        if (node.child.ended()) continue
        const status = await ask('GET', `${node.url}/api/v1/cluster`, undefined, 1000)
        const isFounded = Number(member(status, 'configVersion')) > 0
        if (isFounded && member(status, 'leader') === node.name) return node
      }
      return null
    })
  await leader()
  return {
    name: 'sluice',
    nodes,
    leader,
    write: async ({ url }, value, timeoutMs) => {
      const change = { weight: value % 256 }
      const answer = await ask('PATCH', `${url}/api/v1/servers/app/app1`, change, timeoutMs)
      return answer !== null
    },
    start: (node) => {
      node.child = start(node.name)
    },
    stop: async () => void (await Promise.all(nodes.map(({ child }) => child.stop()))),
  }
}

function sluiceConfig(
  folder: string,
  name: string,
  ports: readonly number[],
  peers: string,
  originPort: number,
): string {
  const n = Number(name.slice(2)) - 1
  return `
global: {nbthread: 1, log: {level: warn, access: "off"}}
admin: {bind: "127.0.0.1:${ports[n]}", socket: "off", token-file: "${folder}/token", env: WEB_PORT}
cluster:
  node: ${name}
  data-dir: ${folder}/${name}
  peers: {${peers}}
defaults: {mode: http}
frontends:
  web: {bind: "127.0.0.1:\${WEB_PORT}", default_backend: app}
backends:
  app:
    servers: {app1: "127.0.0.1:${originPort}"}
`
}
