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
  /** Idle connections kept per server in this worker. */
  readonly idleMax: number
}

/**
 * The servers of a backend in one worker: which of them may take a session now, and the strategy
 * that picks among those. The candidates are rebuilt only when the table's epoch has moved and one
 * of this backend's servers has really changed.
 */
export class ServerPool implements Candidates {
  readonly servers: readonly UpstreamServer[]
  count = 0
  rows = new Int32Array(0)
  weights = new Int32Array(0)
  readonly #candidates: UpstreamServer[] = []
  readonly #strategy: Strategy
  readonly #table: ServerTable
  readonly #byRow: ReadonlyMap<number, UpstreamServer>
  #epoch = -1

  /**
   * @param previous this backend's pool before a reload: servers of the same row and address keep
   *   their idle connections, the others' are closed by {@link retire}
   */
  constructor(plan: PlannedBackend, context: PoolContext, previous: ServerPool | undefined) {
    this.#table = context.table
    this.#strategy = createStrategy(plan.balance, {
      random: context.random,
      loads: (row) => context.table.sessions(row),
    })
    const cells = context.table.counters(context.worker)
    this.servers = plan.servers.map((server) => {
      const idle = previous?.idlePoolOf(server) ?? new IdlePool(context.idleMax, cells, server.row)
      idle.resize(context.idleMax)
      return { plan: server, idle }
    })
    this.#byRow = new Map(this.servers.map((server) => [server.plan.row, server]))
  }

  /**
   * The server for a new session.
   *
   * @param key hash of what the strategy balances by, or 0
   * @param avoidRow a server that has just failed, or -1
   * @returns null when no server can take it
   */
  pick(key: number, avoidRow: number): UpstreamServer | null {
    const epoch = this.#table.epoch()
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#refresh()
    }
    const index = this.#strategy.pick(key, avoidRow)
    return index < 0 ? null : (this.#candidates[index] as UpstreamServer)
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

  /** Closes connections that have been idle since before a moment. */
  expireIdle(beforeMs: number): void {
    for (const { idle } of this.servers) idle.expire(beforeMs)
  }

  #refresh(): void {
    const usable = this.servers.filter(
      ({ plan }) =>
        this.#table.state(plan.row) === SERVER_STATE.up && this.#table.weight(plan.row) > 0,
    )
    const rows = Int32Array.from(usable, ({ plan }) => plan.row)
    const weights = Int32Array.from(usable, ({ plan }) => this.#table.weight(plan.row))
    if (this.#strategyIsCurrent(rows, weights)) return
    this.count = usable.length
    this.rows = rows
    this.weights = weights
    this.#candidates.splice(0, this.#candidates.length, ...usable)
    this.#strategy.rebuild(this)
  }

  #strategyIsCurrent(rows: Int32Array, weights: Int32Array): boolean {
    if (rows.length !== this.count || rows.length === 0) return false
    return rows.every((row, i) => row === this.rows[i] && weights[i] === this.weights[i])
  }
}
