import type { Metric, Registry } from 'prom-client'
import { giveWay, inSlices, type Steps } from '../base/work-slices.ts'
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
import type { Family, Labels, Subject } from './metric-families.ts'
import { SERVER_FAMILIES, type ServerPast, type ServerSubject } from './server-families.ts'

/** The first word of all names: ours, or HAProxy's, so that its dashboards can be fed. */
export const METRIC_PREFIXES = ['sluice', 'haproxy'] as const

/** One of {@link METRIC_PREFIXES}. */
export type MetricPrefix = (typeof METRIC_PREFIXES)[number]

/** Subjects whose samples are rendered in one step: a millisecond or two. */
const SUBJECTS_PER_STEP = 250

/** Characters of a piece of the text, at least; the last may have fewer. */
const PIECE_LENGTH_MIN = 65_536

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
  readonly #running = new Map<MetricPrefix, Promise<readonly string[]>>()

  constructor(source: ExpositionSource) {
    this.#source = source
  }

  /**
   * All metrics, under a prefix, as a text in pieces. Who asks while the same text is being made is
   * given that one: it is 25 MB with ten thousand servers. It is made in slices, and never one text,
   * so that a scrape does not hold up the control plane.
   */
  async render(prefix: MetricPrefix = 'sluice'): Promise<readonly string[]> {
    const running = this.#running.get(prefix)
    if (running !== undefined) return running
    const text = this.#render(prefix).finally(() => this.#running.delete(prefix))
    this.#running.set(prefix, text)
    return text
  }

  async #render(prefix: MetricPrefix): Promise<readonly string[]> {
    // Nobody may ever ask, and it takes a start 10 ms.
    const { Registry: ofPackage } = await import('prom-client')
    const registry = new ofPackage()
    const cluster = await this.#source.cluster()
    const families = await inSlices(this.#families(cluster))
    const pieces: string[] = []
    let piece = ''
    for (const [n, family] of families.entries()) {
      if (n > 0) piece += '\n'
      for (let from = 0; from === 0 || from < family.count; from += SUBJECTS_PER_STEP) {
        await giveWay()
        piece += await textOf(registry, family, `${prefix}_${family.name}`, from)
        if (piece.length < PIECE_LENGTH_MIN) continue
        pieces.push(piece)
        piece = ''
      }
    }
    pieces.push(piece)
    return pieces
  }

  /** The families with what they are about at this moment. */
  *#families(cluster: ClusterFacts | null): Steps<BoundFamily[]> {
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
    const backendSubjects: (Subject & { readonly servers: readonly ServerSubject[] })[] = []
    for (const { name: proxy, row, mode, servers: planned } of backends) {
      const isHttp = mode === 'http'
      const servers: ServerSubject[] = []
      for (const { name: server, row, maxconn, maxqueue } of planned) {
        const key = `${proxy}/${server}`
        servers.push({
          labels: { proxy, server },
          row,
          isHttp,
          maxconn,
          maxqueue,
          past: this.#source.past(key),
          check: this.#source.check(key),
          ejection: this.#source.ejection(key),
        })
        yield
      }
      backendSubjects.push({ labels: { proxy }, row, isHttp, servers })
    }
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

/** A family, and how to read the samples of its subjects. */
interface BoundFamily extends Pick<Family<never>, 'name' | 'type' | 'help'> {
  /** Of subjects. */
  readonly count: number
  /** Of the subjects from one on, {@link SUBJECTS_PER_STEP} at most. */
  readonly samples: (fullName: string, from: number) => Sample[]
}

function bind<S extends { readonly labels: Labels }>(
  family: Family<S>,
  subjects: readonly S[],
  table: ServerTable,
): BoundFamily {
  const samples = (fullName: string, from: number): Sample[] => {
    const some: Sample[] = []
    for (const subject of subjects.slice(from, from + SUBJECTS_PER_STEP)) {
      const sharedLabels = subject.labels
      const reading = family.read(subject, table)
      if (typeof reading === 'number') {
        some.push({ metricName: fullName, labels: undefined, sharedLabels, value: reading })
        continue
      }
      for (const { suffix = '', labels, value } of reading) {
        some.push({ metricName: fullName + suffix, labels, sharedLabels, value })
      }
    }
    return some
  }
  return { ...family, count: subjects.length, samples }
}

/** A family, or more of one, in lines. */
async function textOf(
  registry: Registry,
  { type, help, samples }: BoundFamily,
  name: string,
  from: number,
): Promise<string> {
  const metric = { name, get: async () => ({ name, type, help, values: samples(name, from) }) }
  // The registry asks no more of a metric than these two members. Its own classes keep every label set in a map,
  // which took five times as long and held the memory between scrapes.
  registry.clear()
  registry.registerMetric(metric as unknown as Metric)
  const text = await registry.metrics()
  return from === 0 ? text : withoutHead(text)
}

/** It has two lines: `# HELP` and `# TYPE`. */
function withoutHead(text: string): string {
  return text.slice(text.indexOf('\n', text.indexOf('\n') + 1) + 1)
}
