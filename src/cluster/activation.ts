import { SluiceError } from '../base/errors.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import type { ClusterHost } from './cluster.ts'
import { Backoff } from './duties/backoff.ts'
import type { NodeTimers } from './duties/node-timers.ts'
import type { ConfigVersion, PoolEntry } from './state-machine/state.ts'

/** A version that this node cannot run is tried again after so long, then after twice as long. */
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 60_000

interface Target {
  readonly version: ConfigVersion
  readonly pool: readonly PoolEntry[]
}

/** What a node runs. */
export type RunningVersion = Pick<ConfigVersion, 'version' | 'text'>

/** A version that this node cannot run. */
export interface ActivationFailure {
  readonly version: number
  readonly error: SluiceError
}

/** What a node says of a version that it cannot run; lines of the config, which may be secret, are left out. */
export function inOneLine({ version, error }: ActivationFailure): string {
  const [why] = error.message.split('\n', 1)
  return `cannot run version ${version}: ${why}`
}

/**
 * Brings what this node runs to what the cluster has agreed on: one activation at a time, always of
 * the latest. What fails is tried again until it succeeds or something newer comes.
 */
export class Activation {
  readonly #host: ClusterHost
  readonly #timers: NodeTimers
  readonly #log: DaemonLog
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS)
  readonly #initial: RunningVersion | null
  #wanted: Target | null = null
  #running: Target | null = null
  #failure: ActivationFailure | null = null
  #round: Promise<void> | null = null
  #cancelRetry: (() => void) | null = null
  #isStopped = false

  /** @param initial what the host ran before the first activation; null: the node's file */
  constructor(
    host: ClusterHost,
    timers: NodeTimers,
    log: DaemonLog,
    initial: RunningVersion | null,
  ) {
    this.#initial = initial
    this.#host = host
    this.#timers = timers
    this.#log = log
  }

  /** The version that this node runs; null: still that of its file. */
  get running(): RunningVersion | null {
    return this.#running?.version ?? this.#initial
  }

  /** Null: it runs what it should, or is about to. */
  get failure(): ActivationFailure | null {
    return this.#failure
  }

  /** This is to be run. */
  want(version: ConfigVersion, pool: readonly PoolEntry[]): void {
    if (this.#wanted?.version.version === version.version && this.#wanted.pool === pool) return
    this.#wanted = { version, pool }
    this.#backoff.reset()
    this.#start()
  }

  /** Resolves when what is wanted at present runs or has failed, or after so long. */
  settled(waitMs: number): Promise<void> {
    const round = this.#round
    if (round === null) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#timers.after(waitMs, resolve)
      void round.then(() => {
        cancel()
        resolve()
      })
    })
  }

  /** Ends the tries; resolves when no activation is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelRetry?.()
    await this.#round
  }

  #start(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = null
    this.#round ??= this.#run().finally(() => {
      this.#round = null
    })
  }

  async #run(): Promise<void> {
    // What is agreed on in the same moment is activated once.
    await Promise.resolve()
    while (!this.#isStopped && this.#wanted !== null && this.#wanted !== this.#running) {
      const target = this.#wanted
      const error = await this.#attempt(target)
      if (error === null) this.#succeeded(target)
      else if (this.#failed(target, error)) return
    }
  }

  async #attempt({ version, pool }: Target): Promise<SluiceError | null> {
    try {
      await this.#host.activate(version, pool)
      return null
    } catch (error) {
      if (error instanceof SluiceError) return error
      throw error
    }
  }

  #succeeded(target: Target): void {
    const isNews = this.#running?.version.version !== target.version.version
    this.#running = target
    this.#failure = null
    if (!isNews) return
    const { version, author, cause, comment } = target.version
    const fields = { version, author, cause, ...(comment !== '' && { comment }) }
    this.#log.info('config-activated', `config version ${version} is active`, fields)
  }

  /** @returns whether to wait before the next try */
  #failed({ version: { version } }: Target, error: SluiceError): boolean {
    this.#failure = { version, error }
    const isLatest = this.#wanted?.version.version === version
    const delayMs = isLatest ? this.#backoff.takeMs() : 0
    const { code, hint, message } = error
    const text = `config version ${version} cannot be run here: ${message}`
    this.#log.error('config-refused', text, { version, code, hint, retryMs: delayMs })
    if (!isLatest || this.#isStopped) return false
    this.#cancelRetry = this.#timers.after(delayMs, () => this.#start())
    return true
  }
}
