import { Driver } from '../../src/consensus/driver/driver.ts'
import { Raft } from '../../src/consensus/raft/raft.ts'
import { Client } from './clients.ts'
import { Disk } from './disk.ts'
import { Violation } from './judge.ts'
import { checkLinearizability, type Operation } from './linearizability.ts'
import { Nemesis } from './nemesis.ts'
import { Operator } from './operator.ts'
import { ELECTION_MAX_MS } from './profile.ts'
import { type Counts, type Parts, World } from './world.ts'

/** What a run has come to. */
export interface Outcome {
  readonly seed: number
  /** What went wrong; null: nothing. */
  readonly violation: string | null
  /** The search for an order of what clients saw was given up. */
  readonly isUndecided: boolean
  readonly counts: Counts
  readonly steps: number
  readonly leaders: number
  readonly commitIndex: number
  readonly operations: number
  /** How long it took to converge once everything was healed. */
  readonly convergedMs: number
  /** The last lines of the trace, and the digest of all; empty unless traced. */
  readonly tail: readonly string[]
  readonly digest: string
}

/** Things that may happen in a run; more means that it goes in circles. */
const STEPS_MAX = 400_000

/** Election timeouts within which a healed group has to agree on everything, its members included. */
const CONVERGENCE_ELECTIONS_MAX = 20

/** Places that the search for an order looks at for each key. */
const SEARCH_STEPS_MAX = 300_000

/** The sources as they are. */
export const RIGHT_PARTS: Parts = {
  Driver,
  Raft,
  Disk,
  alter: null,
  tune: null,
  isIdentityKept: false,
}

/**
 * Runs one seed: nodes with faults for a while, then without, until they agree.
 *
 * @param isTraced keeps the tail and the digest; slower
 */
export function simulate(seed: number, parts: Parts = RIGHT_PARTS, isTraced = false): Outcome {
  return new Run(seed, parts, isTraced).outcome()
}

class Run {
  readonly #seed: number
  readonly #world: World
  readonly #operator: Operator
  readonly #history: Operation[] = []
  readonly #clients: readonly Client[]
  #steps = 0
  #convergedMs = 0
  #isUndecided = false

  constructor(seed: number, parts: Parts, isTraced: boolean) {
    this.#seed = seed
    this.#world = new World(seed, parts, isTraced)
    this.#operator = new Operator(this.#world)
    this.#clients = Array.from(
      { length: this.#world.profile.clients },
      (_, n) => new Client(`c${n}`, this.#world, this.#history),
    )
  }

  outcome(): Outcome {
    let violation: string | null = null
    try {
      this.#run()
    } catch (error) {
      violation = textOf(error as Error)
      for (const machine of this.#world.machines) this.#world.trace.note(() => machine.summary())
      this.#world.trace.note(() => `violation: ${violation}`)
    }
    const { counts, judge, trace } = this.#world
    return {
      seed: this.#seed,
      violation,
      isUndecided: this.#isUndecided,
      counts,
      steps: this.#steps,
      leaders: judge.leaderCount,
      commitIndex: judge.commitIndex,
      operations: this.#history.length,
      convergedMs: this.#convergedMs,
      tail: trace.tail(),
      digest: trace.isOn ? trace.digest() : '',
    }
  }

  #run(): void {
    const { agenda, machines, profile } = this.#world
    const nemesis = new Nemesis(this.#world, this.#operator)
    for (const machine of machines) machine.start()
    this.#operator.start()
    for (const client of this.#clients) client.start()
    nemesis.start()
    this.#stepUntil(profile.faultsMs, () => false)
    nemesis.heal()
    for (const client of this.#clients) client.stop()
    this.#converge(agenda.nowMs)
    for (const client of this.#clients) client.end()
    this.#judgeHistory()
  }

  #stepUntil(endMs: number, isDone: () => boolean): boolean {
    while (!isDone()) {
      if (!this.#world.agenda.step(endMs)) return isDone()
      this.#steps += 1
      if (this.#steps > STEPS_MAX) throw new Violation(`the run does not end`)
    }
    return true
  }

  /** Liveness: a leader, one membership of living voters, one log, and new commands get through. */
  #converge(healedMs: number): void {
    const { agenda } = this.#world
    const endMs = healedMs + CONVERGENCE_ELECTIONS_MAX * ELECTION_MAX_MS
    let problem = this.#disagreement()
    while (problem !== null) {
      if (agenda.nowMs >= endMs) throw new Violation(`no convergence: ${problem}`)
      this.#stepUntil(Math.min(endMs, agenda.nowMs + 25), () => false)
      problem = this.#disagreement()
    }
    this.#convergedMs = agenda.nowMs - healedMs
    this.#proveProgress(endMs)
  }

  /** @returns what the nodes do not agree on yet, or null */
  #disagreement(): string | null {
    const { judge, machines } = this.#world
    const leader = this.#world.leader()
    const status = leader?.status()
    if (!leader || !status) return 'no leader'
    if (!this.#operator.isContent(status)) {
      return `membership ${JSON.stringify(status.membership)} peers ${JSON.stringify(status.peers)}`
    }
    if (status.appliedIndex < judge.acknowledgedIndex) {
      return `the leader has applied ${status.appliedIndex} of ${judge.acknowledgedIndex}`
    }
    for (const machine of machines) {
      const { voters } = status.membership
      if (!voters.some(({ id }) => id === machine.id)) continue
      const other = machine.status()
      if (other === null) return `${machine.id} is down`
      if (other.term !== status.term || other.leader !== leader.id) {
        return `${machine.id} follows ${String(other.leader)} in term ${other.term}, not ${leader.id}`
      }
      if (other.appliedIndex !== status.lastIndex) {
        return `${machine.id} has applied ${other.appliedIndex} of ${status.lastIndex}`
      }
    }
    return null
  }

  /** Every key is read once more, and what is read is part of what clients saw. */
  #proveProgress(endMs: number): void {
    const { profile } = this.#world
    const prober = new Client('prober', this.#world, this.#history)
    let answered = 0
    for (let key = 0; key < profile.keys; key += 1) {
      prober.append(`k${key}`, () => {
        answered += 1
      })
    }
    const isDone = this.#stepUntil(endMs + 2 * ELECTION_MAX_MS, () => answered === profile.keys)
    if (!isDone) throw new Violation('no progress: a healed group takes no commands')
  }

  #judgeHistory(): void {
    const { outcome, key } = checkLinearizability(this.#history, SEARCH_STEPS_MAX)
    this.#isUndecided = outcome === 'undecided'
    if (outcome !== 'violated') return
    const operations = this.#history.filter((operation) => operation.key === key)
    throw new Violation(
      `what clients saw of ${key} has no order:\n${operations.map(lineOf).join('\n')}`,
    )
  }
}

/** A broken invariant of the core counts as a violation; anything else is a fault of its own. */
function textOf(error: Error): string {
  if (error instanceof Violation) return error.message
  const isInvariant = 'code' in error && error.code === 'invariant-broken'
  return isInvariant ? `invariant broken: ${error.stack}` : `unexpected: ${error.stack}`
}

function lineOf({ client, request, calledAt, returnedAt, answer }: Operation): string {
  return `  ${calledAt}-${returnedAt} ${client} ${JSON.stringify(request)} -> ${JSON.stringify(answer)}`
}
