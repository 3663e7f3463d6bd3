import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  ask,
  FINE_POLL_MS,
  type System,
  type SystemNode,
  startEtcd,
  startSluice,
  untilThere,
} from './cluster-systems.ts'
import { cpuTimeOf, processTree } from './cpu-time.ts'
import { pickCores, requireTools } from './host.ts'
import { measureLargeConfig } from './large-config.ts'
import { startOrigin } from './origin.ts'
import { median, quantile } from './statistics.ts'
import { runWrk } from './wrk.ts'

const USAGE = `Usage: npm run bench:cluster -- [options]
  --rounds N   rounds that the medians are of (default: 5)
  --writes N   writes of one client in a round (default: 600)
  --seconds N  length of a round with 64 writes in flight (default: 5)
  --kills N    leaders that are killed (default: 25)
  --load N     seconds of load on all frontends (default: 60)
  --servers N  servers of a large config (default: 10000)

With 0 rounds, kills, seconds of load or servers that part is left out.
`
const IN_FLIGHT = 64
const WRITE_TIMEOUT_MS = 5_000
/** A client that waits for a dead leader asks the next node after this. */
const FAILOVER_TIMEOUT_MS = 1_000
const APPLIES = 25
const SETTLE_MS = 1_000

interface Figures {
  readonly p50Ms: number[]
  readonly p99Ms: number[]
  readonly perSec: number[]
  readonly cpuUs: number[]
  readonly perSecThroughFollower: number[]
  /** Writes of those in flight that were not acknowledged. */
  readonly failed: number[]
}

let value = 0

/** One client that writes again as soon as the write before is acknowledged. */
async function writeInTurn(system: System, writes: number): Promise<number[]> {
  const leader = await system.leader()
  const latenciesMs: number[] = []
  for (let n = 0; n < writes; n++) {
    const beganMs = performance.now()
    if (!(await system.write(leader, value++, WRITE_TIMEOUT_MS))) throw new Error('a write failed')
    latenciesMs.push(performance.now() - beganMs)
  }
  return latenciesMs
}

interface Rate {
  readonly perSec: number
  readonly cpuUs: number
  readonly failed: number
}

/** {@link IN_FLIGHT} clients at once, all at one node. */
async function writeAtOnce(system: System, node: SystemNode, seconds: number): Promise<Rate> {
  const pids = system.nodes.flatMap(({ child }) => processTree(child.pid))
  const before = cpuTimeOf(pids)
  const beganMs = performance.now()
  const endMs = beganMs + seconds * 1000
  let writes = 0
  let failed = 0
  const client = async (): Promise<void> => {
    while (performance.now() < endMs) {
      if (await system.write(node, value++, WRITE_TIMEOUT_MS)) writes++
      else failed++
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, client))
  const elapsedMs = performance.now() - beganMs
  const spent = cpuTimeOf(pids)
  const usedUs = spent.userUs + spent.systemUs - before.userUs - before.systemUs
  return { perSec: (writes * 1000) / elapsedMs, cpuUs: usedUs / writes, failed }
}

/** From the death of the leader to the next acknowledged write, in milliseconds. */
async function failover(system: System): Promise<number> {
  const leader = await system.leader()
  const others = system.nodes.filter((node) => node !== leader)
  process.kill(leader.child.pid, 'SIGKILL')
  const killedMs = performance.now()
  for (let n = 0; ; n++) {
    const node = others[n % others.length] as SystemNode
    if (await system.write(node, value++, FAILOVER_TIMEOUT_MS)) break
    await after(5)
  }
  const tookMs = performance.now() - killedMs
  await leader.child.stop()
  system.start(leader)
  await untilThere(`${leader.name} to be back`, async () => {
    return (await system.write(leader, value++, FAILOVER_TIMEOUT_MS)) ? true : null
  })
  await after(SETTLE_MS)
  return tookMs
}

/** From `config apply` to the new version on all nodes, in milliseconds. */
async function apply(system: System, n: number): Promise<number> {
  const leader = await system.leader()
  const url = `${leader.url}/api/v1/config`
  const { text } = (await ask('GET', url, undefined, WRITE_TIMEOUT_MS)) as { text: string }
  const changed = `${text.replace(/^# apply.*\n/, '')}`
  const beganMs = performance.now()
  const body = { text: `# apply ${n}\n${changed}` }
  const outcome = (await ask('POST', url, body, WRITE_TIMEOUT_MS)) as { version: number } | null
  if (outcome === null) throw new Error('an apply failed')
  await Promise.all(
    system.nodes.map((node) =>
      untilThere(
        `version ${outcome.version} on ${node.name}`,
        async () => {
          const info = await ask('GET', `${node.url}/api/v1/info`, undefined, WRITE_TIMEOUT_MS)
          const { configVersion } = info as { readonly configVersion: number }
          return configVersion >= outcome.version ? true : null
        },
        FINE_POLL_MS,
      ),
    ),
  )
  return performance.now() - beganMs
}

async function epochOf(system: System): Promise<number> {
  const { url } = await system.leader()
  const status = await ask('GET', `${url}/api/v1/cluster`, undefined, WRITE_TIMEOUT_MS)
  return (status as { epoch: number }).epoch
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function compareWrites(
  systems: readonly System[],
  rounds: number,
  writes: number,
  seconds: number,
): Promise<void> {
  const figures = new Map(
    systems.map((system): [System, Figures] => [
      system,
      { p50Ms: [], p99Ms: [], perSec: [], cpuUs: [], perSecThroughFollower: [], failed: [] },
    ]),
  )
  for (const system of systems) await writeInTurn(system, writes)
  for (let round = 0; round < rounds; round++) {
    for (const [system, of] of figures) {
      const { p50Ms, p99Ms, perSec, cpuUs, perSecThroughFollower, failed } = of
      const latenciesMs = await writeInTurn(system, writes)
      p50Ms.push(median(latenciesMs))
      p99Ms.push(quantile(latenciesMs, 0.99))
      const leader = await system.leader()
      const follower = system.nodes.find((node) => node !== leader) as SystemNode
      const many = await writeAtOnce(system, leader, seconds)
      perSec.push(many.perSec)
      cpuUs.push(many.cpuUs)
      const through = await writeAtOnce(system, follower, seconds)
      perSecThroughFollower.push(through.perSec)
      failed.push(many.failed + through.failed)
    }
  }
  for (const [{ name }, of] of figures) {
    const { p50Ms, p99Ms, perSec, cpuUs, perSecThroughFollower, failed } = of
    say(
      `${name}: one client: p50 ${median(p50Ms).toFixed(2)} ms, p99 ${median(p99Ms).toFixed(2)} ms;`,
    )
    say(
      `  ${IN_FLIGHT} in flight: ${median(perSec).toFixed(0)} writes/s, ${median(cpuUs).toFixed(0)} us of CPU time a write over all nodes`,
    )
    const failures = failed.reduce((sum, count) => sum + count, 0)
    say(
      `  ${IN_FLIGHT} in flight through a follower: ${median(perSecThroughFollower).toFixed(0)} writes/s; ${failures} of all writes in flight failed`,
    )
  }
}

async function killLeaders(systems: readonly System[], kills: number): Promise<void> {
  for (const system of systems) {
    const tookMs: number[] = []
    for (let n = 0; n < kills; n++) tookMs.push(await failover(system))
    const [p50, p99] = [median(tookMs), quantile(tookMs, 0.99)].map((ms) => ms.toFixed(0))
    say(
      `${system.name}: from kill -9 of the leader to the next acknowledged write, ${kills} times: p50 ${p50} ms, p99 ${p99} ms`,
    )
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      writes: { type: 'string', default: '600' },
      seconds: { type: 'string', default: '5' },
      kills: { type: 'string', default: '25' },
      load: { type: 'string', default: '60' },
      servers: { type: 'string', default: '10000' },
    },
  })
  const numbers = Object.entries(values).map(([name, text]) => [name, Number(text)])
  const { rounds, writes, seconds, kills, load, servers } = Object.fromEntries(numbers) as Readonly<
    Record<keyof typeof values, number>
  >
  const areSome = writes > 0 && seconds > 0
  if (!areSome || [rounds, kills, load, servers].some((count) => !(count >= 0))) {
    throw new Error(USAGE)
  }
  requireTools(['etcd', 'nginx', 'wrk'])
  const { proxy, load: other } = pickCores()
  const cores = [proxy, other]
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const origin = await startOrigin(folder, other)
  if (servers > 0) await measureLargeConfig(folder, cores, origin.port, servers, say)
  if (rounds + kills + load === 0) {
    await origin.child.stop()
    return
  }
  const sluice = await startSluice(join(folder, 'sluice'), cores, origin.port)
  const etcd = await startEtcd(join(folder, 'etcd'), cores, { heartbeatMs: 50, electionMs: 500 })
  try {
    if (rounds > 0) await compareWrites([sluice, etcd], rounds, writes, seconds)
    if (kills > 0) await killLeaders([sluice, etcd], kills)
    await etcd.stop()
    if (load === 0) return
    const appliedMs: number[] = []
    for (let n = 0; n < APPLIES; n++) appliedMs.push(await apply(sluice, n))
    say(
      `sluice: from config apply to active on all three: p50 ${median(appliedMs).toFixed(1)} ms, p99 ${quantile(appliedMs, 0.99).toFixed(1)} ms`,
    )
    const epoch = await epochOf(sluice)
    const runs = sluice.nodes.map(({ frontend }) =>
      runWrk({ url: `${frontend}/small`, connections: 64, seconds: load }),
    )
    const summaries = await Promise.all(runs)
    const requests = summaries.reduce((sum, summary) => sum + summary.requests, 0)
    const elections = (await epochOf(sluice)) - epoch
    say(
      `sluice: ${elections} elections in ${load} s of load (${(requests / load).toFixed(0)} requests/s over three nodes)`,
    )
  } finally {
    await Promise.all([sluice.stop(), etcd.stop()])
    await origin.child.stop()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
})
