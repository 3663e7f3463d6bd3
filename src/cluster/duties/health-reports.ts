import { SluiceError } from '../../base/errors.ts'
import { NAMES_MAX, REASON_LENGTH_MAX, REPORT_VERDICTS_MAX } from '../state-machine/bounds.ts'
import type { ClusterStateMachine } from '../state-machine/cluster-state-machine.ts'
import type { ReportHealth, ServerVerdict } from '../state-machine/commands.ts'
import { Backoff } from './backoff.ts'
import type { NodeTimers } from './node-timers.ts'

/** Verdicts wait so long for others, so that a rack that fails is one report. */
const GATHER_MS = 50

/** After a report that was not agreed on. */
const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 5_000

/** Servers whose verdicts are kept: those of the config, and as many that were added. */
const SERVERS_MAX = 2 * NAMES_MAX

/** What a node reports with. */
export interface HealthReportsOptions {
  readonly node: string
  /** Tells the runs of a node apart. */
  readonly run: string
  readonly machine: ClusterStateMachine
  readonly timers: NodeTimers
  /** Has a report agreed on; a rejection means that it may be asked again. */
  readonly propose: (report: ReportHealth) => Promise<unknown>
}

/**
 * Brings what the cluster has on record of this node's checks to what they say: only the latest
 * verdict on a server is sent, and only where the record differs.
 */
export class HealthReports {
  readonly #options: HealthReportsOptions
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS)
  /** What the checks say. */
  readonly #verdicts = new Map<string, ServerVerdict>()
  /** Where the record may differ from it. */
  readonly #doubtful = new Set<string>()
  #isOpen = false
  #isSending = false
  #cancel: (() => void) | null = null

  constructor(options: HealthReportsOptions) {
    this.#options = options
  }

  /** This node's own verdict on a server has changed; null: it no longer checks it. */
  report(key: string, isUp: boolean | null, reason: string): void {
    if (isUp === null) this.#verdicts.delete(key)
    else if (this.#verdicts.has(key) || this.#verdicts.size < SERVERS_MAX) {
      this.#verdicts.set(key, { key, isUp, reason: reason.slice(0, REASON_LENGTH_MAX) })
    } else return
    this.#doubtful.add(key)
    this.#schedule(GATHER_MS)
  }

  /** Witnesses, servers or the record have changed by something else than a report. */
  reconsider(): void {
    for (const key of this.#verdicts.keys()) this.#doubtful.add(key)
    const { machine, node } = this.#options
    for (const key of machine.health.reportedBy(node)) this.#doubtful.add(key)
    this.#schedule(GATHER_MS)
  }

  /** Whether reports can be agreed on at present; they wait where not. */
  setOpen(isOpen: boolean): void {
    if (this.#isOpen === isOpen) return
    this.#isOpen = isOpen
    this.#backoff.reset()
    if (isOpen) this.reconsider()
  }

  stop(): void {
    this.#isOpen = false
    this.#cancel?.()
    this.#cancel = null
  }

  #schedule(delayMs: number): void {
    if (!this.#isOpen || this.#isSending || this.#cancel !== null) return
    if (this.#doubtful.size === 0) return
    this.#cancel = this.#options.timers.after(delayMs, () => {
      this.#cancel = null
      if (this.#isOpen) void this.#send()
    })
  }

  async #send(): Promise<void> {
    const { node, run, propose } = this.#options
    const verdicts = this.#takeBatch()
    if (verdicts.length === 0) return
    this.#isSending = true
    let delayMs = GATHER_MS
    try {
      await propose({ kind: 'health-report', node, run, verdicts })
      this.#backoff.reset()
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      delayMs = this.#backoff.takeMs()
    }
    this.#isSending = false
    this.#schedule(delayMs)
  }

  /** Those that are sent stay doubtful until the record has been looked at again. */
  #takeBatch(): readonly ServerVerdict[] {
    const batch: ServerVerdict[] = []
    for (const key of this.#doubtful) {
      if (batch.length === REPORT_VERDICTS_MAX) break
      if (this.#isDue(key)) batch.push(this.#verdicts.get(key) ?? { key, isUp: null, reason: '' })
      else this.#doubtful.delete(key)
    }
    return batch
  }

  #isDue(key: string): boolean {
    const { machine, node, run } = this.#options
    const { health } = machine
    if (!health.isWatcher(node, key)) return false
    const verdict = this.#verdicts.get(key)
    // What an earlier run said is not withdrawn, it is replaced: a restart changes no verdict.
    if (health.runOf(node) !== run) return verdict !== undefined
    return (verdict?.isUp ?? null) !== health.reportOf(node, key)
  }
}
