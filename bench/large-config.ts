import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { ask, type System, type SystemNode, startSluice, untilThere } from './cluster-systems.ts'
import { heldMsOf, type WatchedThread } from './loop-delays.ts'
import { median, quantile } from './statistics.ts'

const BACKENDS = 1_000

const TIMEOUT_MS = 30_000
const WRITE_PAUSE_MS = 20
/** Between two steps, so that each has its own delays. */
const SETTLE_MS = 1_500
const POLL_MS = 10

interface Step {
  readonly name: string
  /** As `Date.now`. */
  readonly beganMs: number
  readonly endedMs: number
}

/** What the writes took that went on meanwhile. */
interface Writes {
  readonly tookMs: number[]
  failed: number
  /** Has them end. */
  readonly stop: () => Promise<void>
}

/** The node's own sections are not in it: a text that comes over the API needs none. */
function textOf(servers: number, originPort: number, weight: number): string {
  const lines = [
    'defaults: {mode: http}',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
    'frontends: {web: {bind: "127.0.0.1:${WEB_PORT}", default_backend: b1}}',
    'backends:',
    `  app: {servers: {app1: "127.0.0.1:${originPort}"}}`,
  ]
  const each = Math.ceil(servers / BACKENDS)
  for (let b = 0; b < BACKENDS; b++) {
    lines.push(`  b${b + 1}:`, '    servers:')
    for (let s = 1; s <= each; s++) {
      const own = b === BACKENDS / 2 && s === 1 ? weight : 1
      lines.push(`      s${s}: {address: "10.${b >> 8}.${b & 255}.${s}:8080", weight: ${own}}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** One client that writes through one node after the other. */
function writeMeanwhile(system: System, path: string): Writes {
  let isStopped = false
  const writes: Writes = {
    tookMs: [],
    failed: 0,
    stop: async () => {
      isStopped = true
      await writing
    },
  }
  const writing = (async () => {
    for (let n = 0; !isStopped; n++) {
      const { url } = system.nodes[n % system.nodes.length] as SystemNode
      const beganMs = performance.now()
      const answer = await ask('PATCH', `${url}${path}`, { weight: n % 200 }, TIMEOUT_MS)
      if (answer === null) writes.failed++
      else writes.tookMs.push(performance.now() - beganMs)
      await after(WRITE_PAUSE_MS)
    }
  })()
  return writes
}

async function applied(system: System, version: number): Promise<void> {
  for (const { name, url } of system.nodes) {
    await untilThere(
      `version ${version} on ${name}`,
      async () => {
        const info = await ask('GET', `${url}/api/v1/info`, undefined, TIMEOUT_MS)
        return Number((info as { configVersion?: number } | null)?.configVersion) >= version || null
      },
      POLL_MS,
    )
  }
}

async function change(system: System, path: string, body: object): Promise<void> {
  const { url } = await system.leader()
  const outcome = await ask('POST', `${url}${path}`, body, TIMEOUT_MS)
  if (outcome === null) throw new Error(`${path} failed`)
  await applied(system, (outcome as { version: number }).version)
}

async function fetched(system: System, path: string): Promise<void> {
  await Promise.all(
    system.nodes.map(async ({ url }) => {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: 'Bearer bench' } })
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
      await answer.arrayBuffer()
    }),
  )
}

/** Work on a config of many servers, in its order. */
function stepsOn(
  system: System,
  servers: number,
  originPort: number,
): [string, () => Promise<void>][] {
  const config = '/api/v1/config'
  return [
    ['apply', () => change(system, config, { text: textOf(servers, originPort, 1) })],
    ['one line', () => change(system, config, { text: textOf(servers, originPort, 2) })],
    ['rollback', () => change(system, `${config}/rollback`, { version: 2 })],
    ['scrape', () => fetched(system, '/metrics')],
    ['statistics', () => fetched(system, '/stats;csv')],
    ['server list', () => fetched(system, '/api/v1/servers')],
    ['state hash', () => fetched(system, '/api/v1/cluster')],
  ]
}

/**
 * Works on a config of many servers on three nodes, beside writes through all of them.
 *
 * @param say is given the lines of the result
 */
export async function measureLargeConfig(
  folder: string,
  cores: readonly number[],
  originPort: number,
  servers: number,
  say: (line: string) => void,
): Promise<void> {
  const delays = join(folder, 'delays')
  mkdirSync(delays, { recursive: true })
  const system = await startSluice(join(folder, 'large'), cores, originPort, delays)
  try {
    const { url } = await system.leader()
    const epochOf = async (): Promise<number> => {
      const status = await ask('GET', `${url}/api/v1/cluster`, undefined, TIMEOUT_MS)
      return (status as { epoch: number }).epoch
    }
    const epoch = await epochOf()
    await after(SETTLE_MS)
    const steps: Step[] = []
    const writes = writeMeanwhile(system, '/api/v1/servers/app/app1')
    for (const [name, work] of stepsOn(system, servers, originPort)) {
      const beganMs = Date.now()
      await work()
      steps.push({ name, beganMs, endedMs: Date.now() })
      await after(SETTLE_MS)
    }
    await writes.stop()
    const { tookMs, failed } = writes
    say(`sluice, ${servers} servers on three nodes, beside writes through all of them:`)
    for (const step of steps) say(`  ${lineOf(step, system, delays)}`)
    const [p50, p99] = [median(tookMs), quantile(tookMs, 0.99)].map((ms) => ms.toFixed(1))
    const elections = (await epochOf()) - epoch
    say(`  ${tookMs.length} writes: p50 ${p50} ms, p99 ${p99} ms; ${failed} failed`)
    say(`  ${elections} elections`)
  } finally {
    await system.stop()
  }
}

function lineOf({ name, beganMs, endedMs }: Step, system: System, delays: string): string {
  const held = (thread: WatchedThread): string => {
    const all = system.nodes.map(({ child }) =>
      heldMsOf(delays, child.pid, thread, beganMs, endedMs),
    )
    return Math.max(...all).toFixed(0)
  }
  const took = `${endedMs - beganMs} ms`
  return `${name}: ${took}; held at most: agreement ${held('agreement')} ms, main ${held('main')} ms`
}
