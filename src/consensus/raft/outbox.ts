import type { ReadOutcome } from '../core/ready.ts'
import type { Message } from './messages.ts'

/** What waits for the next Ready. Its driver takes one after every input, which bounds it. */
export class Outbox {
  #messages: Message[] = []
  #held: Message[] = []
  #reads: ReadOutcome[] = []

  /** Sends at once: the message promises nothing that has to be durable. */
  send(message: Message): void {
    this.#messages.push(message)
  }

  /** Sends once everything that the node has taken so far is durable. */
  sendDurable(message: Message): void {
    this.#held.push(message)
  }

  /** Answers a read of this node. */
  answer(outcome: ReadOutcome): void {
    this.#reads.push(outcome)
  }

  /** @returns what goes at once; it is no longer kept */
  takeMessages(): readonly Message[] {
    const taken = this.#messages
    this.#messages = []
    return taken
  }

  /** @returns what waits for durability; it is no longer kept */
  takeHeld(): readonly Message[] {
    const taken = this.#held
    this.#held = []
    return taken
  }

  /** @returns answers to reads; they are no longer kept */
  takeReads(): readonly ReadOutcome[] {
    const taken = this.#reads
    this.#reads = []
    return taken
  }
}
