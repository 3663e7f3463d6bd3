import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { ClusterReport } from '../../operations/contract/cluster.ts'
import { eventForPeople } from '../../telemetry/event-for-people.ts'
import { ABORTED, type SignalInbox } from '../signal-inbox.ts'
import { banner, commandFor, type Invocation } from './demo-banner.ts'
import { makeDemoCertificate } from './demo-certificate.ts'
import { DemoNode } from './demo-node.ts'

/** Ports that the demo would like to have; each gives way to a free one where it is taken. */
const SHARED_PORTS = {
  SLUICE_DEMO_APP1_PORT: 9001,
  SLUICE_DEMO_APP2_PORT: 9002,
  SLUICE_DEMO_APP3_PORT: 9003,
  SLUICE_DEMO_LB1_PORT: 7401,
  SLUICE_DEMO_LB2_PORT: 7402,
  SLUICE_DEMO_LB3_PORT: 7403,
}
const PROXY_PORT = 8080
const SECURE_PORT = 8443
const ADMIN_PORT = 8404

/**
 * How long the nodes may take to find each other before the banner is shown all the same: long
 * enough for a machine on which a start takes ten times as long as usual.
 */
const MEETING_MS = 60_000
const POLL_MS = 100

/** Of the token of its nodes: nobody guesses 128 bits. */
const TOKEN_BYTES = 16

/** What `sluice demo` is started with. */
export interface DemoOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder of the package. */
  readonly home: URL
  readonly invocation: Invocation
  /** Where the banner goes: standard output. */
  readonly tell: (text: string) => void
  /** Where events go: standard error. */
  readonly print: (text: string) => void
  /** Whether people read there, and no program. */
  readonly isForPeople: boolean
  /** The process is to end with this status. */
  readonly exit: (status: number) => void
  readonly signals: SignalInbox
}

/** Starts three small HTTP servers, and a cluster of three nodes in front of them. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { env, home, tell, exit, signals } = options
  const events = new EventOutput(options)
  events.progress('Starting three sample servers, and three nodes in front of them ...')
  const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'))
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  writeFileSync(join(folder, 'token'), token, { mode: 0o600 })
  const authorityFile = join(folder, 'ca.pem')
  const { cert, key } = makeDemoCertificate(Date.now())
  writeFileSync(authorityFile, cert)
  writeFileSync(join(folder, 'demo.pem'), cert + key, { mode: 0o600 })
  const shared: Record<string, string | undefined> = { ...env }
  const taken = new Set<number>()
  for (const [name, port] of Object.entries(SHARED_PORTS)) {
    shared[name] = String(await freePort(port, taken))
  }
  const apps = ['APP1', 'APP2', 'APP3'].map((app) =>
    startApp(app.toLowerCase(), Number(shared[`SLUICE_DEMO_${app}_PORT`])),
  )
  const nodes: DemoNode[] = []
  let stopping: Promise<void> | undefined
  const stop = (status: number): void => {
    if (stopping === undefined) events.progress('Draining; Ctrl-C again stops at once.')
    stopping ??= stopAll(nodes, apps, folder).then(() => exit(status))
  }
  const onEvent = (line: string): void => events.write(line)
  for (const [n, name] of ['lb1', 'lb2', 'lb3'].entries()) {
    const proxyPort = await freePort(PROXY_PORT + n, taken)
    const securePort = await freePort(SECURE_PORT + n, taken)
    const adminPort = await freePort(ADMIN_PORT + n, taken)
    const ports = { proxyPort, securePort, adminPort }
    nodes.push(new DemoNode({ name, env: shared, home, folder, ...ports, onEvent, onFailed: stop }))
  }
  signals.deliverTo({
    // There is no file to read again: this is the end of the terminal that it was started in.
    reload: () => stop(0),
    reopenLogs: () => {
      for (const node of nodes) node.signal('SIGUSR1')
    },
    stop: () => stop(0),
    abort: () => {
      for (const node of nodes) node.kill()
      rmSync(folder, { recursive: true, force: true })
      exit(ABORTED)
    },
  })
  await untilTheyMeet(nodes, token)
  if (stopping !== undefined) return
  tell(banner({ nodes, token, authorityFile, command: commandFor(options.invocation) }))
  events.haveBegun()
}

/**
 * What the nodes say. For a program each line as it is; for people a short one, and before the
 * banner only what should worry them, so that the banner is the last of the start.
 */
class EventOutput {
  readonly #options: Pick<DemoOptions, 'print' | 'isForPeople'>
  #isStarting = true

  constructor(options: Pick<DemoOptions, 'print' | 'isForPeople'>) {
    this.#options = options
  }

  haveBegun(): void {
    this.#isStarting = false
  }

  progress(text: string): void {
    if (this.#options.isForPeople) this.#options.print(`${text}\n`)
  }

  write(line: string): void {
    const { print, isForPeople } = this.#options
    if (!isForPeople) print(`${line}\n`)
    else if (!this.#isStarting || !/^\{"level":"(info|warn)"/.test(line))
      print(eventForPeople(line))
  }
}

async function stopAll(
  nodes: readonly DemoNode[],
  apps: readonly Server[],
  folder: string,
): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()))
  for (const app of apps) {
    app.close()
    app.closeAllConnections()
  }
  rmSync(folder, { recursive: true, force: true })
}

/** Waits until every node serves and knows a leader. */
async function untilTheyMeet(nodes: readonly DemoNode[], token: string): Promise<void> {
  const giveUpMs = performance.now() + MEETING_MS
  for (const { admin } of nodes) {
    while (performance.now() < giveUpMs && !(await hasMet(admin, token))) await after(POLL_MS)
  }
}

async function hasMet(admin: string, token: string): Promise<boolean> {
  try {
    const headers = { authorization: `Bearer ${token}` }
    const { leader, configVersion } = (await (
      await fetch(`${admin}/api/v1/cluster`, { headers })
    ).json()) as ClusterReport
    return leader !== null && configVersion > 0 && (await fetch(`${admin}/readyz`)).ok
  } catch {
    // It is not there yet.
    return false
  }
}

/** A server that says its name, counts its requests and is healthy. */
function startApp(name: string, port: number): Server {
  let requests = 0
  const server = createHttpServer((request, response) => {
    response.setHeader('content-type', 'text/plain')
    if (request.url === '/healthz') {
      response.end('ok\n')
      return
    }
    requests++
    const from = request.headers['x-forwarded-for'] ?? 'nobody'
    response.end(`${name}: request ${requests}, ${request.method} ${request.url} for ${from}\n`)
  })
  return server.listen(port, '127.0.0.1')
}

/** The wanted port if nobody listens there, else one that is free; never one that was given out. */
async function freePort(wanted: number, taken: Set<number>): Promise<number> {
  for (const asked of [wanted, 0, 0, 0, 0]) {
    const port = await portOf(asked)
    if (port === undefined || taken.has(port)) continue
    taken.add(port)
    return port
  }
  return wanted
}

async function portOf(port: number): Promise<number | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => {
      const { port: bound } = server.address() as AddressInfo
      server.close(() => resolve(bound))
    })
  })
}
