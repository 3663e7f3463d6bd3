import { isDeepStrictEqual } from 'node:util'
import { type Address, formatAddress } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import type { SluiceError } from '../base/errors.ts'
import { settlesWithin } from '../base/time-limit.ts'
import { CertificateWatch } from '../certificates/certificate-watch.ts'
import { changedFiles } from '../certificates/file-changes.ts'
import type { TicketKeyRing } from '../certificates/ticket-key-ring.ts'
import { NameResolution } from '../discovery/name-resolution.ts'
import { hostNamesOf } from '../discovery/server-addresses.ts'
import { Health, type HealthOptions } from '../health/health.ts'
import { Observation } from '../health/observation.ts'
import { reserveProcessVariables } from '../memory/process-variables.ts'
import { RowAllocator } from '../memory/rows.ts'
import { ServerTable } from '../memory/server-table.ts'
import type { Config } from '../model/config.ts'
import type { Plan } from '../model/plan.ts'
import type { OnShortage, OwnFailure } from '../model/shortage.ts'
import { ConnectionTrials } from '../net/connection-trials.ts'
import { createNodeEngine } from '../net/engines/node/node-engine.ts'
import type { ShownCertificate } from '../operations/operated-node.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import type { AccessLogOutput } from './access-log-output.ts'
import { type DescriptorBudget, isTight } from './preparation/descriptor-limit.ts'
import { type Gathered, gather, textsOfTls, withoutTls } from './preparation/gathering.ts'
import type { Refuse } from './preparation/lacks.ts'
import { type PreparedChange, prepareServers, readdress } from './preparation/planned-servers.ts'
import {
  type Lasting,
  type Prepared,
  type PrepareOptions,
  prepare,
  type Reservation,
  release,
  reserve,
  retire,
} from './preparation/preparation.ts'
import type { ShortageLog } from './shortage-log.ts'
import { shownCertificatesOf } from './shown-certificates.ts'
import type { EarlyThreads } from './threads/early-threads.ts'
import { WorkerPool } from './threads/worker-pool.ts'

/** How long cut sessions may take to be closed and logged. */
const CUT_MS = 2000

/** What a balancer is started with. */
export interface BalancerOptions {
  /** What it begins with. */
  readonly config: Config
  readonly log: DaemonLog
  /** What the workers write to; whoever made it closes it after {@link Balancer.stop}. */
  readonly accessLog: AccessLogOutput
  /** Told of what lacks for connections to servers. */
  readonly shortages: ShortageLog
  readonly clock: Clock
  /** Of the session tickets of TLS; it is followed. */
  readonly ticketKeys: TicketKeyRing
  /** Gives the threads of the data plane. */
  readonly threads: EarlyThreads
  /** The host names of the servers, which are followed from now on. Default: the system's. */
  readonly names?: NameResolution
  /** See {@link PrepareOptions}. */
  readonly held?: PrepareOptions['held']
  readonly refuse?: PrepareOptions['refuse']
  /** What a server's own checks say has changed. */
  readonly onVerdict: HealthOptions['onVerdict']
  /** It cannot go on; it has logged why. */
  readonly onFatal: (error: SluiceError) => void
}

/**
 * What carries the traffic, as the control plane sees it: listening sockets, worker threads, and
 * the health of the servers. It runs one config at a time and can be brought to another.
 */
export class Balancer {
  readonly health: Health
  readonly observation: Observation
  readonly table: ServerTable
  readonly #log: DaemonLog
  readonly #lasting: Lasting
  readonly #shortages: ShortageLog
  readonly #workers: WorkerPool
  readonly #certificates: CertificateWatch
  #prepared: Prepared
  #reservation: Reservation = new Map()

  private constructor(options: BalancerOptions, lasting: Lasting, prepared: Prepared) {
    const { config, log, clock, accessLog, shortages } = options
    this.#log = log
    this.#lasting = lasting
    this.#prepared = prepared
    this.#shortages = shortages
    this.table = ServerTable.create(config.global.nbthread)
    const engine = createNodeEngine({ onAcceptFailure: () => {} })
    const trials = ConnectionTrials.create(clock)
    const { onVerdict } = options
    const onShortage: OnShortage = (failure, address) => this.#onShortage(failure, address)
    this.health = new Health({
      engine,
      trials,
      clock,
      table: this.table,
      log,
      onVerdict,
      onShortage,
    })
    this.health.follow(prepared.plan)
    this.observation = new Observation({
      table: this.table,
      clock,
      log,
      health: this.health,
      onFault: ({ key, onError, reason }) => this.health.prober.fault(key, onError, reason),
    })
    this.observation.follow(prepared.plan)
    this.#certificates = new CertificateWatch(log, Date.now)
    this.#certificates.follow(prepared.plan)
    this.#workers = new WorkerPool(prepared.plan, {
      takeThread: () => options.threads.take(),
      table: this.table,
      boot: {
        variables: reserveProcessVariables(),
        tune: config.global.tune,
        accessLog: accessLog.sink,
      },
      ticketKeys: options.ticketKeys.keys,
      log,
      clock,
      onLogLoss: (loss) => accessLog.lost(loss),
      onShortage,
      onFailing: (error) => {
        log.error('worker-failing', error.message, { error })
        options.onFatal(error)
      },
    })
    options.ticketKeys.onChange = (keys) => this.#workers.renewTicketKeys(keys)
  }

  /**
   * Binds all addresses and starts the worker threads.
   *
   * @throws SluiceError what {@link prepare} throws
   */
  static async start(options: BalancerOptions): Promise<Balancer> {
    const { config, log, held, refuse, names = new NameResolution({ log }) } = options
    const lasting = { rows: new RowAllocator(), names }
    const prepared = await prepare(config, lasting, null, { held, ...(refuse && { refuse }) })
    names.watch(hostNamesOf(config))
    return new Balancer(options, lasting, prepared)
  }

  /** The host names of the servers. */
  get names(): NameResolution {
    return this.#lasting.names
  }

  /** What runs. */
  get plan(): Plan {
    return this.#prepared.plan
  }

  /** Whether clients are served. */
  get isReady(): boolean {
    return this.#workers.isReady
  }

  /** Indexes of workers that do not answer and are not replaced yet. */
  get stuckWorkers(): number[] {
    return this.#workers.stuck
  }

  /** Workers that have died so far, for whatever cause. */
  get workerDeathsTotal(): number {
    return this.#workers.deathsTotal
  }

  /** Resolves when clients are served. */
  async ready(): Promise<void> {
    await this.#workers.ready()
    for (const socket of this.#prepared.sockets.values()) {
      const address = formatAddress(socket.address)
      this.#log.info('listening', `listening on ${address}`, { address })
    }
    this.#warnOfDescriptors(null)
  }

  /** Idle connections hold local ports, in whichever worker they rest. */
  #onShortage(failure: OwnFailure, address: Address): void {
    this.#shortages.note(failure, address)
    if (failure === 'portless') this.#workers.freePorts(address)
  }

  /** @param previous what was said of it before; null: nothing */
  #warnOfDescriptors(previous: DescriptorBudget | null): void {
    const { descriptors } = this.#prepared
    if (!isTight(descriptors) || isDeepStrictEqual(descriptors, previous)) return
    const { limit, limitWanted, connectionsMax, connectionsWanted } = descriptors
    const message =
      `the limit of open files, ${limit}, has room for ${connectionsMax} clients with a server ` +
      `connection each, not for ${connectionsWanted}: raise it to ${limitWanted} ` +
      '(ulimit -n, LimitNOFILE= of systemd), or set global.maxconn'
    const fields = { limit, limitWanted, maxconn: connectionsWanted, accepted: connectionsMax }
    this.#log.warn('descriptors-low', message, fields)
  }

  /**
   * Makes sure that a config can run, and keeps what had to be bound for it until it does or
   * another is reserved for. Nothing that runs changes.
   *
   * @returns what was read for it, to {@link run} it with
   * @throws SluiceError what {@link reserve} throws
   */
  async reserve(config: Config, refuse: Refuse): Promise<Gathered> {
    this.release()
    const reserved = await reserve(config, this.#lasting, this.#prepared, { refuse })
    this.#reservation = reserved.sockets
    this.names.hold(reserved.gathered.names)
    return reserved.gathered
  }

  /** Gives up what was reserved. */
  release(): void {
    release(this.#reservation)
    this.names.hold(new Set())
  }

  /**
   * Goes over to another config. On failure everything stays as it is.
   *
   * @throws SluiceError what {@link prepare} throws
   */
  async run(config: Config, options: Pick<PrepareOptions, 'held' | 'refuse'> = {}): Promise<void> {
    const reservation = this.#reservation
    const prepared = await prepare(config, this.#lasting, this.#prepared, {
      ...options,
      reservation,
    })
    await this.#goOver(prepared, () => this.#workers.apply(prepared.plan))
  }

  /**
   * Goes over to a config that differs in the servers of its backends alone: the workers are told of
   * these, and compile nothing anew. On failure everything stays as it is.
   *
   * @throws SluiceError what {@link prepareServers} throws
   */
  async runServers(config: Config): Promise<void> {
    const change = await prepareServers(config, this.#lasting, this.#prepared)
    if (change !== null) await this.#change(change)
  }

  /**
   * Goes over to what the files of TLS say now, and to nothing else. On failure everything stays as
   * it is.
   *
   * @param isTrial only to find out whether it could
   * @returns the files that say something else than before
   * @throws SluiceError what cannot be used
   */
  async renewCertificates(refuse: Refuse, isTrial: boolean): Promise<readonly string[]> {
    const { config, gathered: before } = this.#prepared
    const { gathered, lacks } = await gather(config, this.names, withoutTls(before), before)
    if (lacks.length > 0) throw refuse(lacks)
    const changed = changedFiles(textsOfTls(before), textsOfTls(gathered))
    if (changed.length > 0 && !isTrial) await this.run(config, { held: gathered, refuse })
    return changed
  }

  /** The certificates that clients and servers are shown, each once, with where. */
  get shownCertificates(): readonly ShownCertificate[] {
    return shownCertificatesOf(this.#prepared)
  }

  /**
   * Goes over to the addresses that the host names of the servers have by now. Sessions that are
   * open stay where they are.
   *
   * @returns whether any has changed
   */
  async readdress(): Promise<boolean> {
    const change = readdress(this.#prepared, this.#lasting)
    if (change === null) return false
    await this.#change(change)
    return true
  }

  #change({ prepared, change }: PreparedChange): Promise<void> {
    return this.#goOver(prepared, () => this.#workers.change(prepared.plan, change))
  }

  async #goOver(prepared: Prepared, tellWorkers: () => Promise<void>): Promise<void> {
    const previous = this.#prepared
    await this.health.followInSlices(prepared.plan)
    this.observation.follow(prepared.plan)
    this.#certificates.follow(prepared.plan)
    await tellWorkers()
    this.#prepared = prepared
    await retire(previous, prepared, this.#lasting)
    this.#recycleRows()
    this.#warnOfDescriptors(previous.descriptors)
  }

  /** Takes no more clients and waits for those that are there, then cuts them. */
  async drain(graceMs: number): Promise<void> {
    // The workers still accept on their duplicates: nothing is refused before they drain.
    this.#closeSockets()
    const drained = this.#workers.drain()
    if (await settlesWithin(drained, graceMs)) return
    const sessions = this.table.connections()
    this.#log.warn('grace-exceeded', `${sessions} sessions are cut`, { sessions, graceMs })
    this.#workers.cut()
    await settlesWithin(drained, CUT_MS)
  }

  /**
   * Ends checks and threads.
   *
   * @returns how many threads are left behind because they do not answer: they go with the process
   */
  async stop(): Promise<number> {
    this.names.stop()
    this.observation.stop()
    this.health.stop()
    this.#certificates.stop()
    const left = await this.#workers.stop()
    this.#closeSockets()
    return left
  }

  #closeSockets(): void {
    this.release()
    for (const socket of this.#prepared.sockets.values()) socket.close()
  }

  #recycleRows(): void {
    // Connections that rest for one client alone outlive the removal of their server, and so do
    // sessions that wait for it.
    const freed = this.#lasting.rows.recycle(
      (row) =>
        this.table.sessions(row) === 0 &&
        this.table.lines.length(row) === 0 &&
        this.table.total(row, 'idleConnections') === 0,
    )
    for (const row of freed) this.table.clear(row)
  }
}
