import type {
  ApiInfo,
  ApiReadiness,
  ApiServer,
  ApiServerChange,
  ApiServers,
} from '../admin/api-contract.ts'
import type { AdminSource } from '../admin/routes.ts'
import { renderStatistics } from '../admin/statistics-csv.ts'
import { SluiceError } from '../errors.ts'
import { formatAddress } from '../model/address.ts'
import type { CheckState } from '../model/check.ts'
import type { Clock } from '../model/clock.ts'
import type { Plan, PlannedServer } from '../model/plan.ts'
import { SERVER_STATE, type ServerState, type ServerTable } from '../model/server-table.ts'
import { Exposition, type MetricPrefix } from '../telemetry/exposition.ts'
import type { Health } from './health.ts'
import type { Observation } from './observation.ts'

const STATE_NAMES: Readonly<Record<ServerState, ApiServer['state']>> = {
  [SERVER_STATE.down]: 'DOWN',
  [SERVER_STATE.up]: 'UP',
  [SERVER_STATE.drain]: 'DRAIN',
  [SERVER_STATE.maint]: 'MAINT',
}

/** What the status is read from. */
export interface StatusOptions {
  readonly table: ServerTable
  readonly health: Health
  readonly observation: Observation
  readonly version: string
  readonly clock: Clock
  /** The plan that runs. */
  readonly plan: () => Plan
  /** Whether every worker runs the present plan. */
  readonly isReady: () => boolean
}

/** What the admin address tells of the daemon: all of it read at the moment it is asked for. */
export class Status implements AdminSource {
  readonly #options: StatusOptions
  readonly #startedAtMs = Date.now()
  readonly #startedMs: number
  readonly #exposition: Exposition
  /** Set once the daemon is to stop. */
  draining = false

  constructor(options: StatusOptions) {
    this.#options = options
    this.#startedMs = options.clock()
    this.#exposition = new Exposition({
      table: options.table,
      plan: options.plan,
      check: (key) => options.health.checker.state(key),
      ejection: (key) => options.observation.ejection(key),
      process: () => ({
        version: options.version,
        configVersion: options.plan().serial,
        startedAtMs: this.#startedAtMs,
        uptimeMs: this.#uptimeMs,
        isStopping: this.draining,
      }),
    })
  }

  ready(): ApiReadiness {
    const reasons: string[] = []
    if (this.draining) reasons.push('draining')
    if (!this.#options.isReady()) reasons.push('starting')
    return { ready: reasons.length === 0, reasons }
  }

  info(): ApiInfo {
    return {
      name: 'sluice',
      version: this.#options.version,
      nodeVersion: process.version,
      pid: process.pid,
      uptimeSeconds: Math.floor(this.#uptimeMs / 1000),
      configVersion: this.#options.plan().serial,
    }
  }

  servers(): ApiServers {
    const { backends } = this.#options.plan()
    return {
      servers: backends.flatMap(({ name, servers }) =>
        servers.map((server) => this.#describe(name, server)),
      ),
    }
  }

  server(backend: string, name: string): ApiServer {
    const found = this.#options
      .plan()
      .backends.find((candidate) => candidate.name === backend)
      ?.servers.find((candidate) => candidate.name === name)
    if (found !== undefined) return this.#describe(backend, found)
    throw new SluiceError('server-unknown', `there is no server ${backend}/${name}`)
  }

  setServer(backend: string, name: string, change: ApiServerChange): ApiServer {
    if (this.draining) throw new SluiceError('node-draining', 'the node is draining')
    this.server(backend, name)
    this.#options.health.set(`${backend}/${name}`, change)
    return this.server(backend, name)
  }

  statistics(): Promise<string> {
    const { table, health, plan } = this.#options
    return renderStatistics({
      table,
      plan: plan(),
      isStopping: this.draining,
      check: (key) => health.checker.state(key),
      life: (key) => health.life(key),
    })
  }

  metrics(prefix: MetricPrefix): Promise<string> {
    return this.#exposition.render(prefix)
  }

  #describe(backend: string, server: PlannedServer): ApiServer {
    const { table, health } = this.#options
    const key = `${backend}/${server.name}`
    const check = health.checker.state(key)
    const life = health.life(key)
    return {
      backend,
      server: server.name,
      address: formatAddress(server.address),
      state: STATE_NAMES[table.state(server.row)],
      cause: life?.cause ?? null,
      reason: life?.reason ?? '',
      lastChangeSeconds: Math.floor((life?.sinceChangeMs ?? 0) / 1000),
      changesTotal: life?.changesTotal ?? 0,
      adminState: life?.admin ?? 'ready',
      weight: table.weight(server.row),
      setAtRunTime: life?.setAtRunTime ?? [],
      sessions: table.sessions(server.row),
      check: check === undefined ? null : describeCheck(check),
    }
  }

  get #uptimeMs(): number {
    return this.#options.clock() - this.#startedMs
  }
}

function describeCheck(check: CheckState): ApiServer['check'] {
  const { status, code, info, durationMs, sinceChangeMs, failuresTotal } = check
  const lastChangeSeconds = Math.floor(sinceChangeMs / 1000)
  return { status, code, info, durationMs, lastChangeSeconds, failuresTotal }
}
