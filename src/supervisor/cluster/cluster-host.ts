import { readFile } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { formatAddress } from '../../base/address.ts'
import { SluiceError } from '../../base/errors.ts'
import { nextTurn } from '../../base/work-slices.ts'
import type { ClusterHost, ConfiguredServer, ValidText } from '../../cluster/cluster.ts'
import type { ConfigVersion, HealthChange, PoolEntry } from '../../cluster/state-machine/state.ts'
import { overlayPool } from '../../config/resolution/pool-overlay.ts'
import { configuredState } from '../../health/server-life.ts'
import type { Config } from '../../model/config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { Balancer } from '../balancer.ts'
import type { ConfigSurroundings, OwnFile } from '../preparation/config-file.ts'
import { type Gathered, namesNothing } from '../preparation/gathering.ts'
import { type Refuse, refusalIn } from '../preparation/lacks.ts'
import type { AgreedTexts } from './agreed-texts.ts'
import { digestOf } from './config-digest.ts'
import { differInServersAlone } from './config-sharing.ts'

/** A version and a pool, as a node has run them or is to run them. */
export interface ActiveConfig {
  readonly version: ConfigVersion
  readonly pool: readonly PoolEntry[]
  /** Host names of servers and the addresses that they had. */
  readonly addresses: readonly (readonly [string, string])[]
}

/** What a balancer runs. */
export interface RunningConfig {
  readonly text: string
  /** Of the text, the pool not yet laid over it. */
  readonly config: Config
  readonly pool: readonly PoolEntry[]
  /** 0: it is the node's file, of which the cluster knows nothing yet. */
  readonly version: number
}

/** What a host is made with. */
export interface NodeHostOptions {
  readonly balancer: Balancer
  readonly running: RunningConfig
  /** The node's own file: whose sections `global`, `admin` and `cluster` hold with every text. */
  readonly own: OwnFile
  readonly surroundings: ConfigSurroundings
  readonly texts: AgreedTexts
  /** Keeps what runs now for the next start, should there be no quorum then. */
  readonly remember: (active: ActiveConfig) => void
  readonly serve: (stream: Duplex) => void
  /** As {@link ClusterHost.change}. */
  readonly change: (change: Uint8Array) => Promise<Uint8Array>
  readonly log: DaemonLog
}

/**
 * Runs on this node what the cluster agrees on. A version and the servers that were added or moved
 * at run time make a config, which the balancer is brought to; admin states and weights need none.
 */
export class NodeHost implements ClusterHost {
  readonly #options: NodeHostOptions
  /** See {@link NodeHostOptions.own}; of the next text that is read. */
  own: OwnFile
  #running: RunningConfig
  /** What was activated last; null: nothing yet. */
  #version: ConfigVersion | null = null
  /** What was read for the text that was prepared last; null: it was given up. */
  #held: { readonly text: string; readonly gathered: Gathered } | null = null
  #isReaddressing = false
  /** Calls that touch the balancer, one after the other. */
  #turn: Promise<void> = Promise.resolve()
  #giveUp: NodeJS.Timeout | undefined

  constructor(options: NodeHostOptions) {
    this.#options = options
    this.own = options.own
    this.#running = options.running
    options.balancer.names.onMove = () => this.#readdress()
    // What has moved since the start was told to nobody.
    this.#readdress()
  }

  /** What runs. */
  get running(): RunningConfig {
    return this.#running
  }

  /** That the node's file was changed and is not loaded; '' where it was not, or is gone. */
  async fileNote(): Promise<string> {
    const { name, text } = this.own
    const present = await readFile(name, 'utf8').catch(() => text)
    return present === text ? '' : `${name} was changed and is not loaded: send SIGHUP`
  }

  async validate(text: string): Promise<ValidText> {
    const { config, report } = await this.#read(text)
    return {
      servers: config.backends.flatMap(({ name, servers }) =>
        servers.map((server) => `${name}/${server.name}`),
      ),
      backends: config.backends.map(({ name, healthAgreement, checkSharding }) => {
        return { name, healthAgreement, watchers: checkSharding }
      }),
      // Few who validate a text ask for it.
      digest: () => digestOf(config),
      warnings: report,
    }
  }

  async prepare(text: string, keepMs: number): Promise<void> {
    // Whatever else is to be done here need not wait for it.
    const read = await this.#read(text)
    return this.#inTurn(async () => {
      const { balancer } = this.#options
      this.#held = null
      const config = overlayPool(read.config, this.#running.pool)
      const gathered = await balancer.reserve(config, this.#refusalIn(text))
      this.#held = { text, gathered }
      clearTimeout(this.#giveUp)
      this.#giveUp = setTimeout(() => {
        void this.#inTurn(async () => {
          this.#held = null
          balancer.release()
        })
      }, keepMs)
    })
  }

  activate(version: ConfigVersion, pool: readonly PoolEntry[]): Promise<void> {
    return this.#inTurn(async () => {
      const { balancer, log } = this.#options
      const { text, config: before, pool: poolBefore } = this.#running
      const isNewText = version.text !== text
      const config = isNewText ? (await this.#read(version.text)).config : before
      if (isNewText) {
        // What was agreed on has been applied in this turn, which takes its time too.
        await nextTurn()
        const held = this.#held?.text === version.text ? this.#held.gathered : null
        if (held !== null && namesNothing(held) && differInServersAlone(config, before)) {
          await this.#with(pool, () => balancer.runServers(overlayPool(config, pool)))
        } else await this.#run(config, pool, { held, refuse: this.#refusalIn(version.text) })
      } else if (!hasSameServers(pool, poolBefore)) {
        // What the text names was read when it was activated. A server is in no text.
        await this.#with(pool, () => balancer.runServers(overlayPool(config, pool)))
      } else balancer.health.setRunTime(pool)
      this.#running = { text: version.text, config, pool, version: version.version }
      this.#version = version
      this.#remember()
      if (!isNewText) return
      const fields = { version: version.version, serial: balancer.plan.serial }
      log.info('config-reloaded', 'the new config is active', fields)
    })
  }

  configured(backend: string, server: string): ConfiguredServer | null {
    const configured = this.#running.config.backends
      .find(({ name }) => name === backend)
      ?.servers.find(({ name }) => name === server)
    if (configured === undefined) return null
    const { weight, address } = configured
    return { state: configuredState(configured), weight, address: formatAddress(address) }
  }

  follow(verdicts: readonly HealthChange[] | null): void {
    this.#options.balancer.health.setAgreed(verdicts)
  }

  watch(isWatched: (key: string) => boolean): void {
    this.#options.balancer.health.setWatched(isWatched)
  }

  serve(stream: Duplex): void {
    this.#options.serve(stream)
  }

  change(change: Uint8Array): Promise<Uint8Array> {
    return this.#options.change(change)
  }

  /**
   * Runs the same text again, with what it names outside of itself read anew: the node's own
   * sections, files, host names.
   *
   * @throws SluiceError why it cannot; what ran goes on
   */
  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      const { text, pool } = this.#running
      const { config } = await this.#read(text)
      await this.#run(config, pool, { refuse: this.#refusalIn(text) })
      this.#running = { ...this.#running, config }
      const { serial } = this.#options.balancer.plan
      this.#options.log.info('config-reloaded', 'the config was read anew', { serial })
    })
  }

  /**
   * Runs the same again with what the files of TLS say now.
   *
   * @param isTrial only to find out whether it could
   * @returns the files that have changed
   * @throws SluiceError why it cannot; what ran goes on
   */
  async renewCertificates(isTrial: boolean): Promise<readonly string[]> {
    let changed: readonly string[] = []
    await this.#inTurn(async () => {
      const refuse = this.#refusalIn(this.#running.text)
      changed = await this.#options.balancer.renewCertificates(refuse, isTrial)
    })
    return changed
  }

  /** Waits for what is being done. */
  async stop(): Promise<void> {
    clearTimeout(this.#giveUp)
    await this.#turn
  }

  /** Follows the host names of the servers; what moves in the same moment is one change. */
  #readdress(): void {
    if (this.#isReaddressing) return
    this.#isReaddressing = true
    void this.#inTurn(async () => {
      this.#isReaddressing = false
      if (await this.#options.balancer.readdress()) this.#remember()
    })
  }

  #remember(): void {
    if (this.#version === null) return
    const { balancer, remember } = this.#options
    const { pool } = this.#running
    remember({ version: this.#version, pool, addresses: balancer.names.lastOfAll() })
  }

  /** @throws SluiceError `config-invalid`, `file-not-allowed`, `reading-failed` */
  async #read(text: string): Promise<{ readonly config: Config; readonly report: string }> {
    const { texts } = this.#options
    const { config, report } = await texts.read(text, this.own, this.#running.config)
    if (config !== null) return { config, report }
    throw new SluiceError('config-invalid', `the config is not valid\n${report}`)
  }

  /** A text that is the node's file is called by its name. */
  #refusalIn(text: string): Refuse {
    const { own } = this
    const name = text === own.text ? own.name : 'config'
    return refusalIn({ text, name, env: this.#options.surroundings.env })
  }

  async #run(
    config: Config,
    pool: readonly PoolEntry[],
    options: Parameters<Balancer['run']>[1],
  ): Promise<void> {
    const { balancer } = this.#options
    await this.#with(pool, () => balancer.run(overlayPool(config, pool), options))
  }

  async #with(pool: readonly PoolEntry[], run: () => Promise<void>): Promise<void> {
    const { balancer } = this.#options
    // Before the servers are there, so that one that is to be drained never begins by taking any.
    balancer.health.setRunTime(pool)
    try {
      await run()
    } catch (error) {
      balancer.health.setRunTime(this.#running.pool)
      throw error
    }
  }

  #inTurn(job: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(job)
    this.#turn = done.catch(() => {})
    return done
  }
}

/** Whether two pools make the same servers: those that are added and moved say which there are. */
function hasSameServers(pool: readonly PoolEntry[], other: readonly PoolEntry[]): boolean {
  const [places, others] = [pool, other].map((entries) => {
    return entries.filter(({ address }) => address !== null)
  }) as [PoolEntry[], PoolEntry[]]
  return (
    places.length === others.length &&
    places.every((entry, i) => {
      const before = others[i] as PoolEntry
      return (
        entry === before ||
        (entry.backend === before.backend &&
          entry.server === before.server &&
          entry.isAdded === before.isAdded &&
          entry.address === before.address)
      )
    })
  )
}
