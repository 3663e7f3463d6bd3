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
  /** The version that the file was compared with last. */
  #compared: ConfigVersion | null = null
  #differs = false
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
    return this.#differs ? `its file differs from config version ${this.#compared?.version}` : ''
  }

  /**
   * The file has been read again.
   *
   * @throws SluiceError `config-invalid`
   */
  replace(text: string): void {
    this.#seed = { text, valid: this.#host.validate(text) }
    this.#compared = null
    this.#differs = false
  }

  /**
   * The file has been read again and is made the config. Where that fails, the one before counts.
   *
   * @throws SluiceError `config-invalid`, and what `apply` throws
   */
  async applied<T>(text: string, apply: () => Promise<T>): Promise<T> {
    const seed = { text, valid: this.#host.validate(text) }
    this.#isBeingApplied = true
    try {
      const outcome = await apply()
      this.#seed = seed
      return outcome
    } finally {
      this.#isBeingApplied = false
      this.#compared = null
    }
  }

  /** @param active undefined: there is none yet */
  compare(active: ConfigVersion | undefined): void {
    if (this.#seed === null || this.#isBeingApplied || active === undefined) return
    if (active.version === this.#compared?.version) return
    const differed = this.#differs
    this.#differs = this.#saysOtherwise(this.#seed, active.text)
    this.#compared = active
    if (!this.#differs || differed) return
    const { version } = active
    const text = `the file of this node differs from config version ${version}, which rules`
    this.#log.info('config-file-differs', text, { version })
  }

  /** A text that is not valid on this node says nothing here; its activation tells of it. */
  #saysOtherwise({ text, valid }: Seed, active: string): boolean {
    if (text === active) return false
    try {
      return this.#host.validate(active).digest !== valid.digest
    } catch (error) {
      if (error instanceof SluiceError) return false
      throw error
    }
  }
}
