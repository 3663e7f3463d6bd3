import { isSameAddress } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import { SERVER_STATE, type ServerTable } from '../memory/server-table.ts'
import type { Mode } from '../model/config.ts'
import { EJECTION_CAUSES, type EjectionCause, type EjectionState } from '../model/ejection.ts'
import type { OnError } from '../model/observation-config.ts'
import type { Plan, PlannedBackend, PlannedServer } from '../model/plan.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import type { Health } from './health.ts'
import { countErrors, type ErrorCount, NO_ERRORS } from './observation-limit.ts'
import {
  connectionSample,
  countsBetween,
  type ObservedCounts,
  readObserved,
  sampleIn,
} from './observation-sample.ts'
import { type OutlierChange, OutlierPool } from './outlier-pool.ts'

/** How often the counters are looked at: a few times within the two seconds that matter. */
const OBSERVATION_MS = 250

/** A server that traffic has shown to fail, as often as `error-limit` says. */
export interface ServerFault {
  /** `backend/server`. */
  readonly key: string
  readonly onError: OnError
  /** What was observed, for people. */
  readonly reason: string
}

/** What observation is done with. */
export interface ObservationOptions {
  readonly table: ServerTable
  readonly clock: Clock
  readonly log: DaemonLog
  readonly health: Pick<Health, 'setEjected' | 'life'>
  /** Tells the checks of a fault. */
  readonly onFault: (fault: ServerFault) => void
}

/** A server whose counters are looked at. */
interface WatchedServer {
  readonly key: string
  server: PlannedServer
  /** As they were when last looked at. */
  counts: ObservedCounts
  errors: ErrorCount
  /** What health was last told. */
  ejection: string | null
  readonly ejectionsTotal: Record<EjectionCause, number>
}

/** A backend with servers that are watched. */
interface WatchedBackend {
  plan: PlannedBackend
  /** Null: it has no `outlier-detection`. */
  pool: OutlierPool | null
  servers: readonly WatchedServer[]
}

/**
 * Watches what servers do with the traffic that they get, and takes out those that fail it, without
 * a probe. The data plane only counts; here its counters are read every {@link OBSERVATION_MS}.
 */
export class Observation {
  readonly #options: ObservationOptions
  #backends = new Map<string, WatchedBackend>()
  #servers = new Map<string, WatchedServer>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ObservationOptions) {
    this.#options = options
  }

  /** Takes over the servers of a plan, after health has. What was seen of one that stays is kept. */
  follow({ backends }: Plan): void {
    const serversBefore = this.#servers
    const before = this.#backends
    this.#servers = new Map()
    this.#backends = new Map()
    for (const plan of backends) {
      const isWatched =
        plan.outlierDetection !== null || plan.servers.some(({ observe }) => observe !== null)
      if (!isWatched) continue
      const pool = nextPool(plan, before.get(plan.name)?.pool ?? null)
      const servers = plan.servers.map((server) => this.#watch(plan, server, pool, serversBefore))
      this.#backends.set(plan.name, { plan, pool, servers })
    }
    for (const { key, ejection } of serversBefore.values()) {
      const isKept = this.#servers.get(key)?.ejection === ejection
      if (ejection !== null && !isKept) this.#options.health.setEjected(key, null)
    }
    clearInterval(this.#timer)
    if (this.#backends.size > 0) this.#timer = setInterval(() => this.#look(), OBSERVATION_MS)
  }

  /** Ends the watch: nobody is ejected or brought back any more. */
  stop(): void {
    clearInterval(this.#timer)
  }

  /** What was done to a server; undefined where its backend has no `outlier-detection`. */
  ejection(key: string): EjectionState | undefined {
    const backend = this.#backends.get(key.slice(0, key.indexOf('/')))
    const watched = this.#servers.get(key)
    if (watched === undefined || (backend?.pool ?? null) === null) return undefined
    return { isEjected: watched.ejection !== null, ejectionsTotal: watched.ejectionsTotal }
  }

  #watch(
    backend: PlannedBackend,
    server: PlannedServer,
    pool: OutlierPool | null,
    before: ReadonlyMap<string, WatchedServer>,
  ): WatchedServer {
    const key = `${backend.name}/${server.name}`
    const known = before.get(key)
    const isSame = known !== undefined && isSameAddress(known.server.address, server.address)
    if (!isSame) pool?.forget(key)
    const watched: WatchedServer = {
      key,
      server,
      counts: isSame ? known.counts : readObserved(this.#options.table, server.row),
      errors: isSame ? known.errors : NO_ERRORS,
      ejection: isSame && pool !== null ? known.ejection : null,
      ejectionsTotal: known?.ejectionsTotal ?? noEjections(),
    }
    this.#servers.set(key, watched)
    return watched
  }

  #look(): void {
    const { table } = this.#options
    for (const backend of this.#backends.values()) {
      const samples = new Map<WatchedServer, ObservedCounts>()
      for (const watched of backend.servers) {
        const counts = readObserved(table, watched.server.row)
        const added = countsBetween(watched.counts, counts)
        watched.counts = counts
        samples.set(watched, added)
        this.#observe(watched, added, backend.plan.mode)
      }
      if (backend.pool !== null) this.#judge(backend, backend.pool, samples)
    }
  }

  /** HAProxy's `observe`. */
  #observe(watched: WatchedServer, added: ObservedCounts, mode: Mode): void {
    const { key, server } = watched
    if (server.observe === null) return
    const { layer, errorLimit, onError } = server.observe
    const sample = layer === 'layer4' ? connectionSample(added) : sampleIn(mode, added)
    watched.errors = countErrors(watched.errors, sample, errorLimit)
    for (let fault = 0; fault < watched.errors.faults; fault++) {
      const reason = `${errorLimit} errors in a row in its traffic`
      this.#options.log.warn('server-fault', `server ${key} has had ${reason}: ${onError}`, {
        server: key,
        errors: errorLimit,
        onError,
      })
      this.#options.onFault({ key, onError, reason })
    }
  }

  #judge(
    { plan, servers }: WatchedBackend,
    pool: OutlierPool,
    samples: ReadonlyMap<WatchedServer, ObservedCounts>,
  ): void {
    const members = servers.flatMap((watched) => {
      if (!this.#isInPool(watched)) return []
      const sample = sampleIn(plan.mode, samples.get(watched) as ObservedCounts)
      return [{ key: watched.key, sample, isUp: this.#isUp(watched) }]
    })
    for (const change of pool.step(members, this.#options.clock())) this.#log(plan.name, change)
    for (const watched of servers) {
      const ejection = pool.ejectionOf(watched.key)
      if (ejection === watched.ejection) continue
      watched.ejection = ejection
      this.#options.health.setEjected(watched.key, ejection)
    }
  }

  /** Whether it is meant to take sessions. */
  #isInPool({ server: { row }, key }: WatchedServer): boolean {
    const { table, health } = this.#options
    const state = table.state(row)
    if (state === SERVER_STATE.maint || state === SERVER_STATE.drain) return false
    return table.weight(row) > 0 && health.life(key)?.admin === 'ready'
  }

  /** Whether it would take sessions if it were not ejected. */
  #isUp({ server: { row }, key }: WatchedServer): boolean {
    const { table, health } = this.#options
    return table.state(row) === SERVER_STATE.up || health.life(key)?.cause === 'passive'
  }

  #log(backend: string, change: OutlierChange): void {
    const { log } = this.#options
    switch (change.kind) {
      case 'ejected': {
        const { key, cause, reason, ejectionMs, ejections } = change
        const watched = this.#servers.get(key)
        if (watched !== undefined) watched.ejectionsTotal[cause]++
        const message = `server ${key} is ejected for ${ejectionMs} ms: ${reason}`
        log.warn('server-ejected', message, { server: key, cause, reason, ejectionMs, ejections })
        return
      }
      case 'returned': {
        const { key, ejectedMs } = change
        const message = `server ${key} is no longer ejected, after ${ejectedMs} ms`
        log.info('server-returned', message, { server: key, ejectedMs })
        return
      }
      case 'panic': {
        const { left, servers } = change
        const message = `backend ${backend} ignores ejections: they leave ${left} of ${servers} servers`
        log.warn('ejections-ignored', message, { backend, left, servers })
        return
      }
      case 'panic-over': {
        const { left, servers } = change
        const message = `backend ${backend} heeds ejections again: ${left} of ${servers} servers are left`
        log.info('ejections-heeded', message, { backend, left, servers })
        return
      }
      default:
        change satisfies never
    }
  }
}

/** The pool of a backend goes on under its next config. */
function nextPool(
  { outlierDetection }: PlannedBackend,
  known: OutlierPool | null,
): OutlierPool | null {
  if (outlierDetection === null) return null
  if (known === null) return new OutlierPool(outlierDetection)
  known.configure(outlierDetection)
  return known
}

function noEjections(): Record<EjectionCause, number> {
  const entries = EJECTION_CAUSES.map((cause) => [cause, 0])
  return Object.fromEntries(entries) as Record<EjectionCause, number>
}
