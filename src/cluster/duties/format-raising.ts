import { SluiceError } from '../../base/errors.ts'
import type { NodeStatus } from '../../consensus/engine-status.ts'
import type { PeerBus } from '../../consensus/peer-bus.ts'
import { decodeFormats, encodeMessage } from '../peer-requests.ts'
import type { Command } from '../state-machine/commands.ts'
import { Duty } from './duty.ts'
import type { NodeTimers } from './node-timers.ts'

/** The question for the formats that a node knows. What does not know the question knows the first. */
export const FORMATS_QUESTION = 'formats'

/** A node that does not answer by then may know nothing new. */
const ANSWER_TIMEOUT_MS = 1_000

/** Between two rounds of questions, while some node knows no more than the cluster agrees in. */
const ASKING_MS = 2_000

/** What formats are raised with. */
export interface FormatRaisingOptions {
  readonly name: string
  /** Null: this node has no others to ask. */
  readonly peers: PeerBus | null
  readonly timers: NodeTimers
  /** The newest format that this node knows. */
  readonly formatMax: number
  /** In which the cluster agrees. */
  readonly format: () => number
  readonly propose: (command: Command) => Promise<unknown>
  /** Told of a failure, before the next try. */
  readonly onFailure: (error: SluiceError) => void
}

/**
 * Has the cluster agree in the newest format that all of its nodes know, once they know more than it
 * agrees in. Who leads asks all members, and one that does not answer holds it up: it may be the one
 * that knows less. Nodes that are invited and have not appeared are not waited for. (As etcd raises
 * its cluster version to the least of its members', by its leader; CockroachDB too waits for every
 * node that has not been taken out.)
 */
export class FormatRaising {
  readonly #options: FormatRaisingOptions
  readonly #raising: Duty
  #others: readonly string[] = []
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(options: FormatRaisingOptions) {
    this.#options = options
    this.#raising = new Duty(options.timers, () => this.#raise(), options.onFailure)
  }

  /** Looks whether more may be known by now; for a leader, at short intervals. */
  tick(nodes: readonly NodeStatus[]): void {
    const { name, timers, format, formatMax } = this.#options
    this.#others = nodes
      .filter((node) => node.name !== name && node.membership !== 'invited')
      .map((node) => node.name)
    if (format() >= formatMax || timers.nowMs() - this.#askedMs < ASKING_MS) return
    this.#raising.due()
  }

  async #raise(): Promise<void> {
    const { timers, formatMax, format, propose } = this.#options
    this.#askedMs = timers.nowMs()
    const asked = this.#others
    const known = await Promise.all(asked.map((name) => this.#ask(name)))
    const common = Math.min(formatMax, ...known)
    // Who has come meanwhile has not been asked.
    const isWhole = this.#others.every((name) => asked.includes(name))
    if (isWhole && common > format()) await propose({ kind: 'format-raise', format: common })
  }

  /** @returns the newest format that a node says it knows; 0: it says nothing */
  async #ask(name: string): Promise<number> {
    const { peers } = this.#options
    try {
      const body = encodeMessage({})
      const answer = await peers?.ask(name, FORMATS_QUESTION, body, ANSWER_TIMEOUT_MS)
      return answer === undefined ? 0 : (decodeFormats(answer)?.format ?? 0)
    } catch (error) {
      if (error instanceof SluiceError) return 0
      throw error
    }
  }
}
