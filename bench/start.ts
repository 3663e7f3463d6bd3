import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Child, startPinned } from './children.ts'
import { cpuTimeOf, processTree, residentBytesOf } from './cpu-time.ts'
import { freePorts, hostFacts, pickCores, requireTools } from './host.ts'
import { median } from './statistics.ts'

const USAGE = `Usage: npm run bench:start -- [options]
  --rounds N   rounds that the medians are of (default: 9)
`
const SLUICE = fileURLToPath(new URL('../bin/sluice', import.meta.url))
/** Servers of the config that is checked. */
const SERVERS = 1000
/** From a connection that was refused to the next try. */
const POLL_MS = 2
const ANSWER_TIMEOUT_MS = 15_000
/** After the first answer, before memory is read a second time. */
const SETTLE_MS = 1000
const MIB = 1024 * 1024
const PROGRAMS = ['node', 'sluice', 'haproxy'] as const

type Program = (typeof PROGRAMS)[number]

/** One program through one round; null where it has nothing of the kind. */
interface Figures {
  readonly version: Elapsed
  readonly command: Elapsed | null
  readonly check: Elapsed | null
  readonly firstAnswerMs: number
  readonly startCpuMs: number
  readonly firstBytes: number
  readonly settledBytes: number
}

/** What a process took from its start to its end. */
interface Elapsed {
  readonly wallMs: number
  readonly cpuMs: number
}

/** A command line; its last part may hold the file of a config. */
type CommandLine = readonly [string, ...string[]]

interface Setup {
  readonly folder: string
  readonly cores: readonly number[]
  readonly origin: number
}

/** How each program is called for each figure. */
interface Commands {
  readonly version: CommandLine
  readonly check: CommandLine | null
  /** Serves on the first port. */
  readonly serve: (port: number, adminPort: number) => CommandLine
  /** Asks the one that serves. */
  readonly command: CommandLine | null
}

function commandsOf({ folder, origin }: Setup): Readonly<Record<Program, Commands>> {
  const socket = join(folder, 'admin.sock')
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const node = process.execPath
  const empty = file('empty.mjs', '')
  const haproxyCheck = file('check.cfg', haproxyConfig(1, serversOf(SERVERS).map(haproxyServer)))
  const sluiceCheck = file(
    'check.yaml',
    sluiceConfig(1, 2, socket, serversOf(SERVERS).map(yamlServer)),
  )
  return {
    node: {
      version: [node, empty],
      check: null,
      command: null,
      serve: (port) => [node, file('serve.mjs', nodeProxy(port, origin))],
    },
    sluice: {
      version: [node, SLUICE, '--version'],
      check: [node, SLUICE, 'check', '--offline', '-f', sluiceCheck],
      command: [node, SLUICE, 'server', 'list', '--admin', `unix:${socket}`],
      serve: (port, adminPort) => {
        const text = sluiceConfig(port, adminPort, socket, [yamlServer(`127.0.0.1:${origin}`, 0)])
        return [node, SLUICE, 'run', '-f', file('run.yaml', text)]
      },
    },
    haproxy: {
      version: ['haproxy', '-v'],
      check: ['haproxy', '-c', '-q', '-f', haproxyCheck],
      command: null,
      serve: (port) => {
        const text = haproxyConfig(port, [haproxyServer(`127.0.0.1:${origin}`, 0)])
        return ['haproxy', '-db', '-f', file('run.cfg', text)]
      },
    },
  }
}

function serversOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:8080`)
}

function yamlServer(address: string, index: number): string {
  return `      s${index}: {address: "${address}", weight: ${1 + (index % 10)}, check: true}`
}

function haproxyServer(address: string, index: number): string {
  return `  server s${index} ${address} weight ${1 + (index % 10)} check`
}

function sluiceConfig(
  port: number,
  adminPort: number,
  socket: string,
  servers: readonly string[],
): string {
  return `global: {nbthread: 2, log: {access: off}}
admin: {bind: 127.0.0.1:${adminPort}, socket: ${socket}}
defaults:
  mode: http
  timeout: {connect: 5s, client: 30s, server: 30s}
frontends:
  web: {bind: 127.0.0.1:${port}, default_backend: app}
backends:
  app:
    balance: roundrobin
    servers:
${servers.join('\n')}
`
}

function haproxyConfig(port: number, servers: readonly string[]): string {
  return `global
  nbthread 2
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  balance roundrobin
${servers.join('\n')}
`
}

/** The least that forwards a request: what Node itself takes of the time and memory of a start. */
function nodeProxy(port: number, origin: number): string {
  return `import { createServer, request } from 'node:http'
createServer((asked, answer) => {
  request({ port: ${origin} }, (found) => found.pipe(answer)).end()
}).listen(${port}, '127.0.0.1')
`
}

/** Runs a command to its end. A shell tells its CPU time, of which Node says nothing. */
function timed(command: CommandLine): Elapsed {
  const script = 'TIMEFORMAT=\'%R %U %S\'; time "$@" >/dev/null 2>/dev/null'
  const { stderr, status } = spawnSync('bash', ['-c', script, 'bash', ...command], {
    encoding: 'utf8',
  })
  const [real, user, system] = stderr.trim().split(' ').map(Number)
  if (status !== 0 || real === undefined || user === undefined || system === undefined)
    throw new Error(`${command.join(' ')} failed: ${stderr}`)
  return { wallMs: real * 1000, cpuMs: (user + system) * 1000 }
}

/** Whether a request on a new connection is answered with 200. */
function ask(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: start\r\nConnection: close\r\n\r\n'),
    )
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (answer.startsWith('HTTP/1.1 200 ')) socket.destroy()
    })
    socket.on('error', () => {}).on('close', () => resolve(answer.startsWith('HTTP/1.1 200 ')))
  })
}

async function untilFirstAnswer(child: Child, port: number): Promise<void> {
  const deadline = performance.now() + ANSWER_TIMEOUT_MS
  while (!(await ask(port))) {
    if (performance.now() > deadline || child.ended())
      throw new Error(`${child.name} does not answer:\n${child.stderr()}`)
    await sleep(POLL_MS)
  }
}

async function measure(name: Program, commands: Commands, setup: Setup): Promise<Figures> {
  const version = timed(commands.version)
  const check = commands.check === null ? null : timed(commands.check)
  const [port = 0, adminPort = 0] = await freePorts(2)
  const [program, ...args] = commands.serve(port, adminPort)
  const startedMs = performance.now()
  const child = startPinned(name, setup.cores, program, args)
  try {
    await untilFirstAnswer(child, port)
    const firstAnswerMs = performance.now() - startedMs
    const pids = processTree(child.pid)
    const { userUs, systemUs } = cpuTimeOf(pids)
    const firstBytes = residentBytesOf(pids)
    const command = commands.command === null ? null : timed(commands.command)
    await sleep(SETTLE_MS)
    return {
      version,
      command,
      check,
      firstAnswerMs,
      startCpuMs: (userUs + systemUs) / 1000,
      firstBytes,
      settledBytes: residentBytesOf(pids),
    }
  } finally {
    await child.stop()
  }
}

/** The rows of the report: a title, the figure, its goal as a text. */
const ROWS: readonly (readonly [string, (figures: Figures) => number | undefined, string])[] = [
  ['`--version`, ms', ({ version }) => version.wallMs, '60 above bare Node'],
  ['`--version`, ms of CPU', ({ version }) => version.cpuMs, ''],
  ['`server list` of a daemon, ms', ({ command }) => command?.wallMs, '120 above bare Node'],
  ['`server list` of a daemon, ms of CPU', ({ command }) => command?.cpuMs, ''],
  ['start to first answer, ms', ({ firstAnswerMs }) => firstAnswerMs, '350'],
  ['start to first answer, ms of CPU', ({ startCpuMs }) => startCpuMs, ''],
  ['resident at the first answer, MiB', ({ firstBytes }) => firstBytes / MIB, '80'],
  ['resident a second later, MiB', ({ settledBytes }) => settledBytes / MIB, '80'],
  ['check of 1,000 servers, ms', ({ check }) => check?.wallMs, ''],
  ['check of 1,000 servers, ms of CPU', ({ check }) => check?.cpuMs, '150 above `--version`'],
]

function render(rounds: Readonly<Record<Program, readonly Figures[]>>): string {
  const lines = ROWS.map(([title, figureOf, goal]) => {
    const cells = PROGRAMS.map((name) => {
      const values = rounds[name].flatMap((figures) => figureOf(figures) ?? [])
      return values.length === 0 ? '' : median(values).toFixed(0)
    })
    return `| ${[title, ...cells, goal].join(' | ')} |`
  })
  const heading = ['| | bare Node | sluice | haproxy | goal |', '|---|---|---|---|---|']
  return [...heading, ...lines, ''].join('\n')
}

/** An answer of two bytes to every request. */
async function startOrigin(): Promise<number> {
  const server = createServer((_, answer) => answer.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** What commands and starts cost, in turns with bare Node and with HAProxy. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } })
  const rounds = Number(values.rounds)
  if (!(rounds >= 1)) throw new Error(USAGE)
  requireTools(['bash', 'taskset', 'haproxy'])
  const { proxy, load } = pickCores()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const setup = { folder, cores: [proxy, load], origin: await startOrigin() }
  const commands = commandsOf(setup)
  const measured: Record<Program, Figures[]> = { node: [], sluice: [], haproxy: [] }
  for (let round = 0; round < rounds; round++) {
    for (const name of PROGRAMS) measured[name].push(await measure(name, commands[name], setup))
  }
  const { date, cpu, cores, kernel, versions } = hostFacts()
  const of = ['sluice', 'node', 'haproxy'].map((name) => `${name} ${versions[name]}`).join(', ')
  process.stdout.write(`${render(measured)}\n`)
  process.stdout.write(
    `Medians of ${rounds} rounds, ${date}: ${of}, Linux ${kernel}, ${cpu}, ${cores} cores.\n`,
  )
  process.exit()
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
