import { formatAddress } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import { SluiceError } from '../base/errors.ts'
import { inSlices, type Steps } from '../base/work-slices.ts'
import { inOneLine } from '../cluster/activation.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import type { Health } from '../health/health.ts'
import type { Observation } from '../health/observation.ts'
import type { ServerTable } from '../memory/server-table.ts'
import type { Plan, PlannedServer } from '../model/plan.ts'
import type { ProbeState } from '../model/probe-state.ts'
import type { ClusterFacts } from '../telemetry/cluster-families.ts'
import { Exposition, type MetricPrefix } from '../telemetry/exposition.ts'
import type { RunningConfigReport } from './contract/configs.ts'
import type { NodeInfo, Readiness } from './contract/node.ts'
import type { ProbeReport, ServerReport, ServersReport } from './contract/servers.ts'
import type { NodeSource, ShownCertificate } from './operated-node.ts'
import { renderStatistics, STATE_NAMES } from './statistics-csv.ts'

/** How long an answer waits for what is agreed on to run on this node. */
const CATCH_UP_MS = 5_000

/** What carries the traffic of a node; the supervisor has it. */
export interface Traffic {
  readonly table: ServerTable
  /** That runs. */
  readonly plan: Plan
  readonly health: Health
  readonly observation: Observation
  /** Whether clients are served. */
  readonly isReady: boolean
  /** Indexes of workers that do not answer and are not replaced yet. */
  readonly stuckWorkers: readonly number[]
  /** Workers that have died so far. */
  readonly workerDeathsTotal: number
}

/** The certificates of a node; the supervisor has them. See {@link NodeSource}. */
export interface CertificateSource {
  shown(): readonly ShownCertificate[]
  reload(isTrial: boolean): Promise<readonly string[]>
}

/** What the status is read from. */
export interface StatusOptions {
  /** Of the node. */
  readonly name: string
  readonly certificates: CertificateSource
  readonly balancer: Traffic
  /** Lines of it that were lost so far. */
  readonly accessLog: { readonly lostTotal: number }
  readonly host: {
    /** The version that runs. */
    readonly running: { readonly version: number }
    /** That the node's file was changed and is not loaded; '' where it was not. */
    fileNote(): Promise<string>
  }
  readonly cluster: ClusterNode
  /** Null: a single node. */
  readonly links: { stats(): Promise<ClusterFacts['links'] | null> } | null
  /** Of the program. */
  readonly version: string
  readonly clock: Clock
}

/** What a node tells of itself: all of it read at the moment it is asked for. */
export class Status implements NodeSource {
  readonly #options: StatusOptions
  readonly #startedAtMs = Date.now()
  readonly #startedMs: number
  readonly #exposition: Exposition
  /** Set once the daemon is to stop. */
  draining = false

  constructor(options: StatusOptions) {
    const { balancer, host } = options
    const { health, observation, table } = balancer
    this.#options = options
    this.#startedMs = options.clock()
    this.#exposition = new Exposition({
      table,
      plan: () => balancer.plan,
      check: (key) => health.prober.state(key),
      past: (key) => health.life(key),
      ejection: (key) => observation.ejection(key),
      cluster: () => clusterFacts(options),
      process: () => ({
        version: options.version,
        configVersion: host.running.version,
        startedAtMs: this.#startedAtMs,
        uptimeMs: this.#uptimeMs,
        isStopping: this.draining,
        droppedLogsTotal: options.accessLog.lostTotal,
        workerDeathsTotal: balancer.workerDeathsTotal,
      }),
    })
  }

  ready(isTrafficAlone: boolean): Readiness {
    const reasons: string[] = []
    if (this.draining) reasons.push('draining')
    const { isReady, stuckWorkers } = this.#options.balancer
    if (!isReady) reasons.push('starting')
    for (const index of stuckWorkers) reasons.push(`worker ${index} does not answer`)
    const { muteness } = this.#options.cluster
    if (!isTrafficAlone && muteness !== '') reasons.push(muteness)
    return { ready: reasons.length === 0, reasons }
  }

  info(): NodeInfo {
    return {
      name: 'sluice',
      version: this.#options.version,
      nodeVersion: process.version,
      pid: process.pid,
      uptimeSeconds: Math.floor(this.#uptimeMs / 1000),
      configVersion: this.#options.host.running.version,
    }
  }

  async running(): Promise<RunningConfigReport> {
    const { host, cluster } = this.#options
    const { activationFailure: failure } = cluster
    const notes = [failure === null ? '' : inOneLine(failure), await host.fileNote()]
    return { version: host.running.version, note: notes.filter((note) => note !== '').join('; ') }
  }

  async servers(): Promise<ServersReport> {
    return { servers: await inSlices(this.#describing()) }
  }

  server(backend: string, name: string): ServerReport {
    const found = this.#options.balancer.plan.backends
      .find((candidate) => candidate.name === backend)
      ?.servers.find((candidate) => candidate.name === name)
    if (found !== undefined) return this.#describe(backend, found)
    throw new SluiceError('server-unknown', `there is no server ${backend}/${name}`)
  }

  get name(): string {
    return this.#options.name
  }

  certificates(): readonly ShownCertificate[] {
    return this.#options.certificates.shown()
  }

  reloadCertificates(isTrial: boolean): Promise<readonly string[]> {
    return this.#options.certificates.reload(isTrial)
  }

  async caughtUp(): Promise<void> {
    await this.#options.cluster.settled(CATCH_UP_MS)
  }

  statistics(): Promise<readonly string[]> {
    const { table, health, plan } = this.#options.balancer
    return renderStatistics({
      table,
      plan,
      isStopping: this.draining,
      check: (key) => health.prober.state(key),
      life: (key) => health.life(key),
    })
  }

  metrics(prefix: MetricPrefix): Promise<readonly string[]> {
    return this.#exposition.render(prefix)
  }

  *#describing(): Steps<ServerReport[]> {
    const reports: ServerReport[] = []
    for (const { name, servers } of this.#options.balancer.plan.backends) {
      for (const server of servers) {
        reports.push(this.#describe(name, server))
        yield
      }
    }
    return reports
  }

  #describe(backend: string, server: PlannedServer): ServerReport {
    const { table, health } = this.#options.balancer
    const key = `${backend}/${server.name}`
    const check = health.prober.state(key)
    const life = health.life(key)
    return {
      backend,
      server: server.name,
      added: life?.isAdded ?? false,
      address: formatAddress(server.address),
      state: STATE_NAMES[table.state(server.row)],
      cause: life?.cause ?? null,
      reason: life?.reason ?? '',
      lastChangeSeconds: Math.floor((life?.sinceChangeMs ?? 0) / 1000),
      changesTotal: life?.changesTotal ?? 0,
      adminState: life?.admin ?? 'ready',
      weight: table.presentWeight(server.row),
      throttlePercent: table.throttlePercent(server.row),
      setAtRunTime: life?.setAtRunTime ?? [],
      sessions: table.sessions(server.row),
      check: check === undefined ? null : describeProbe(check),
    }
  }

  get #uptimeMs(): number {
    return this.#options.clock() - this.#startedMs
  }
}

/** Null while there is nothing to tell of. */
async function clusterFacts({ cluster, links }: StatusOptions): Promise<ClusterFacts | null> {
  const stats = (await links?.stats()) ?? null
  if (stats === null) return null
  const { format } = cluster.state()
  const { alarms, formatMax } = cluster
  return { ...(await cluster.engineStatus()), alarms, format, formatMax, links: stats }
}

function describeProbe(check: ProbeState): ProbeReport {
  const { status, code, info, durationMs, sinceChangeMs, failuresTotal } = check
  const lastChangeSeconds = Math.floor(sinceChangeMs / 1000)
  return { status, code, info, durationMs, lastChangeSeconds, failuresTotal }
}
