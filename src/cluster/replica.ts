import { assert, SluiceError } from '../base/errors.ts'
import type { Agreement, StateMachine } from '../consensus/agreement.ts'
import type { ClusterStateMachine } from './state-machine/cluster-state-machine.ts'
import type { CommandOutcome } from './state-machine/command-outcomes.ts'

/** A proposal under way. */
interface UnderWay {
  /** Last index that was applied when it was made: its own comes after it. */
  readonly sinceIndex: number
}

/** An index that is waited for. */
interface Awaited {
  readonly index: number
  readonly onApplied: () => void
}

/**
 * The state machine as agreement sees it. Agreement says at which index a command holds; what came
 * of it is found here.
 *
 * At what a newer program has agreed on it halts: from there on it applies nothing, rather than
 * guess, and has no snapshot taken, which would hide what it has not applied. Agreement goes on: the
 * node keeps the log and has its vote, so that a cluster whose nodes are exchanged one by one does
 * not lose it. Started with a newer program it applies what it has kept.
 */
export class Replica implements StateMachine {
  readonly #machine: ClusterStateMachine
  readonly #onHalt: (error: SluiceError) => void
  /** The oldest first. */
  readonly #underWay = new Set<UnderWay>()
  /**
   * Outcomes by index, as far back as a proposal under way may ask for: bounded by what is agreed on
   * within the seconds in which agreement settles each.
   */
  readonly #outcomes = new Map<number, CommandOutcome>()
  /** Who waits until an index is applied; each for a bounded time. */
  readonly #awaited = new Set<Awaited>()
  #appliedIndex = 0
  #halt: SluiceError | null = null

  /** @param onHalt told once */
  constructor(machine: ClusterStateMachine, onHalt: (error: SluiceError) => void) {
    this.#machine = machine
    this.#onHalt = onHalt
  }

  /** Index up to which everything was applied here, by commands or a snapshot. */
  get appliedIndex(): number {
    return this.#appliedIndex
  }

  /**
   * Calls back once an index has been applied here, or it cannot be known any more whether it was.
   *
   * @returns gives it up
   */
  whenApplied(index: number, onApplied: () => void): () => void {
    const awaited = { index, onApplied }
    if (this.#appliedIndex >= index || this.#halt !== null) onApplied()
    else this.#awaited.add(awaited)
    return () => void this.#awaited.delete(awaited)
  }

  /** @throws SluiceError `state-newer`: it has halted */
  expectRunning(): void {
    if (this.#halt !== null) throw this.#halt
  }

  /**
   * Has a command agreed on.
   *
   * @returns what the state machine of this node returned for it
   * @throws SluiceError what agreement throws; `state-newer`: it has halted
   */
  async propose(agreement: Agreement, command: Uint8Array): Promise<CommandOutcome> {
    this.expectRunning()
    const underWay = { sinceIndex: this.#appliedIndex }
    this.#underWay.add(underWay)
    try {
      const outcome = this.#outcomes.get(await agreement.propose(command))
      this.expectRunning()
      assert(outcome !== undefined, 'what is agreed on was applied here before that was told')
      return outcome
    } finally {
      this.#underWay.delete(underWay)
      this.#forget()
    }
  }

  apply(index: number, command: Uint8Array): void {
    this.#unlessNewer(() => {
      const outcome = this.#machine.apply(index, command)
      this.#appliedIndex = index
      if (this.#underWay.size > 0) this.#outcomes.set(index, outcome)
      this.#settle(index)
    })
  }

  async snapshot(): Promise<Uint8Array> {
    // Of a state that lags behind the log there is none: the log is kept until this node is newer.
    if (this.#halt !== null) await new Promise<never>(() => {})
    return this.#machine.snapshot()
  }

  restore(data: Uint8Array, index: number): void {
    this.#unlessNewer(() => {
      this.#machine.restore(data)
      this.#appliedIndex = index
      this.#settle(index)
    })
  }

  #unlessNewer(act: () => void): void {
    if (this.#halt !== null) return
    try {
      act()
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'state-newer') throw error
      this.#halt = error
      this.#settle(Number.POSITIVE_INFINITY)
      this.#onHalt(error)
    }
  }

  #settle(index: number): void {
    for (const awaited of this.#awaited) {
      if (awaited.index > index) continue
      this.#awaited.delete(awaited)
      awaited.onApplied()
    }
  }

  /** Drops what no proposal under way can ask for. */
  #forget(): void {
    const [oldest] = this.#underWay
    for (const index of this.#outcomes.keys()) {
      if (oldest !== undefined && index > oldest.sinceIndex) return
      this.#outcomes.delete(index)
    }
  }
}
