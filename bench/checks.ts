import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Child, startPinned, untilAnswers } from './children.ts'
import { cpuTimeOf, processTree } from './cpu-time.ts'
import { freePorts, pickCores, requireTools } from './host.ts'

const USAGE = `Usage: npm run bench:checks -- [options]
  --servers N        servers that are checked (default: 10000)
  --inter MS         time from one check of a server to the next (default: 2000)
  --seconds N        length of the measurement (default: 20)
  --only NAMES       of sluice,haproxy (default: both)
`
const SLUICE = fileURLToPath(new URL('../bin/sluice', import.meta.url))
/** Servers of one backend. */
const BACKEND_SIZE = 1000
/** Listening sockets that all servers share. */
const LISTENERS = 8
/** Checks before the measurement, in intervals: the first ones are not like the others. */
const WARM_UP_INTERVALS = 2

interface Setup {
  readonly folder: string
  readonly port: number
  readonly servers: readonly string[]
  readonly interMs: number
}

/** Accepts what checks open and lets go of it: a check closes with a reset. */
async function startServers(): Promise<number[]> {
  const ports: number[] = []
  for (let i = 0; i < LISTENERS; i++) {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {}).destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4096, resolve))
    ports.push((server.address() as AddressInfo).port)
  }
  return ports
}

/** The servers in groups of which each is a backend. */
function backendsOf(servers: readonly string[]): string[][] {
  const count = Math.ceil(servers.length / BACKEND_SIZE)
  return Array.from({ length: count }, (_, i) =>
    servers.slice(i * BACKEND_SIZE, (i + 1) * BACKEND_SIZE),
  )
}

function startSluice({ folder, port, servers, interMs }: Setup, core: number): Child {
  const file = join(folder, 'sluice.yaml')
  const backends = backendsOf(servers).map((group, b) => [
    `b${b}`,
    { servers: Object.fromEntries(group.map((address, s) => [`s${s}`, address])) },
  ])
  const config = {
    global: { nbthread: 1, log: { access: 'off' } },
    admin: { bind: `127.0.0.1:${port}`, socket: 'off' },
    defaults: { 'default-server': { check: true, inter: interMs } },
    frontends: { idle: { bind: `unix@${join(folder, 'idle.sock')}`, default_backend: 'b0' } },
    backends: Object.fromEntries(backends) as unknown,
  }
  writeFileSync(file, JSON.stringify(config))
  return startPinned('sluice', [core], process.execPath, [SLUICE, 'run', '-f', file])
}

function startHaproxy({ folder, port, servers, interMs }: Setup, core: number): Child {
  const file = join(folder, 'haproxy.cfg')
  const backends = backendsOf(servers).map((group, b) =>
    [
      `backend b${b}`,
      `  default-server check inter ${interMs}`,
      ...group.map((address, s) => `  server s${s} ${address}`),
    ].join('\n'),
  )
  const lines = [
    'global',
    '  nbthread 1',
    'defaults',
    '  mode http',
    '  timeout connect 5s',
    '  timeout client 5s',
    '  timeout server 5s',
    'frontend stats',
    `  bind 127.0.0.1:${port}`,
    '  monitor-uri /readyz',
    ...backends,
    '',
  ]
  writeFileSync(file, lines.join('\n'))
  return startPinned('haproxy', [core], 'haproxy', ['-db', '-f', file])
}

const STARTS = { sluice: startSluice, haproxy: startHaproxy }

/** CPU time of one check in microseconds: in the process, and in the kernel for it. */
async function measure(child: Child, checksPerSec: number, interMs: number, seconds: number) {
  await sleep(WARM_UP_INTERVALS * interMs)
  const pids = processTree(child.pid)
  const [before, startMs] = [cpuTimeOf(pids), performance.now()]
  await sleep(seconds * 1000)
  const [after, endMs] = [cpuTimeOf(pids), performance.now()]
  const checks = (checksPerSec * (endMs - startMs)) / 1000
  return {
    userUs: (after.userUs - before.userUs) / checks,
    systemUs: (after.systemUs - before.systemUs) / checks,
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: '10000' },
      inter: { type: 'string', default: '2000' },
      seconds: { type: 'string', default: '20' },
      only: { type: 'string', default: 'sluice,haproxy' },
    },
  })
  const [count, interMs, seconds] = [values.servers, values.inter, values.seconds].map(Number) as [
    number,
    number,
    number,
  ]
  const names = (['sluice', 'haproxy'] as const).filter((n) => values.only.split(',').includes(n))
  if (names.length === 0 || !(count >= 1) || !(interMs >= 1) || !(seconds >= 1)) {
    throw new Error(USAGE)
  }
  requireTools(['taskset', ...names.filter((name) => name === 'haproxy')])
  const cores = pickCores()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const ports = await startServers()
  const servers = Array.from({ length: count }, (_, i) => `127.0.0.1:${ports[i % LISTENERS]}`)
  for (const name of names) {
    const [port = 0] = await freePorts(1)
    const child = STARTS[name]({ folder, port, servers, interMs }, cores.proxy)
    await untilAnswers(child, `http://127.0.0.1:${port}/readyz`)
    const checksPerSec = (count * 1000) / interMs
    const { userUs, systemUs } = await measure(child, checksPerSec, interMs, seconds)
    await child.stop()
    const share = ((userUs + systemUs) * checksPerSec) / 10_000
    process.stdout.write(
      `${name}: ${checksPerSec} TCP checks a second, ${userUs.toFixed(1)} us in the process and` +
        ` ${systemUs.toFixed(1)} us in the kernel each: ${share.toFixed(1)} % of a core\n`,
    )
  }
  process.exit()
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
