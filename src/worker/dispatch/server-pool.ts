import { createStrategy } from '../../balance/registry.ts'
import type { Candidates, Strategy } from '../../balance/strategy.ts'
import { type Address, isSameAddress } from '../../base/address.ts'
import type { Random } from '../../base/clock.ts'
import { SERVER_STATE, type ServerTable, THROTTLE_STEPS } from '../../memory/server-table.ts'
import { isBefore } from '../../memory/waiting-lines.ts'
import type { BackendTerms, PlannedBackend, PlannedServer } from '../../model/plan.ts'
import type { BackendServersChange } from '../../model/servers-change.ts'
import type { ClientTlsContexts } from '../../net/tls/client-tls.ts'
import type { UsableServers } from '../servers/connections/idle-connections.ts'
import { IdlePool } from '../servers/connections/idle-pool.ts'
import { SharedConnections } from '../servers/connections/shared-connections.ts'
import { maySpeakH2, type UpstreamServer } from '../servers/upstream-server.ts'
import { UpstreamTls } from '../servers/upstream-tls.ts'
import { PoolServers } from './pool-servers.ts'
import type { TableBuild, TableBuilds } from './table-builds.ts'

/** What a pool needs of the worker that it runs in. */
export interface PoolContext {
  readonly table: ServerTable
  readonly worker: number
  readonly random: Random
  /** Where the tables of large backends are built. */
  readonly builds: TableBuilds
  /** What TLS with servers stands on. */
  readonly tlsContexts: ClientTlsContexts
}

/**
 * Servers up to which the table of a strategy is built at once, within some milliseconds, so that
 * whoever comes next goes by it. Beyond, it is built in slices, and until it is whole picks go by
 * the one before as far as it still holds.
 */
const BUILT_AT_ONCE_MAX = 256

/** Servers that can be picked, as a strategy is told of them. */
interface CandidateSet extends Candidates {
  readonly servers: readonly UpstreamServer[]
}

const NO_CANDIDATES: CandidateSet = {
  servers: [],
  count: 0,
  rows: new Int32Array(0),
  weights: new Int32Array(0),
  weightScale: 1,
  ids: new Uint32Array(0),
  capacities: new Int32Array(0),
  serversTotal: 0,
  weightTotal: 0,
}

/**
 * The servers of a backend in one worker: which of them may take a session now, and the strategy
 * that picks among those. The candidates are rebuilt only when the table's epoch has moved and one
 * of this backend's servers has really changed. Servers may come, go and move while sessions hold
 * the pool: see {@link change}.
 */
export class ServerPool implements UsableServers {
  /**
   * Tells the strategy how long a server took to answer, and when it had; null where it does not
   * go by that, so that nobody needs to measure.
   */
  readonly observe: ((server: UpstreamServer, responseMs: number, nowMs: number) => void) | null
  readonly #servers: PoolServers
  readonly #strategy: Strategy
  readonly #context: PoolContext
  readonly #table: ServerTable
  readonly #worker: number
  readonly #plan: BackendTerms
  /** What the strategy picks from. */
  #candidates = NO_CANDIDATES
  /** The strategy builds its table for later candidates; null: what it picks from is what there is. */
  #build: TableBuild | null = null
  #epoch = -1

  /**
   * @param previous this backend's pool before a reload: servers of the same row, address and TLS
   *   keep their idle connections, the others' are closed by {@link retire}
   */
  constructor(plan: PlannedBackend, context: PoolContext, previous: ServerPool | undefined) {
    this.#context = context
    this.#table = context.table
    this.#worker = context.worker
    this.#plan = plan
    this.#strategy = createStrategy(plan, {
      random: context.random,
      loads: (row) => context.table.sessions(row),
      loadTotal: () => context.table.sessions(plan.row),
    })
    const observe = this.#strategy.observe?.bind(this.#strategy)
    this.observe =
      observe === undefined
        ? null
        : ({ plan, idle }, responseMs, nowMs) => {
            // Of one that has moved since, nothing is learned.
            if (this.#servers.at(plan.row)?.idle === idle) observe(plan.row, responseMs, nowMs)
          }
    this.#servers = new PoolServers(
      plan.servers.map((server) => this.#upstreamOf(server, previous?.sameAs(server))),
    )
  }

  /** All servers, in the order of the config; replaced when they change. */
  get servers(): readonly UpstreamServer[] {
    return this.#servers.list
  }

  /** A server bounds its sessions (`maxconn`, or its agent may), so that some may have to wait. */
  get isLimited(): boolean {
    return this.#servers.isLimited
  }

  /** A server speaks HTTP/2, or may choose to. */
  get speaksH2(): boolean {
    return this.#servers.speaksH2
  }

  /** What the strategy picks from at present. */
  get candidates(): Candidates {
    return this.#candidates
  }

  /**
   * Servers have come, gone or moved, and nothing else. Sessions keep the servers that they have;
   * whoever picks from now on does so among those that there are. Servers of the same row, address
   * and TLS keep their idle connections, the others' are closed.
   */
  change(change: BackendServersChange): void {
    const before = new Set<UpstreamServer>()
    const leave = (row: number): void => {
      const known = this.#servers.at(row)
      if (known !== undefined) before.add(known)
    }
    change.removed.forEach(leave)
    for (const { server } of change.placed) leave(server.row)
    const made = change.placed.map(({ server }) => {
      return this.#upstreamOf(server, this.sameAs(server))
    })
    this.#servers.change(change, made)
    const kept = new Set(made.map(({ idle }) => idle))
    for (const { idle, plan } of before) {
      if (kept.has(idle)) continue
      idle.close()
      this.#strategy.forget?.(plan.row)
    }
    // Its candidates have to be looked at again, whatever the table says.
    this.#epoch = -1
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
    const picked = this.#candidateAt(index)
    const mayTake = picked !== null && !failed.includes(picked.plan.row)
    if (mayTake && this.#takeFor(picked, ticket)) return picked
    const other = this.#takeElsewhere(key, index, failed, ticket)
    if (other !== null) return other
    return picked !== null && this.#takeFor(picked, ticket) ? picked : 'full'
  }

  /**
   * The server that a session belongs to: weights do not matter, and a server that drains keeps its
   * sessions.
   *
   * @param sticky the row of the server, or -1; `isForced` takes it in any state
   * @returns null where it cannot have the session
   */
  serverOf(sticky: { readonly row: number; readonly isForced: boolean }): UpstreamServer | null {
    const server = this.#servers.at(sticky.row)
    if (server === undefined) return null
    const state = this.#table.state(sticky.row)
    const isOpen = state === SERVER_STATE.up || state === SERVER_STATE.drain
    return isOpen || sticky.isForced ? server : null
  }

  /** The server of a row where new sessions may go to it, or null. */
  usableAt(row: number): UpstreamServer | null {
    const server = this.#servers.at(row)
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
    const mayTry = (server: UpstreamServer | null): server is UpstreamServer =>
      server !== null && !failed.includes(server.plan.row)
    // Where all are full, which is when most come here, nobody needs an order.
    const hasRoom = (server: UpstreamServer): boolean => {
      const present = this.#present(server)
      return mayTry(present) && this.#hasRoom(present)
    }
    if (!this.#candidates.servers.some(hasRoom)) return null
    for (const index of this.#strategy.order(key)) {
      if (index === picked) continue
      const other = this.#candidateAt(index)
      if (mayTry(other) && this.#takeFor(other, ticket)) return other
    }
    return null
  }

  #candidateAt(index: number): UpstreamServer | null {
    return this.#present(this.#candidates.servers[index] as UpstreamServer)
  }

  /**
   * A candidate, as it is by now: while a table is being built it may have moved (it is another
   * object then), or may not take sessions any more (null).
   */
  #present(candidate: UpstreamServer): UpstreamServer | null {
    return this.#build === null ? candidate : this.usableAt(candidate.plan.row)
  }

  #hasRoom({ plan }: UpstreamServer): boolean {
    const sessionsMax = this.#sessionsMax(plan)
    return sessionsMax === 0 || this.#table.sessions(plan.row) < sessionsMax
  }

  /** The server whose idle connections one of the next plan may take over. */
  sameAs(server: PlannedServer): UpstreamServer | undefined {
    const known = this.#servers.at(server.row)
    if (known === undefined || !isSameAddress(known.plan.address, server.address)) return undefined
    if (known.plan.proto !== server.proto) return undefined
    return this.#hasSameTls(known, server) ? known : undefined
  }

  #hasSameTls({ tls: known }: UpstreamServer, { tls, trafficTls }: PlannedServer): boolean {
    if (known === null || tls === null || trafficTls === null) {
      return known === null && trafficTls === null
    }
    return known.isSameAs({ plan: tls, trafficTls, contexts: this.#context.tlsContexts })
  }

  /** Closes the idle connections that the successor has not taken over. */
  retire(successor: ServerPool | undefined): void {
    this.#build?.abandon()
    this.#build = null
    this.#epoch = -1
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

  /** @param kept whose idle connections and sessions it takes over */
  #upstreamOf(plan: PlannedServer, kept: UpstreamServer | undefined): UpstreamServer {
    const { table, worker, tlsContexts } = this.#context
    const idleMax = Math.ceil(plan.poolIdleMax / table.workers)
    const cells = table.counters(worker)
    const idle = kept?.idle ?? new IdlePool(idleMax, cells, plan.row)
    if (this.#plan.mode === 'http' && maySpeakH2(plan)) {
      idle.shared ??= new SharedConnections(idleMax, cells, plan.row)
    }
    idle.resize(idleMax)
    const { tls, trafficTls } = plan
    if (kept !== undefined || tls === null || trafficTls === null) {
      return { plan, idle, tls: kept?.tls ?? null }
    }
    return { plan, idle, tls: new UpstreamTls(tls, trafficTls, tlsContexts) }
  }

  #refresh(): void {
    if (this.#build !== null) {
      const isAnyLeft = this.#candidates.servers.some((server) => this.#present(server) !== null)
      // What has changed once more is looked at when it is done.
      if (isAnyLeft) return
      this.#build.finish()
    }
    const next = this.#usable()
    if (isSameSet(next, this.#candidates)) this.#candidates = next
    else this.#goOver(next)
  }

  #goOver(next: CandidateSet): void {
    const strategy = this.#strategy
    const isSmall = this.servers.length <= BUILT_AT_ONCE_MAX
    const isAnyLeft = this.#candidates.servers.some(({ plan }) => this.usableAt(plan.row) !== null)
    if (strategy.rebuildInSlices === undefined || isSmall || !isAnyLeft) {
      this.#candidates = next
      strategy.rebuild(next)
      return
    }
    this.#build = this.#context.builds.begin(strategy.rebuildInSlices(next), () => {
      this.#build = null
      this.#candidates = next
      this.#epoch = -1
      // For those who were told that all are full while one waited to be a candidate.
      this.#table.lines.ring(this.#worker)
    })
  }

  /** The servers that may take new sessions: backups only where there is no other. */
  #usable(): CandidateSet {
    const { list, ids, hasBackups, weightTotal } = this.#servers
    let usable: number[] = []
    for (let i = 0; i < list.length; i++) {
      if (this.#isUsable(list[i] as UpstreamServer)) usable.push(i)
    }
    if (hasBackups) {
      const regular = usable.filter((i) => list[i]?.plan.backup === false)
      if (regular.length > 0) usable = regular
      else if (!this.#plan.allbackups) usable = usable.slice(0, 1)
    }
    const table = this.#table
    const count = usable.length
    const set = {
      servers: usable.map((i) => list[i] as UpstreamServer),
      count,
      rows: new Int32Array(count),
      weights: new Int32Array(count),
      weightScale: 1,
      ids: new Uint32Array(count),
      capacities: new Int32Array(count),
      serversTotal: list.length,
      weightTotal,
    }
    for (let n = 0; n < count; n++) {
      const { plan } = set.servers[n] as UpstreamServer
      set.rows[n] = plan.row
      // It may have lost its weight since, which is looked at next time.
      set.weights[n] = Math.max(1, table.weight(plan.row))
      set.ids[n] = ids[usable[n] as number] as number
      set.capacities[n] = this.#capacity(plan)
      if (table.weightSteps(plan.row) < THROTTLE_STEPS) set.weightScale = THROTTLE_STEPS
    }
    if (set.weightScale === 1) return set
    for (let n = 0; n < count; n++) {
      set.weights[n] = (set.weights[n] as number) * table.weightSteps(set.rows[n] as number)
    }
    return set
  }

  #isUsable({ plan }: UpstreamServer): boolean {
    return this.#table.state(plan.row) === SERVER_STATE.up && this.#table.weight(plan.row) > 0
  }
}

/** Whether a strategy need not be told of the one after the other. */
function isSameSet(next: CandidateSet, present: CandidateSet): boolean {
  return (
    next.count > 0 &&
    next.serversTotal === present.serversTotal &&
    next.weightTotal === present.weightTotal &&
    next.weightScale === present.weightScale &&
    isSame(next.rows, present.rows) &&
    isSame(next.weights, present.weights) &&
    isSame(next.ids, present.ids) &&
    isSame(next.capacities, present.capacities)
  )
}

function isSame(numbers: Int32Array | Uint32Array, others: Int32Array | Uint32Array): boolean {
  if (numbers.length !== others.length) return false
  for (let i = 0; i < numbers.length; i++) if (numbers[i] !== others[i]) return false
  return true
}
