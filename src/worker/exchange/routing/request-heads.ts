import type { HeadLimits } from '../../../http/limits.ts'
import { RequestHead } from '../../../http/request-head.ts'
import { RequestRewrite } from '../rewriting/rewrite.ts'

/** Heads that are laid by for the next request that keeps its own: a few kilobytes each. */
const SPARE_HEADS_MAX = 16

/** A request's head, and what its rules make of it. */
export interface RuledHead {
  readonly head: RequestHead
  readonly rewrite: RequestRewrite
}

/**
 * The request heads of a thread. The one at hand serves request after request, because most are done
 * with their head before the return to the event loop. A request whose rules wait keeps the one that
 * it was read into, and another is at hand for those that come meanwhile.
 *
 * Bound: a client's connection has one request at a time, and so keeps one head at most.
 */
export class RequestHeads {
  readonly #limits: HeadLimits
  readonly #addedBytesMax: number
  readonly #spare: RuledHead[] = []
  #atHand: RuledHead

  /**
   * @param limits bounds of every head
   * @param addedBytesMax bytes of all lines together that rules may add to one head
   */
  constructor(limits: HeadLimits, addedBytesMax: number) {
    this.#limits = limits
    this.#addedBytesMax = addedBytesMax
    this.#atHand = this.#create()
  }

  /** What the next request is read into; valid from there to the return to the event loop. */
  get atHand(): RuledHead {
    return this.#atHand
  }

  /** Gives the head at hand to its request, until {@link giveBack}. */
  keep(): RuledHead {
    const kept = this.#atHand
    this.#atHand = this.#spare.pop() ?? this.#create()
    return kept
  }

  /** Takes back what a request has kept. */
  giveBack(kept: RuledHead): void {
    if (this.#spare.length < SPARE_HEADS_MAX) this.#spare.push(kept)
  }

  #create(): RuledHead {
    const head = new RequestHead(this.#limits)
    return { head, rewrite: new RequestRewrite(head, this.#addedBytesMax) }
  }
}
