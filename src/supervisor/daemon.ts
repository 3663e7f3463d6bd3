import { readTokenFile } from '../admin/bearer-token.ts'
import { AdminServer } from '../admin/server.ts'
import type { SluiceError } from '../errors.ts'
import { formatAddress } from '../model/address.ts'
import type { Clock } from '../model/clock.ts'
import type { Config } from '../model/config.ts'
import { RowAllocator } from '../model/rows.ts'
import { ServerTable } from '../model/server-table.ts'
import { ConnectionTrials } from '../net/connection-trials.ts'
import { createNodeEngine } from '../net/node-engine.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { descriptorBudget } from './descriptor-limit.ts'
import { Health } from './health.ts'
import { Observation } from './observation.ts'
import { type Prepared, prepare, retire } from './preparation.ts'
import { Status } from './status.ts'
import { WorkerPool } from './worker-pool.ts'

/** How long cut sessions may take to be closed and logged. */
const CUT_MS = 2000

/** What a daemon is started with. */
export interface DaemonOptions {
  readonly config: Config
  readonly log: DaemonLog
  readonly clock: Clock
  readonly version: string
  /** The daemon cannot go on; it has logged why. */
  readonly onFatal: (error: SluiceError) => void
}

/**
 * The control plane of one node: binds, starts the worker threads, keeps the servers' health,
 * answers on the admin address, and carries the daemon through reloads to its end.
 */
export class Daemon {
  readonly #log: DaemonLog
  readonly #rows: RowAllocator
  readonly #table: ServerTable
  readonly #health: Health
  readonly #observation: Observation
  readonly #workers: WorkerPool
  readonly #status: Status
  #config: Config
  #prepared: Prepared
  #admin: AdminServer | null = null
  #stopping: Promise<void> | null = null

  private constructor(options: DaemonOptions, rows: RowAllocator, prepared: Prepared) {
    const { config, log, clock } = options
    this.#log = log
    this.#rows = rows
    this.#config = config
    this.#prepared = prepared
    this.#table = ServerTable.create(config.global.nbthread)
    const engine = createNodeEngine({ onAcceptFailure: () => {} })
    const trials = ConnectionTrials.create(clock)
    this.#health = new Health({ engine, trials, clock, table: this.#table, log })
    this.#health.follow(prepared.plan)
    this.#observation = new Observation({
      table: this.#table,
      clock,
      log,
      health: this.#health,
      onFault: ({ key, onError, reason }) => this.#health.checker.fault(key, onError, reason),
    })
    this.#observation.follow(prepared.plan)
    this.#workers = new WorkerPool(prepared.plan, {
      table: this.#table,
      boot: { tune: config.global.tune, access: config.global.log.access },
      log,
      clock,
      onFailing: (error) => {
        log.error('worker-failing', error.message, { error })
        options.onFatal(error)
      },
    })
    this.#status = new Status({
      table: this.#table,
      health: this.#health,
      observation: this.#observation,
      version: options.version,
      clock,
      plan: () => this.#prepared.plan,
      isReady: () => this.#workers.isReady,
    })
  }

  /**
   * Binds all addresses and starts serving.
   *
   * @throws SluiceError what {@link prepare} throws, and what the admin address throws
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const rows = new RowAllocator()
    const prepared = await prepare(options.config, rows, null)
    const daemon = new Daemon(options, rows, prepared)
    await daemon.#open()
    return daemon
  }

  /**
   * Goes over to another config. On failure everything stays as it is.
   *
   * @throws SluiceError what {@link prepare} throws
   */
  async reload(config: Config): Promise<void> {
    const previous = this.#prepared
    const prepared = await prepare(config, this.#rows, previous)
    this.#warnOfRestart(config)
    this.#health.follow(prepared.plan)
    this.#observation.follow(prepared.plan)
    await this.#workers.apply(prepared.plan)
    this.#config = config
    this.#prepared = prepared
    retire(previous, prepared, this.#rows)
    this.#recycleRows()
    this.#log.info('config-reloaded', 'the new config is active', { serial: prepared.plan.serial })
  }

  /** Opens the log files again after they were moved away. */
  reopenLogs(): void {
    this.#workers.reopenLogs()
  }

  /** Drains and ends the daemon. A second call waits for the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #open(): Promise<void> {
    try {
      await this.#openAdmin()
    } catch (error) {
      await this.#close()
      throw error
    }
    await this.#workers.ready()
    for (const socket of this.#prepared.sockets.values()) {
      const address = formatAddress(socket.address)
      this.#log.info('listening', `listening on ${address}`, { address })
    }
    const { maxconn } = this.#config.global
    if (!descriptorBudget(maxconn).isEnough) {
      const message = `the limit of open files is too low for ${maxconn} clients with a server each`
      this.#log.warn('descriptors-low', message, { maxconn, accepted: this.#prepared.plan.maxconn })
    }
    this.#log.info('started', `serving with ${this.#table.workers} worker threads`, {
      workers: this.#table.workers,
    })
  }

  async #openAdmin(): Promise<void> {
    const { bind, tokenFile } = this.#config.admin
    if (bind === null) return
    const token = tokenFile === null ? null : readTokenFile(tokenFile)
    const admin = new AdminServer({ bind, token, source: this.#status, log: this.#log })
    const address = formatAddress(await admin.listen())
    this.#admin = admin
    this.#log.info('listening', `the admin address is ${address}`, { address, admin: true })
  }

  async #stop(): Promise<void> {
    const { graceMs } = this.#config.global
    this.#log.info('draining', `finishing open sessions, for ${graceMs} ms at most`, { graceMs })
    this.#status.draining = true
    // The workers still accept on their duplicates: nothing is refused before they drain.
    this.#closeSockets()
    const drained = this.#workers.drain()
    if (!(await settlesWithin(drained, graceMs))) {
      const sessions = this.#table.connections()
      this.#log.warn('grace-exceeded', `${sessions} sessions are cut`, { sessions, graceMs })
      this.#workers.cut()
      await settlesWithin(drained, CUT_MS)
    }
    await this.#close()
    this.#log.info('stopped', 'all workers have ended', {})
  }

  async #close(): Promise<void> {
    this.#observation.stop()
    this.#health.stop()
    await this.#workers.stop()
    await this.#admin?.close()
    this.#closeSockets()
  }

  #closeSockets(): void {
    for (const socket of this.#prepared.sockets.values()) socket.close()
  }

  #recycleRows(): void {
    // Connections that rest for one client alone outlive the removal of their server.
    const freed = this.#rows.recycle(
      (row) => this.#table.sessions(row) === 0 && this.#table.total(row, 'idleConnections') === 0,
    )
    for (const row of freed) this.#table.clear(row)
  }

  /** Says which changed settings of the process take effect only with its next start. */
  #warnOfRestart(config: Config): void {
    const { global, admin } = this.#config
    const changed = [
      global.nbthread === config.global.nbthread ? '' : 'global.nbthread',
      isSame(global.tune, config.global.tune) ? '' : 'global.tune',
      isSame(global.log, config.global.log) ? '' : 'global.log',
      isSame(admin, config.admin) ? '' : 'admin',
    ].filter((name) => name !== '')
    if (changed.length === 0) return
    this.#log.warn('restart-needed', `${changed.join(', ')} change with the next start`, {
      changed,
    })
  }
}

/** Whether a promise resolves in time; its failure is passed on. */
async function settlesWithin(promise: Promise<void>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs)
  })
  const inTime = await Promise.race([promise.then(() => true), late])
  clearTimeout(timer)
  return inTime
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
