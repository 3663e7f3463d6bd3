/** What became of a proposal that a leader has taken. */
export type ProposalOutcome =
  /** It holds at this index, and this node has applied it. */
  | { readonly kind: 'applied'; readonly index: number }
  /** Another entry has been agreed on in its place: it does not hold, and never will. */
  | { readonly kind: 'dropped' }
  /** This node cannot tell: it went over the place with a snapshot, or has stopped. */
  | { readonly kind: 'unknown' }

/** Called once. */
export type OnOutcome = (outcome: ProposalOutcome) => void

interface Waiter {
  readonly term: number
  readonly onOutcome: OnOutcome
}

/** What was applied at a place of the log. */
interface Applied {
  readonly index: number
  readonly term: number
}

/**
 * Places that are remembered for those who ask late: the answer of the leader to a forwarded
 * proposal may come after the entry itself.
 */
const RECENT_PLACES = 256

/**
 * Who waits for which place of the log. A proposal is settled by what is applied at its index: the
 * entry of its term is its own, any other has taken its place. That an entry vanished from this
 * node's log settles nothing, for another node may yet have it agreed on (Raft paper, figure 8).
 */
export class Proposals {
  readonly #waitersMax: number
  readonly #waiters = new Map<number, Waiter[]>()
  readonly #recent: (Applied | undefined)[] = new Array<Applied | undefined>(RECENT_PLACES)
  #count = 0
  #appliedIndex: number

  /**
   * @param waitersMax bound of those who wait
   * @param appliedIndex as of the start
   */
  constructor(waitersMax: number, appliedIndex: number) {
    this.#waitersMax = waitersMax
    this.#appliedIndex = appliedIndex
  }

  get isFull(): boolean {
    return this.#count >= this.#waitersMax
  }

  /** Waits for what is applied at an index; at once where that has happened. */
  wait(index: number, term: number, onOutcome: OnOutcome): void {
    if (index <= this.#appliedIndex) {
      onOutcome(this.#outcomeOf(index, term))
      return
    }
    const others = this.#waiters.get(index)
    const waiter = { term, onOutcome }
    if (others === undefined) this.#waiters.set(index, [waiter])
    else others.push(waiter)
    this.#count++
  }

  /** The state machine has applied an entry. */
  applied(index: number, term: number): void {
    this.#appliedIndex = index
    this.#recent[index % RECENT_PLACES] = { index, term }
    const waiters = this.#waiters.get(index)
    if (waiters === undefined) return
    this.#waiters.delete(index)
    this.#count -= waiters.length
    for (const waiter of waiters) {
      waiter.onOutcome(waiter.term === term ? { kind: 'applied', index } : { kind: 'dropped' })
    }
  }

  /** The state machine was set to a snapshot: what it went over cannot be told. */
  skipped(index: number): void {
    this.#appliedIndex = index
    for (const waiting of [...this.#waiters.keys()]) {
      if (waiting <= index) this.#giveUp(waiting)
    }
  }

  /** Nothing will be applied any more. */
  stop(): void {
    for (const waiting of [...this.#waiters.keys()]) this.#giveUp(waiting)
  }

  #outcomeOf(index: number, term: number): ProposalOutcome {
    const known = this.#recent[index % RECENT_PLACES]
    if (known?.index !== index) return { kind: 'unknown' }
    return known.term === term ? { kind: 'applied', index } : { kind: 'dropped' }
  }

  #giveUp(index: number): void {
    const waiters = this.#waiters.get(index) ?? []
    this.#waiters.delete(index)
    this.#count -= waiters.length
    for (const { onOutcome } of waiters) onOutcome({ kind: 'unknown' })
  }
}
