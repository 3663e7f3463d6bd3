import { SluiceError } from '../base/errors.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import type { ClusterHost, ValidText } from './cluster.ts'
import type { ConfigVersion } from './state-machine/state.ts'

/** The config of this node's file. */
export interface Seed {
  readonly text: string
  readonly valid: ValidText
}

/**
 * The config file of this node. It seeds a cluster that has no config; afterwards the cluster's
 * version rules, and a file that says something else is told of.
 */
export class OwnFile {
  readonly #host: ClusterHost
  readonly #log: DaemonLog
  #seed: Seed | null
  /** The version that the file was compared with last, or is being. */
  #compared: ConfigVersion | null = null
  /** The version that it was found to differ from; null: none. */
  #differsFrom: number | null = null
  /** It is about to become the config: until then neither the old file nor the new one counts. */
  #isBeingApplied = false

  constructor(host: ClusterHost, log: DaemonLog, seed: Seed | null) {
    this.#host = host
    this.#log = log
    this.#seed = seed
  }

  /** What a cluster without a config is given; null: nothing. */
  get seed(): Seed | null {
    return this.#seed
  }

  /** That the file says something else than the cluster has agreed on; empty where it does not. */
  get note(): string {
    return this.#differsFrom === null
      ? ''
      : `its file differs from config version ${this.#differsFrom}`
  }

  /**
   * The file has been read again.
   *
   * @throws SluiceError `config-invalid`
   */
  async replace(text: string): Promise<void> {
    this.#seed = { text, valid: await this.#host.validate(text) }
    this.#compared = null
    this.#differsFrom = null
  }

  /**
   * The file has been read again and is made the config. Where that fails, the one before counts.
   *
   * @throws SluiceError `config-invalid`, and what `apply` throws
   */
  async applied<T>(text: string, apply: () => Promise<T>): Promise<T> {
    this.#isBeingApplied = true
    try {
      const seed = { text, valid: await this.#host.validate(text) }
      const outcome = await apply()
      this.#seed = seed
      return outcome
    } finally {
      this.#isBeingApplied = false
      this.#compared = null
    }
  }

  /**
   * Resolves when the file was compared, unless that is done or under way.
   *
   * @param active undefined: there is none yet
   */
  async compare(active: ConfigVersion | undefined): Promise<void> {
    const seed = this.#seed
    if (seed === null || this.#isBeingApplied || active === undefined) return
    if (active.version === this.#compared?.version) return
    this.#compared = active
    const differs = await this.#saysOtherwise(seed, active.text)
    // Another file or another version has come meanwhile, and is compared on its own.
    if (this.#seed !== seed || this.#compared !== active) return
    const differed = this.#differsFrom !== null
    const { version } = active
    this.#differsFrom = differs ? version : null
    if (!differs || differed) return
    const text = `the file of this node differs from config version ${version}, which rules`
    this.#log.info('config-file-differs', text, { version })
  }

  /** A text that is not valid on this node says nothing here; its activation tells of it. */
  async #saysOtherwise({ text, valid }: Seed, active: string): Promise<boolean> {
    if (text === active) return false
    try {
      const { digest } = await this.#host.validate(active)
      return (await digest()) !== (await valid.digest())
    } catch (error) {
      if (error instanceof SluiceError) return false
      throw error
    }
  }
}
