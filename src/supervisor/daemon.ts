import type { Duplex } from 'node:stream'
import type { AdminServer } from '../admin/server.ts'
import type { Clock } from '../base/clock.ts'
import { assert, SluiceError } from '../base/errors.ts'
import { settlesWithin } from '../base/time-limit.ts'
import { TicketKeyRing } from '../certificates/ticket-key-ring.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import type { Seed } from '../cluster/own-file.ts'
import { overlayPool } from '../config/resolution/pool-overlay.ts'
import { NameResolution } from '../discovery/name-resolution.ts'
import type { ClusterConfig } from '../model/cluster-config.ts'
import type { Config } from '../model/config.ts'
import { AcceptPauses } from '../net/accept-pauses.ts'
import type { Status } from '../operations/status.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { AccessLogOutput } from './access-log-output.ts'
import type { AdminCertificates } from './admin-certificates.ts'
import { Balancer, type BalancerOptions } from './balancer.ts'
import type { RememberedConfig } from './cluster/active-config.ts'
import { AgreedTexts } from './cluster/agreed-texts.ts'
import type { AgreementThread } from './cluster/agreement-thread.ts'
import { type ActiveConfig, NodeHost, type RunningConfig } from './cluster/cluster-host.ts'
import type { ConfigSurroundings, OwnFile } from './preparation/config-file.ts'
import type { Gathered } from './preparation/gathering.ts'
import { refusalIn } from './preparation/lacks.ts'
import { warnOfReadableSecrets } from './preparation/secret-files.ts'
import { lookAround, lookAtOwn } from './preparation/surroundings-check.ts'
import type { ConfigReading } from './reading/config-reading.ts'
import { ShortageLog } from './shortage-log.ts'
import type { EarlyThreads } from './threads/early-threads.ts'

/** What a daemon is started with. */
export interface DaemonOptions {
  readonly file: OwnFile
  readonly surroundings: ConfigSurroundings
  readonly log: DaemonLog
  readonly clock: Clock
  readonly version: string
  /** Gives the threads of the data plane. */
  readonly threads: EarlyThreads
  /** The module of the thread that agreement runs on, in a cluster. */
  readonly agreementEntry: URL
  /** Reads what is, or is to be, the config. It is ended with the daemon. */
  readonly reading: ConfigReading
  /** The daemon cannot go on; it has logged why. */
  readonly onFatal: (error: SluiceError) => void
}

/**
 * One node: what carries the traffic, its part in the cluster, and the admin address; from the
 * start through changes to the end.
 */
export class Daemon {
  readonly #options: BalancerSurroundings
  readonly #accessLog: AccessLogOutput
  /** No descriptor is left for who comes to the main thread, or to that of agreement. */
  readonly #onExhausted: () => void
  /** Of what the main thread listens on. */
  readonly #pauses: AcceptPauses
  readonly #balancer: Balancer
  readonly #host: NodeHost
  /** Null on a single node, which begins with its file. */
  readonly #remembered: RememberedConfig | null
  /** Null until it is started, and on a single node. */
  #agreement: AgreementThread | null = null
  /** Null until it is started. */
  #cluster: ClusterNode | null = null
  #status: Status | null = null
  #admin: AdminServer | null = null
  /** Null: the admin address speaks no TLS. */
  #adminCertificates: AdminCertificates | null = null
  #stopping: Promise<boolean> | null = null

  private constructor(options: BalancerSurroundings, parts: StartedBalancer) {
    const { file, log, surroundings, accessLog, shortages } = options
    const { balancer, running, remembered } = parts
    this.#options = options
    this.#accessLog = accessLog
    this.#onExhausted = () => shortages.note('exhausted', null)
    this.#pauses = new AcceptPauses(this.#onExhausted)
    this.#balancer = balancer
    this.#remembered = remembered
    this.#host = new NodeHost({
      balancer,
      running,
      own: file,
      surroundings,
      texts: options.texts,
      remember: (active) => remembered?.keep(active),
      serve: (stream) => this.#serve(stream),
      change: (change) => this.#change(change),
      log,
    })
  }

  /**
   * Opens the access log, binds all addresses and starts serving.
   *
   * @throws SluiceError what {@link AccessLogOutput}, {@link Balancer.start},
   *   {@link startClusterNode} and the admin address throw
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { file, log } = options
    const beginning = await begin(options)
    let accessLog: AccessLogOutput | null = null
    try {
      accessLog = new AccessLogOutput(file.config.global.log.access, log)
      return await Daemon.#startWith(options, accessLog, beginning)
    } catch (error) {
      beginning.names.stop()
      accessLog?.close()
      throw error
    }
  }

  static async #startWith(
    options: DaemonOptions,
    accessLog: AccessLogOutput,
    beginning: Beginning,
  ): Promise<Daemon> {
    const relay = new VerdictRelay()
    const { onVerdict } = relay
    const shortages = new ShortageLog(options.log, options.clock)
    const texts = new AgreedTexts(options.reading.read)
    const ticketKeys = ticketKeysOf(options)
    const surrounded = { ...options, accessLog, shortages, ticketKeys, onVerdict, texts }
    const daemon = new Daemon(surrounded, await startBalancer(surrounded, beginning))
    try {
      await daemon.#open(relay)
    } catch (error) {
      // Why it has failed is said in any case: nobody learns of it from what cannot be closed.
      const closed = daemon.#close().catch(() => {})
      await settlesWithin(closed, daemon.graceMs)
      throw error
    }
    return daemon
  }

  /**
   * Takes over a changed file. A single node runs it; a node of a cluster takes its own sections
   * from it, and says where the rest differs from what the cluster has agreed on. Either way what a
   * config names outside of itself is read anew. On failure everything stays as it is, but for new
   * certificates of the peer links, which are good whatever the rest says.
   *
   * @throws SluiceError what {@link AgreementThread.renew}, {@link ClusterNode.applyFile} and
   *   {@link NodeHost.refresh} throw
   */
  async reload(file: OwnFile): Promise<void> {
    const host = this.#host
    const cluster = this.#node
    this.#warnOfRestart(file.config)
    warnOfReadableSecrets(file.config, this.#options.log)
    // They are those of the running links, whatever becomes of the file.
    await this.#agreement?.renew()
    const ofAdmin = await this.#adminCertificates?.read()
    const previous = host.own
    host.own = file
    try {
      if (cluster.isReplicated || file.text === host.running.text) {
        await host.refresh()
        await cluster.compareFile(file.text)
      } else {
        const author = 'config file, SIGHUP'
        const request = { text: file.text, ifVersion: null, comment: '', author, confirmMs: null }
        await cluster.applyFile(request)
      }
    } catch (error) {
      host.own = previous
      throw error
    }
    if (ofAdmin !== undefined) this.#adminCertificates?.renew(ofAdmin)
  }

  /** Opens the log files again after they were moved away. */
  reopenLogs(): void {
    this.#accessLog.reopen()
  }

  /**
   * Drains and ends the daemon. A second call waits for the first.
   *
   * @returns whether all of it has ended; if not, a thread does not answer, and would keep the
   *   process from ending in the usual way
   */
  stop(): Promise<boolean> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** How long a drain may take. */
  get graceMs(): number {
    return this.#host.own.config.global.graceMs
  }

  get #node(): ClusterNode {
    assert(this.#cluster !== null, 'the cluster node is used after its start')
    return this.#cluster
  }

  async #open(relay: VerdictRelay): Promise<void> {
    const { file, log, clock, version, ticketKeys } = this.#options
    const balancer = this.#balancer
    const host = this.#host
    const seed = await seedOf(file, host)
    const { cluster: config } = file.config
    const agreement = config === null ? null : await this.#startAgreement(config)
    this.#agreement = agreement
    // The workers have their plan by now. What is loaded from here on keeps no client waiting.
    const { nodeNameOf, startClusterNode } = await import('./cluster/cluster-engine.ts')
    const cluster = await startClusterNode({ config, seed, host, ticketKeys, log }, agreement)
    this.#cluster = cluster
    relay.follow(cluster)
    const { Status } = await import('../operations/status.ts')
    const name = nodeNameOf(config)
    this.#status = new Status({
      name,
      certificates: {
        shown: () => [...balancer.shownCertificates, ...(this.#adminCertificates?.shown ?? [])],
        reload: (isTrial) => this.#reloadCertificates(isTrial),
      },
      balancer,
      accessLog: this.#accessLog,
      host,
      cluster,
      links: agreement,
      version,
      clock,
    })
    await this.#openAdmin(this.#status, cluster, name)
    await balancer.ready()
    const { workers } = balancer.table
    log.info('started', `serving with ${workers} worker threads`, { workers })
  }

  async #startAgreement(config: ClusterConfig): Promise<AgreementThread> {
    const { log, agreementEntry: entry, onFatal } = this.#options
    // A single node loads neither a protocol nor a store.
    const { AgreementThread } = await import('./cluster/agreement-thread.ts')
    const onExhausted = this.#onExhausted
    return new AgreementThread({ entry, config, log, onExhausted, onDeath: onFatal })
  }

  async #openAdmin(source: Status, cluster: ClusterNode, node: string): Promise<void> {
    const { file, log, surroundings } = this.#options
    warnOfReadableSecrets(file.config, log)
    const { bind, tls: config } = file.config.admin
    if (bind !== null && config !== null) {
      const { AdminCertificates } = await import('./admin-certificates.ts')
      this.#adminCertificates = await AdminCertificates.open(config, log)
    }
    const tls = this.#adminCertificates?.tls ?? null
    const { AdminServer } = await import('../admin/server.ts')
    const { openAdminAddresses, readAdminTokens } = await import('./admin-addresses.ts')
    const tokens = readAdminTokens(file.config.admin)
    const pauses = this.#pauses
    const admin = new AdminServer({ bind, tls, tokens, source, cluster, node, log, pauses })
    this.#admin = admin
    const owner = { env: surroundings.env, uid: process.getuid?.() ?? -1 }
    await openAdminAddresses(admin, file.config.admin, owner, log)
  }

  /** One refusal and nothing changes, be it of those of the peer links. */
  async #reloadCertificates(isTrial: boolean): Promise<readonly string[]> {
    const admin = this.#adminCertificates
    const ofAdmin = (await admin?.read()) ?? []
    const found = await this.#host.renewCertificates(true)
    const changed = [...new Set([...found, ...(admin?.changed(ofAdmin) ?? [])])]
    if (isTrial) return changed
    await this.#agreement?.renew()
    if (found.length > 0) await this.#host.renewCertificates(false)
    admin?.renew(ofAdmin)
    const message = `certificates were read anew, ${changed.length} files have changed`
    this.#options.log.info('certificates-reloaded', message, { changed })
    return changed
  }

  /** What comes before the node has started is asked again. */
  #serve(stream: Duplex): void {
    if (this.#admin === null) stream.destroy()
    else this.#admin.serveForwarded(stream)
  }

  async #change(change: Uint8Array): Promise<Uint8Array> {
    if (this.#admin !== null) return this.#admin.answerForwarded(change)
    throw new SluiceError('overloaded', 'the node has not started yet')
  }

  async #stop(): Promise<boolean> {
    const { log } = this.#options
    const { graceMs } = this
    log.info('draining', `finishing open sessions, for ${graceMs} ms at most`, { graceMs })
    if (this.#status !== null) this.#status.draining = true
    // Another leads from now on: the cluster does not wait for a node that is about to end.
    const left = this.#cluster?.stop()
    await this.#balancer.drain(graceMs)
    await left
    const threads = await this.#close()
    if (threads === 0) log.info('stopped', 'all workers have ended', {})
    else log.error('stopped', `${threads} workers did not end`, { threads })
    return threads === 0
  }

  /** @returns how many threads are left behind */
  async #close(): Promise<number> {
    await this.#cluster?.stop()
    await this.#agreement?.end()
    await this.#host.stop()
    await this.#remembered?.close()
    await this.#options.reading.end()
    const threads = await this.#balancer.stop()
    this.#accessLog.close()
    await this.#admin?.close()
    this.#adminCertificates?.stop()
    return threads
  }

  /** Says which changed settings of the process take effect only with its next start. */
  #warnOfRestart(config: Config): void {
    const { global, admin, cluster } = this.#options.file.config
    const changed = [
      global.nbthread === config.global.nbthread ? '' : 'global.nbthread',
      isSame(global.tune, config.global.tune) ? '' : 'global.tune',
      isSame(global.log, config.global.log) ? '' : 'global.log',
      isSame(admin, config.admin) ? '' : 'admin',
      isSame(cluster, config.cluster) ? '' : 'cluster',
    ].filter((name) => name !== '')
    if (changed.length === 0) return
    const message = `${changed.join(', ')} change with the next start`
    this.#options.log.warn('restart-needed', message, { changed })
  }
}

/** What a balancer is started with that does not depend on what it begins with. */
type BalancerSurroundings = DaemonOptions &
  Pick<BalancerOptions, 'accessLog' | 'shortages' | 'ticketKeys' | 'onVerdict'> & {
    readonly texts: AgreedTexts
  }

/** A balancer and what it began with. */
interface StartedBalancer {
  readonly balancer: Balancer
  readonly running: RunningConfig
  readonly remembered: RememberedConfig | null
}

/** What a node may begin with, and what was read for it. */
interface Beginning {
  readonly remembered: RememberedConfig | null
  /** Null: nothing, or it cannot be read. */
  readonly last: ActiveConfig | null
  readonly names: NameResolution
  /** Of its file, unless it is to begin with what it ran last. */
  readonly gathered: Gathered | null
}

/**
 * Looks at what the file names outside of itself, so that all that is wrong is said at once and
 * before anything is opened; whether an address can be bound, binding it tells. Of a node that is to
 * begin with what it ran last, only its own sections count.
 *
 * @throws SluiceError all that this host lacks: `config-unusable`, or the one code that all have
 */
async function begin({ file, log, surroundings }: DaemonOptions): Promise<Beginning> {
  const { cluster } = file.config
  const remembered = cluster === null ? null : await openRemembered(cluster, log)
  const last = remembered?.recall() ?? null
  const names = new NameResolution({ log, last: new Map(last?.addresses) })
  const { lacks, gathered } =
    last === null
      ? await lookAround(file.config, names)
      : { lacks: await lookAtOwn(file.config), gathered: null }
  if (lacks.every(({ isGuess }) => isGuess)) return { remembered, last, names, gathered }
  names.stop()
  throw refusalIn({ ...file, env: surroundings.env })(lacks)
}

/**
 * Starts with what the node ran last, as far as it can: without a quorum nobody can say whether the
 * cluster has gone on meanwhile, and the node's file may be older. Otherwise with its file.
 */
async function startBalancer(
  options: BalancerSurroundings,
  { remembered, last, names, gathered }: Beginning,
): Promise<StartedBalancer> {
  const { file, log, surroundings, texts } = options
  const start = (config: Config, more: Pick<BalancerOptions, 'held' | 'refuse'>) =>
    Balancer.start({ ...options, config, names, ...more })
  if (last !== null) {
    const { pool } = last
    const { text, version } = last.version
    try {
      const { config, report } = await texts.read(text, file)
      if (config === null) throw new SluiceError('config-invalid', report)
      const balancer = await start(overlayPool(config, pool), {})
      balancer.health.setRunTime(pool)
      return { balancer, running: { text, config, pool, version }, remembered }
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      const message = `config version ${version} ran last and cannot now: ${error.message}`
      log.warn('config-not-resumed', `${message}; beginning with ${file.name}`, { version })
    }
  }
  const { text, config } = file
  const running = { text, config, pool: [], version: 0 }
  const refuse = refusalIn({ ...file, env: surroundings.env })
  return { balancer: await start(config, { held: gathered, refuse }), running, remembered }
}

/** Keeps the verdicts of checks that end before there is a cluster node to tell. */
class VerdictRelay {
  readonly #early = new Map<string, readonly [boolean | null, string]>()
  #cluster: ClusterNode | null = null

  readonly onVerdict: BalancerOptions['onVerdict'] = (key, isUp, reason) => {
    if (this.#cluster === null) this.#early.set(key, [isUp, reason])
    else this.#cluster.report(key, isUp, reason)
  }

  follow(cluster: ClusterNode): void {
    this.#cluster = cluster
    for (const [key, [isUp, reason]] of this.#early) cluster.report(key, isUp, reason)
    this.#early.clear()
  }
}

async function openRemembered(
  { dataDir }: ClusterConfig,
  log: DaemonLog,
): Promise<RememberedConfig> {
  const { RememberedConfig } = await import('./cluster/active-config.ts')
  return new RememberedConfig(dataDir, log)
}

function ticketKeysOf({ file, clock }: DaemonOptions): TicketKeyRing {
  const { sslTicketKeyRotationMs, sslTicketKeys } = file.config.global.tune
  return new TicketKeyRing({ rotationMs: sslTicketKeyRotationMs, kept: sslTicketKeys, clock })
}

async function seedOf({ text }: OwnFile, host: NodeHost): Promise<Seed> {
  return { text, valid: await host.validate(text) }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
