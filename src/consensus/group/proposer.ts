import { SluiceError } from '../../base/errors.ts'
import type { Proposed } from '../driver/driver.ts'
import type { ProposalOutcome } from '../driver/proposals.ts'
import { ByteReader } from '../encoding/byte-reader.ts'
import { ByteWriter } from '../encoding/byte-writer.ts'
import type { NodeId } from '../log/entries.ts'
import {
  type AnyDriver,
  type EngineView,
  hasQuorum,
  mayHaveQuorum,
  noQuorum,
} from './engine-view.ts'

/** For how long a proposal waits to be applied; after it nobody can say yet. */
const PROPOSAL_TIMEOUT_MS = 5000
/** For how long a read waits, its tries together. */
const READ_TIMEOUT_MS = 5000
/** Before the next try, where nothing was proposed and a leader may be there in a moment. */
const RETRY_MS = 10

/** Index and term of a proposal that a leader has taken. */
interface Place {
  readonly index: number
  readonly term: number
}

/** A proposal was taken, or nothing was proposed and `error` says why, in case no try is left. */
type Attempt =
  | { readonly isTaken: true; readonly outcome: ProposalOutcome | null }
  | { readonly isTaken: false; readonly error: SluiceError; readonly mayRetry: boolean }

/** Proposes and reads from any node: what only a leader can do is asked of it. */
export class Proposer {
  readonly #view: EngineView

  constructor(view: EngineView) {
    this.#view = view
  }

  /** As `Agreement.propose`. */
  async propose(command: Uint8Array): Promise<number> {
    const untilMs = this.#view.scheduler.nowMs() + PROPOSAL_TIMEOUT_MS
    for (;;) {
      const driver = this.#view.driver()
      const attempt = await this.#attempt(driver, command, untilMs)
      const isLate = this.#view.scheduler.nowMs() >= untilMs
      if (attempt.isTaken) {
        // What was dropped never held and never will: it may be proposed once more.
        if (attempt.outcome?.kind !== 'dropped' || isLate) return indexOf(attempt.outcome)
      } else if (!attempt.mayRetry || isLate || !mayHaveQuorum(driver, this.#view)) {
        throw attempt.error
      }
      await this.#pause()
    }
  }

  /** As `Agreement.read`. */
  async read(): Promise<void> {
    const { scheduler } = this.#view
    const untilMs = scheduler.nowMs() + READ_TIMEOUT_MS
    for (;;) {
      const driver = this.#view.driver()
      if (hasQuorum(driver, this.#view)) {
        const isDone = await this.#within<boolean>(untilMs, false, (settle) => driver.read(settle))
        if (isDone) return
      }
      if (scheduler.nowMs() >= untilMs || !mayHaveQuorum(driver, this.#view)) {
        throw noQuorum('no quorum has answered')
      }
      await this.#pause()
    }
  }

  /**
   * Proposes for a peer, where this node leads.
   *
   * @returns for {@link placeOf}
   * @throws SluiceError `no-quorum`, `overloaded`: nothing was proposed
   */
  proposeFor(command: Uint8Array): Uint8Array {
    const proposed = this.#view.driver().propose(command, null)
    if (!proposed.ok) throw refusalOf(proposed)
    const writer = new ByteWriter(16)
    writer.count(proposed.index)
    writer.count(proposed.term)
    return writer.finish()
  }

  async #attempt(driver: AnyDriver, command: Uint8Array, untilMs: number): Promise<Attempt> {
    const { role, leader } = driver.standing()
    if (!hasQuorum(driver, this.#view)) {
      const why = leader === null ? 'no leader is known' : 'what was proposed before waits too long'
      return { isTaken: false, error: noQuorum(why), mayRetry: true }
    }
    if (role === 'leader' || leader === null) return this.#proposeHere(driver, command, untilMs)
    return this.#proposeThere(driver, leader, command, untilMs)
  }

  async #proposeHere(driver: AnyDriver, command: Uint8Array, untilMs: number): Promise<Attempt> {
    let proposed: Proposed | null = null
    const outcome = await this.#within<ProposalOutcome | null>(untilMs, null, (settle) => {
      proposed = driver.propose(command, settle)
      if (!proposed.ok) settle(null)
    })
    return takenOrNot(proposed, outcome)
  }

  async #proposeThere(
    driver: AnyDriver,
    leader: NodeId,
    command: Uint8Array,
    untilMs: number,
  ): Promise<Attempt> {
    const { questions, scheduler } = this.#view
    const leftMs = Math.max(0, untilMs - scheduler.nowMs())
    const answer = await questions.ask(leader, 'engine', 'propose', command, leftMs)
    switch (answer.kind) {
      case 'answered': {
        const { index, term } = placeOf(answer.body)
        const outcome = await this.#within<ProposalOutcome | null>(untilMs, null, (settle) =>
          driver.wait(index, term, settle),
        )
        return { isTaken: true, outcome }
      }
      case 'silent':
        return { isTaken: true, outcome: null }
      case 'unsent': {
        const error = noQuorum(`the leader, ${leader}, cannot be reached from here`)
        return { isTaken: false, error, mayRetry: true }
      }
      case 'refused': {
        const isFull = answer.code === 'overloaded'
        const error = new SluiceError(isFull ? 'overloaded' : 'no-quorum', answer.message)
        return { isTaken: false, error, mayRetry: !isFull }
      }
      default:
        return answer satisfies never
    }
  }

  /** Waits for a call back, until a time. */
  #within<T>(
    untilMs: number,
    otherwise: T,
    begin: (settle: (value: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve) => {
      const cancel = this.#view.scheduler.callAt(untilMs, () => resolve(otherwise))
      begin((value) => {
        cancel()
        resolve(value)
      })
    })
  }

  async #pause(): Promise<void> {
    await this.#view.conditions.until(() => false, RETRY_MS)
  }
}

function takenOrNot(proposed: Proposed | null, outcome: ProposalOutcome | null): Attempt {
  if (proposed === null || proposed.ok) return { isTaken: true, outcome }
  const mayRetry = proposed.reason === 'not-leader' || proposed.reason === 'transferring'
  return { isTaken: false, error: refusalOf(proposed), mayRetry }
}

/** @returns the error that says why a leader, or a node that is none, has not taken a proposal */
function refusalOf({ reason }: Extract<Proposed, { ok: false }>): SluiceError {
  switch (reason) {
    case 'overloaded':
      return new SluiceError('overloaded', 'too much waits to be agreed on')
    case 'stopped':
      return new SluiceError('engine-stopped', 'the node has stopped')
    case 'membership-changing':
      return new SluiceError('membership-changing', 'a change of the members is under way')
    case 'transferring':
      return noQuorum('leadership is being handed over')
    case 'not-leader':
      return noQuorum('the node does not lead')
    default:
      return reason satisfies never
  }
}

function placeOf(body: Uint8Array): Place {
  const reader = new ByteReader(body)
  const place = { index: reader.count(), term: reader.count() }
  reader.end()
  return place
}

/** @param outcome null: none in time */
function indexOf(outcome: ProposalOutcome | null): number {
  if (outcome?.kind === 'applied') return outcome.index
  throw outcome?.kind === 'dropped'
    ? new SluiceError('proposal-dropped', 'something else was agreed on in its place')
    : new SluiceError('outcome-unknown', 'it was proposed, and may yet be agreed on')
}
