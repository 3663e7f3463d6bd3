import { assert } from '../base/errors.ts'
import type { Agreement, StateMachine } from '../consensus/agreement.ts'
import type { ClusterStateMachine } from './state-machine/cluster-state-machine.ts'
import type { CommandOutcome } from './state-machine/command-outcomes.ts'

/** A proposal under way. */
interface UnderWay {
  /** Last index that was applied when it was made: its own comes after it. */
  readonly sinceIndex: number
}

/**
 * The state machine as agreement sees it. Agreement says at which index a command holds; what came
 * of it is found here.
 */
export class Replica implements StateMachine {
  readonly #machine: ClusterStateMachine
  /** The oldest first. */
  readonly #underWay = new Set<UnderWay>()
  /**
   * Outcomes by index, as far back as a proposal under way may ask for: bounded by what is agreed on
   * within the seconds in which agreement settles each.
   */
  readonly #outcomes = new Map<number, CommandOutcome>()
  #appliedIndex = 0

  constructor(machine: ClusterStateMachine) {
    this.#machine = machine
  }

  /**
   * Has a command agreed on.
   *
   * @returns what the state machine of this node returned for it
   * @throws SluiceError what agreement throws
   */
  async propose(agreement: Agreement, command: Uint8Array): Promise<CommandOutcome> {
    const underWay = { sinceIndex: this.#appliedIndex }
    this.#underWay.add(underWay)
    try {
      const outcome = this.#outcomes.get(await agreement.propose(command))
      assert(outcome !== undefined, 'what is agreed on was applied here before that was told')
      return outcome
    } finally {
      this.#underWay.delete(underWay)
      this.#forget()
    }
  }

  apply(index: number, command: Uint8Array): void {
    const outcome = this.#machine.apply(index, command)
    this.#appliedIndex = index
    if (this.#underWay.size > 0) this.#outcomes.set(index, outcome)
  }

  async snapshot(): Promise<Uint8Array> {
    return this.#machine.snapshot()
  }

  restore(data: Uint8Array): void {
    this.#machine.restore(data)
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
