import { serverId } from '../balance/hashing.ts'
import { createStrategy } from '../balance/registry.ts'
import type { Candidates, Strategy } from '../balance/strategy.ts'
import { formatAddress } from '../model/address.ts'
import type { Random } from '../model/clock.ts'
import type { PlannedBackend, PlannedServer } from '../model/plan.ts'
import { SERVER_STATE, type ServerTable } from '../model/server-table.ts'
import { IdlePool } from './idle-pool.ts'

/** A server as a worker sees it: what the plan says, and this worker's idle connections to it. */
export interface UpstreamServer {
  readonly plan: PlannedServer
  readonly idle: IdlePool
}

/** What a pool needs of the worker that it runs in. */
export interface PoolContext {
  readonly table: ServerTable
  readonly worker: number
  readonly random: Random
}

/**
 * The servers of a backend in one worker: which of them may take a session now, and the strategy
 * that picks among those. The candidates are rebuilt only when the table's epoch has moved and one
 * of this backend's servers has really changed.
 */
export class ServerPool implements Candidates {
  readonly servers: readonly UpstreamServer[]
  /** A server bounds its sessions (`maxconn`), so that some may have to wait. */
  readonly isLimited: boolean
  /**
   * Tells the strategy how long a server took to answer, and when it had; null where it does not
   * go by that, so that nobody needs to measure.
   */
  readonly observe: NonNullable<Strategy['observe']> | null
  count = 0
  rows = new Int32Array(0)
  weights = new Int32Array(0)
  ids = new Uint32Array(0)
  capacities = new Int32Array(0)
  readonly serversTotal: number
  readonly weightTotal: number
  readonly #candidates: UpstreamServer[] = []
  readonly #strategy: Strategy
  readonly #table: ServerTable
  readonly #worker: number
  readonly #plan: PlannedBackend
  readonly #byRow: ReadonlyMap<number, UpstreamServer>
  /** What the name of each server makes, by its row. */
  readonly #ids: ReadonlyMap<number, number>
  #epoch = -1

  /**
   * @param previous this backend's pool before a reload: servers of the same row and address keep
   *   their idle connections, the others' are closed by {@link retire}
   */
  constructor(plan: PlannedBackend, context: PoolContext, previous: ServerPool | undefined) {
    this.#table = context.table
    this.#worker = context.worker
    this.#plan = plan
    this.isLimited = plan.servers.some(({ maxconn }) => maxconn > 0)
    this.#strategy = createStrategy(plan, {
      random: context.random,
      loads: (row) => context.table.sessions(row),
      loadTotal: () => context.table.sessions(plan.row),
    })
    this.observe = this.#strategy.observe?.bind(this.#strategy) ?? null
    this.serversTotal = plan.servers.length
    this.weightTotal = plan.servers.reduce((sum, { weight }) => sum + weight, 0)
    const cells = context.table.counters(context.worker)
    this.servers = plan.servers.map((server) => {
      const idleMax = Math.ceil(server.poolIdleMax / context.table.workers)
      const idle = previous?.idlePoolOf(server) ?? new IdlePool(idleMax, cells, server.row)
      idle.resize(idleMax)
      return { plan: server, idle }
    })
    this.#byRow = new Map(this.servers.map((server) => [server.plan.row, server]))
    this.#ids = idsOf(plan.servers)
  }

  /**
   * Takes a place for a new session, at the server that the strategy picks or, where that is full,
   * at one that is not. Give it back with the table's `release`.
   *
   * @param key hash of what the strategy balances by, 0 to 2^32 - 1, or `NO_KEY`
   * @param failed rows of the servers that have failed on the session, the last one last; passed
   *   over while there is another
   * @returns null when no server is up, `full` when all that are have as many as they may
   */
  take(key: number, failed: readonly number[]): UpstreamServer | 'full' | null {
    const epoch = this.#table.epoch()
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#refresh()
    }
    const index = this.#strategy.pick(key, failed.at(-1) ?? -1)
    if (index < 0) return null
    const picked = this.#candidates[index] as UpstreamServer
    if (!failed.includes(picked.plan.row) && this.takeAt(picked)) return picked
    const other = this.#takeElsewhere(index, failed)
    if (other !== null) return other
    return this.takeAt(picked) ? picked : 'full'
  }

  /**
   * Takes a place at the server that a session belongs to: weights do not matter, and a server that
   * drains keeps its sessions.
   *
   * @param sticky the row of the server, or -1; `isForced` takes it in any state
   * @returns null where it cannot have the session, or is full
   */
  takeSticky(sticky: { readonly row: number; readonly isForced: boolean }): UpstreamServer | null {
    const server = this.#byRow.get(sticky.row)
    if (server === undefined) return null
    const state = this.#table.state(sticky.row)
    const isOpen = state === SERVER_STATE.up || state === SERVER_STATE.drain
    return (isOpen || sticky.isForced) && this.takeAt(server) ? server : null
  }

  /** Takes a place at one server; false when it is full. */
  takeAt({ plan }: UpstreamServer): boolean {
    return this.#table.tryAcquire(this.#worker, plan.row, this.#sessionsMax(plan))
  }

  /** HAProxy configuration manual, minconn and fullconn. */
  #sessionsMax({ minconn, maxconn }: PlannedServer): number {
    const { fullconn, row } = this.#plan
    if (minconn === 0 || minconn >= maxconn) return maxconn
    const share = Math.floor((this.#table.sessions(row) * maxconn) / fullconn)
    return Math.min(Math.max(minconn, share), maxconn)
  }

  /** Another server, in the order of the config, beginning behind the one that was picked. */
  #takeElsewhere(from: number, failed: readonly number[]): UpstreamServer | null {
    for (let step = 1; step < this.count; step++) {
      const other = this.#candidates[(from + step) % this.count] as UpstreamServer
      if (!failed.includes(other.plan.row) && this.takeAt(other)) return other
    }
    return null
  }

  /** The idle connections that a server of the next plan may take over. */
  idlePoolOf(server: PlannedServer): IdlePool | undefined {
    const known = this.#byRow.get(server.row)
    const same = known && formatAddress(known.plan.address) === formatAddress(server.address)
    return same ? known.idle : undefined
  }

  /** Closes the idle connections that the successor has not taken over. */
  retire(successor: ServerPool | undefined): void {
    const kept = new Set(successor?.servers.map(({ idle }) => idle))
    for (const { idle } of this.servers) if (!kept.has(idle)) idle.close()
  }

  /** Closes idle connections that are not needed. Housekeeping, about once a second. */
  purgeIdle(nowMs: number): void {
    for (const { idle, plan } of this.servers) idle.purge(nowMs, plan.poolPurgeDelayMs)
  }

  #refresh(): void {
    const usable = this.#usable()
    const rows = Int32Array.from(usable, ({ plan }) => plan.row)
    const weights = Int32Array.from(usable, ({ plan }) => this.#table.weight(plan.row))
    if (this.#strategyIsCurrent(rows, weights)) return
    this.count = usable.length
    this.rows = rows
    this.weights = weights
    this.ids = Uint32Array.from(usable, ({ plan }) => this.#ids.get(plan.row) as number)
    this.capacities = Int32Array.from(usable, ({ plan }) => plan.maxconn)
    this.#candidates.splice(0, this.#candidates.length, ...usable)
    this.#strategy.rebuild(this)
  }

  /** The servers that may take new sessions: backups only where there is no other. */
  #usable(): UpstreamServer[] {
    const isUsable = ({ plan }: UpstreamServer): boolean =>
      this.#table.state(plan.row) === SERVER_STATE.up && this.#table.weight(plan.row) > 0
    const usable = this.servers.filter(isUsable)
    const regular = usable.filter(({ plan }) => !plan.backup)
    if (regular.length > 0) return regular
    return this.#plan.allbackups ? usable : usable.slice(0, 1)
  }

  #strategyIsCurrent(rows: Int32Array, weights: Int32Array): boolean {
    if (rows.length !== this.count || rows.length === 0) return false
    return rows.every((row, i) => row === this.rows[i] && weights[i] === this.weights[i])
  }
}

/** Ids by row. Of two names that make the same, the later one in the config takes the next. */
function idsOf(servers: readonly PlannedServer[]): Map<number, number> {
  const ids = new Map<number, number>()
  const taken = new Set<number>()
  for (const { name, row } of servers) {
    let id = serverId(name)
    while (taken.has(id)) id = (id + 1) >>> 0
    taken.add(id)
    ids.set(row, id)
  }
  return ids
}
