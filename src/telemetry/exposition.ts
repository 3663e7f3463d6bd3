import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Metric } from 'prom-client'
import type { ServerTable } from '../memory/server-table.ts'
import type { EjectionState } from '../model/ejection.ts'
import type { Plan } from '../model/plan.ts'
import type { ProbeState } from '../model/probe-state.ts'
import { CLUSTER_FAMILIES, type ClusterFacts } from './cluster-families.ts'
import {
  BACKEND_FAMILIES,
  FRONTEND_FAMILIES,
  PROCESS_FAMILIES,
  type ProcessSubject,
} from './exposition-families.ts'
import type { Family, Labels } from './metric-families.ts'
import { SERVER_FAMILIES, type ServerPast } from './server-families.ts'

/** The first word of all names: ours, or HAProxy's, so that its dashboards can be fed. */
export const METRIC_PREFIXES = ['sluice', 'haproxy'] as const

/** One of {@link METRIC_PREFIXES}. */
export type MetricPrefix = (typeof METRIC_PREFIXES)[number]

/** Media type of {@link Exposition.render}. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** What only the daemon as a whole knows about itself. */
export type ProcessFacts = Pick<
  ProcessSubject,
  | 'version'
  | 'configVersion'
  | 'startedAtMs'
  | 'uptimeMs'
  | 'isStopping'
  | 'droppedLogsTotal'
  | 'workerDeathsTotal'
>

/** What metrics are read from, at the moment of each scrape. */
export interface ExpositionSource {
  readonly table: ServerTable
  /** The plan that the data plane runs. */
  plan(): Plan
  /** @param key `backend/server` */
  check(key: string): ProbeState | undefined
  /** @param key `backend/server` */
  past(key: string): ServerPast | undefined
  /** @param key `backend/server` */
  ejection(key: string): EjectionState | undefined
  process(): ProcessFacts
  /** Null: a single node. */
  cluster(): Promise<ClusterFacts | null>
}

/** A value as prom-client renders it; shared labels are rendered once for all families. */
interface Sample {
  readonly metricName: string
  readonly labels: Labels | undefined
  readonly sharedLabels: Labels
  readonly value: number
}

/**
 * The metrics as Prometheus text. Nothing is kept between scrapes: every number is read from the
 * server table, the checks and the plan when it is asked for.
 */
export class Exposition {
  readonly #source: ExpositionSource
  readonly #running = new Map<MetricPrefix, Promise<string>>()

  constructor(source: ExpositionSource) {
    this.#source = source
  }

  /**
   * All metrics, under a prefix. Who asks while the same text is being made is given that one: it
   * is 25 MB with ten thousand servers. The event loop has its turn after every family, so that a
   * scrape does not hold up the control plane.
   */
  async render(prefix: MetricPrefix = 'sluice'): Promise<string> {
    const running = this.#running.get(prefix)
    if (running !== undefined) return running
    const text = this.#render(prefix).finally(() => this.#running.delete(prefix))
    this.#running.set(prefix, text)
    return text
  }

  async #render(prefix: MetricPrefix): Promise<string> {
    // Nobody may ever ask, and it takes a start 10 ms.
    const { Registry } = await import('prom-client')
    const registry = new Registry()
    const cluster = await this.#source.cluster()
    let turn: Promise<void> = Promise.resolve()
    for (const { name: bareName, type, help, samples } of this.#families(cluster)) {
      const name = `${prefix}_${bareName}`
      const metric = {
        name,
        get: async () => {
          turn = turn.then(() => nextTurn())
          await turn
          return { name, type, help, values: samples(name) }
        },
      }
      // The registry asks no more of a metric than these two members. Its own classes keep every
      // label set in a map, which took five times as long and held the memory between scrapes.
      registry.registerMetric(metric as unknown as Metric)
    }
    return registry.metrics()
  }

  /** The families with what they are about at this moment. */
  #families(cluster: ClusterFacts | null): BoundFamily[] {
    const { table } = this.#source
    const { maxconn, frontends, backends } = this.#source.plan()
    const facts = this.#source.process()
    const { user, system } = process.cpuUsage()
    const processSubject = {
      ...facts,
      labels: {},
      maxconn,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
    }
    const frontendSubjects = frontends.map(({ name: proxy, row, mode, ...frontend }) => ({
      labels: { proxy },
      row,
      isHttp: mode === 'http',
      isUp: !facts.isStopping,
      maxconn: frontend.maxconn,
      certificates: frontend.listeners.flatMap(({ tls }) => tls?.certificates ?? []),
    }))
    const backendSubjects = backends.map(({ name: proxy, row, mode, servers }) => ({
      labels: { proxy },
      row,
      isHttp: mode === 'http',
      servers: servers.map((server) => ({
        labels: { proxy, server: server.name },
        row: server.row,
        isHttp: mode === 'http',
        maxconn: server.maxconn,
        maxqueue: server.maxqueue,
        past: this.#source.past(`${proxy}/${server.name}`),
        check: this.#source.check(`${proxy}/${server.name}`),
        ejection: this.#source.ejection(`${proxy}/${server.name}`),
      })),
    }))
    const clusterSubjects = cluster === null ? [] : [{ ...cluster, labels: {} }]
    const serverSubjects = backendSubjects.flatMap(({ servers }) => servers)
    return [
      ...PROCESS_FAMILIES.map((family) => bind(family, [processSubject], table)),
      ...(cluster === null ? [] : CLUSTER_FAMILIES).map((family) =>
        bind(family, clusterSubjects, table),
      ),
      ...FRONTEND_FAMILIES.map((family) => bind(family, frontendSubjects, table)),
      ...BACKEND_FAMILIES.map((family) => bind(family, backendSubjects, table)),
      ...SERVER_FAMILIES.map((family) => bind(family, serverSubjects, table)),
    ]
  }
}

/** A family, and how to read the samples of all its subjects. */
interface BoundFamily extends Pick<Family<never>, 'name' | 'type' | 'help'> {
  readonly samples: (fullName: string) => Sample[]
}

function bind<S extends { readonly labels: Labels }>(
  family: Family<S>,
  subjects: readonly S[],
  table: ServerTable,
): BoundFamily {
  const samples = (fullName: string): Sample[] => {
    const all: Sample[] = []
    for (const subject of subjects) {
      const sharedLabels = subject.labels
      const reading = family.read(subject, table)
      if (typeof reading === 'number') {
        all.push({ metricName: fullName, labels: undefined, sharedLabels, value: reading })
        continue
      }
      for (const { suffix = '', labels, value } of reading) {
        all.push({ metricName: fullName + suffix, labels, sharedLabels, value })
      }
    }
    return all
  }
  return { ...family, samples }
}
