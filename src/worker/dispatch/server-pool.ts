import { createStrategy } from '../../balance/registry.ts'
import type { Candidates, Strategy } from '../../balance/strategy.ts'
import { serverId } from '../../balance/structures/hashing.ts'
import { type Address, isSameAddress } from '../../base/address.ts'
import type { Random } from '../../base/clock.ts'
import { SERVER_STATE, type ServerTable, THROTTLE_STEPS } from '../../memory/server-table.ts'
import { isBefore } from '../../memory/waiting-lines.ts'
import type { PlannedBackend, PlannedServer } from '../../model/plan.ts'
import type { UsableServers } from '../servers/idle-connections.ts'
import { IdlePool } from '../servers/idle-pool.ts'
import type { UpstreamServer } from '../servers/upstream-server.ts'

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
export class ServerPool implements Candidates, UsableServers {
  readonly servers: readonly UpstreamServer[]
  /** A server bounds its sessions (`maxconn`, or its agent may), so that some may have to wait. */
  readonly isLimited: boolean
  /**
   * Tells the strategy how long a server took to answer, and when it had; null where it does not
   * go by that, so that nobody needs to measure.
   */
  readonly observe: NonNullable<Strategy['observe']> | null
  count = 0
  rows = new Int32Array(0)
  weights = new Int32Array(0)
  weightScale = 1
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
    this.isLimited = plan.servers.some(({ maxconn, agent }) => maxconn > 0 || agent !== null)
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
   * @param ticket of a session that waits in line; 0: it has just come. A server for which older
   *   ones wait is left to these
   * @returns null when no server is up, `full` when all that are have as many as they may
   */
  take(key: number, failed: readonly number[], ticket = 0): UpstreamServer | 'full' | null {
    const epoch = this.#table.epoch()
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#refresh()
    }
    const index = this.#strategy.pick(key, failed.at(-1) ?? -1)
    if (index < 0) return null
    const picked = this.#candidates[index] as UpstreamServer
    if (!failed.includes(picked.plan.row) && this.#takeFor(picked, ticket)) return picked
    const other = this.#takeElsewhere(key, index, failed, ticket)
    if (other !== null) return other
    return this.#takeFor(picked, ticket) ? picked : 'full'
  }

  /**
   * The server that a session belongs to: weights do not matter, and a server that drains keeps its
   * sessions.
   *
   * @param sticky the row of the server, or -1; `isForced` takes it in any state
   * @returns null where it cannot have the session
   */
  serverOf(sticky: { readonly row: number; readonly isForced: boolean }): UpstreamServer | null {
    const server = this.#byRow.get(sticky.row)
    if (server === undefined) return null
    const state = this.#table.state(sticky.row)
    const isOpen = state === SERVER_STATE.up || state === SERVER_STATE.drain
    return isOpen || sticky.isForced ? server : null
  }

  /** The server of a row where new sessions may go to it, or null. */
  usableAt(row: number): UpstreamServer | null {
    const server = this.#byRow.get(row)
    return server !== undefined && this.#isUsable(server) ? server : null
  }

  /** Takes a place at one server; false when it is full. */
  takeAt({ plan }: UpstreamServer): boolean {
    return this.#table.tryAcquire(this.#worker, plan.row, this.#sessionsMax(plan))
  }

  /** Sessions wait for any of the servers, in some thread. */
  get isAwaited(): boolean {
    return this.#table.lines.length(this.#plan.row) > 0
  }

  /** Sessions that wait for one server because they belong to it, over all threads. */
  waitingFor({ plan }: UpstreamServer): number {
    return this.#table.lines.length(plan.row)
  }

  /** Sessions that wait for any of the servers or for one of them. O(servers). */
  get waitingTotal(): number {
    const { lines } = this.#table
    const own = this.servers.reduce((sum, { plan }) => sum + lines.length(plan.row), 0)
    return own + lines.length(this.#plan.row)
  }

  /** As {@link takeAt}, for a session that may go elsewhere. */
  #takeFor(server: UpstreamServer, ticket: number): boolean {
    return !this.#isLeftToOlder(server, ticket) && this.takeAt(server)
  }

  #isLeftToOlder(server: UpstreamServer, ticket: number): boolean {
    if (this.waitingFor(server) === 0) return false
    const first = this.#table.lines.firstTicket(server.plan.row)
    return first !== 0 && (ticket === 0 || isBefore(first, ticket))
  }

  /** HAProxy configuration manual, minconn, fullconn and slowstart; agent-check for its maxconn. */
  #sessionsMax(plan: PlannedServer): number {
    const maxconn = this.#maxconn(plan)
    return maxconn === 0 ? 0 : this.#throttled(plan.row, this.#bound(plan.minconn, maxconn))
  }

  /** What a server may have while its backend is busy. */
  #capacity(plan: PlannedServer): number {
    const maxconn = this.#maxconn(plan)
    return maxconn === 0 ? 0 : this.#throttled(plan.row, maxconn)
  }

  #throttled(row: number, sessionsMax: number): number {
    const steps = this.#table.maxconnSteps(row)
    if (steps === THROTTLE_STEPS) return sessionsMax
    return Math.max(1, Math.floor((sessionsMax * steps) / THROTTLE_STEPS))
  }

  #maxconn({ row, maxconn, agent }: PlannedServer): number {
    return (agent === null ? 0 : this.#table.agentMaxconn(row)) || maxconn
  }

  #bound(minconn: number, maxconn: number): number {
    if (minconn === 0 || minconn >= maxconn) return maxconn
    const { fullconn, row } = this.#plan
    const share = Math.floor((this.#table.sessions(row) * maxconn) / fullconn)
    return Math.min(Math.max(minconn, share), maxconn)
  }

  /** Another server than the one that was picked, by the order that the strategy has for the key. */
  #takeElsewhere(
    key: number,
    picked: number,
    failed: readonly number[],
    ticket: number,
  ): UpstreamServer | null {
    const mayTry = (server: UpstreamServer): boolean => !failed.includes(server.plan.row)
    // Where all are full, which is when most come here, nobody needs an order.
    if (!this.#candidates.some((server) => mayTry(server) && this.#hasRoom(server))) return null
    for (const index of this.#strategy.order(key)) {
      if (index === picked) continue
      const other = this.#candidates[index] as UpstreamServer
      if (mayTry(other) && this.#takeFor(other, ticket)) return other
    }
    return null
  }

  #hasRoom({ plan }: UpstreamServer): boolean {
    const sessionsMax = this.#sessionsMax(plan)
    return sessionsMax === 0 || this.#table.sessions(plan.row) < sessionsMax
  }

  /** The idle connections that a server of the next plan may take over. */
  idlePoolOf(server: PlannedServer): IdlePool | undefined {
    const known = this.#byRow.get(server.row)
    const same = known && isSameAddress(known.plan.address, server.address)
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

  /** Closes all idle connections. */
  dropIdle(): void {
    for (const { idle } of this.servers) idle.drop()
  }

  /** Resets all idle connections to an address: see {@link IdlePool.freePorts}. */
  freePorts(address: Address): void {
    for (const { idle, plan } of this.servers) {
      if (isSameAddress(plan.address, address)) idle.freePorts()
    }
  }

  #refresh(): void {
    const usable = this.#usable()
    const rows = Int32Array.from(usable, ({ plan }) => plan.row)
    const steps = Int32Array.from(rows, (row) => this.#table.weightSteps(row))
    const isStarting = steps.some((step) => step < THROTTLE_STEPS)
    const weights = Int32Array.from(rows, (row, i) => {
      return this.#table.weight(row) * (isStarting ? (steps[i] as number) : 1)
    })
    const capacities = Int32Array.from(usable, ({ plan }) => this.#capacity(plan))
    if (this.#strategyIsCurrent(rows, weights, capacities)) return
    this.count = usable.length
    this.rows = rows
    this.weights = weights
    this.weightScale = isStarting ? THROTTLE_STEPS : 1
    this.capacities = capacities
    this.ids = Uint32Array.from(usable, ({ plan }) => this.#ids.get(plan.row) as number)
    this.#candidates.splice(0, this.#candidates.length, ...usable)
    this.#strategy.rebuild(this)
  }

  /** The servers that may take new sessions: backups only where there is no other. */
  #usable(): UpstreamServer[] {
    const usable = this.servers.filter((server) => this.#isUsable(server))
    const regular = usable.filter(({ plan }) => !plan.backup)
    if (regular.length > 0) return regular
    return this.#plan.allbackups ? usable : usable.slice(0, 1)
  }

  #isUsable({ plan }: UpstreamServer): boolean {
    return this.#table.state(plan.row) === SERVER_STATE.up && this.#table.weight(plan.row) > 0
  }

  #strategyIsCurrent(rows: Int32Array, weights: Int32Array, capacities: Int32Array): boolean {
    if (rows.length !== this.count || rows.length === 0) return false
    return rows.every(
      (row, i) =>
        row === this.rows[i] &&
        weights[i] === this.weights[i] &&
        capacities[i] === this.capacities[i],
    )
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
