import type { ReadReply } from './messages.ts'
import type { RaftState } from './raft-state.ts'

/** A read of this node that its leader was asked for. */
interface Forwarded {
  readonly context: number
  readonly untilMs: number
}

/**
 * The reads of a node that does not lead. Each is known to the leader by a number that this node
 * gives once only, over restarts too, where the first is drawn at random: the late answer to a read
 * of before a restart must not be taken for the answer to a new one.
 */
export class ForwardedReads {
  readonly #state: RaftState
  #nextNumber: number
  /** By number, the oldest first. */
  #reads = new Map<number, Forwarded>()

  constructor(state: RaftState, firstNumber: number) {
    this.#state = state
    this.#nextNumber = firstNumber
  }

  /** When the oldest is given up; infinite where none waits. */
  get deadlineMs(): number {
    for (const { untilMs } of this.#reads.values()) return untilMs
    return Number.POSITIVE_INFINITY
  }

  /** Asks the leader, or answers that there is none or that too many wait. */
  request(context: number): void {
    const { leader, outbox, options, nowMs } = this.#state
    if (leader === null || this.#reads.size >= options.pendingReadsMax) {
      outbox.answer({ context, index: null })
      return
    }
    const number = this.#nextNumber++
    this.#reads.set(number, { context, untilMs: nowMs + options.electionMaxMs })
    outbox.send({ type: 'read-request', ...this.#state.envelope(leader), context: number })
  }

  /** The leader has answered. */
  onReply({ from, context: number, index }: ReadReply): void {
    const read = this.#reads.get(number)
    if (read === undefined || from !== this.#state.leader) return
    this.#reads.delete(number)
    this.#state.outbox.answer({ context: read.context, index })
  }

  /** Gives up the reads whose time is over. */
  tick(): void {
    for (const [number, { context, untilMs }] of this.#reads) {
      if (untilMs > this.#state.nowMs) break
      this.#reads.delete(number)
      this.#state.outbox.answer({ context, index: null })
    }
  }

  /** Gives up all: the leader that they wait for leads no more. */
  fail(): void {
    for (const { context } of this.#reads.values()) {
      this.#state.outbox.answer({ context, index: null })
    }
    this.#reads.clear()
  }
}
