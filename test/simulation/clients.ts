import type { Driver } from '../../src/consensus/driver/driver.ts'
import type { ProposalOutcome } from '../../src/consensus/driver/proposals.ts'
import type { Message } from '../../src/consensus/raft/messages.ts'
import { type Change, encodeCommand } from './key-value.ts'
import type { Operation, Request } from './linearizability.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

/** A client that has waited so long for an answer goes on without. */
const PATIENCE_MS = 1_200

/** Between tries of what has to get through. */
const RETRY_AFTER_MS = 20

/** One operation of a client under way. */
interface Attempt {
  readonly key: string
  readonly request: Request
  readonly calledAt: number
  readonly onEnd: (isAnswered: boolean) => void
  isOver: boolean
}

/** A client: asks one thing after another, of any node. */
export class Client {
  readonly #name: string
  readonly #world: World
  readonly #history: Operation[]
  readonly #lastSeen = new Map<string, string>()
  readonly #open = new Set<Attempt>()
  #count = 0
  #isDone = false

  /** @param history what has come of all operations of all clients is added to it */
  constructor(name: string, world: World, history: Operation[]) {
    this.#name = name
    this.#world = world
    this.#history = history
  }

  start(): void {
    this.#thenNext()
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isDone = true
  }

  /** The run is over: what is under way has no answer. */
  end(): void {
    this.#isDone = true
    for (const attempt of [...this.#open]) this.#settle(attempt, false, null)
  }

  /**
   * Appends to a key through whoever leads, again and again until it is done.
   *
   * @param onDone called once it is
   */
  append(key: string, onDone: () => void): void {
    this.#count += 1
    const request: Change = { kind: 'append', value: `${this.#name}.${this.#count};` }
    this.#isDone = true
    const attempt: Attempt = {
      key,
      request,
      calledAt: this.#world.nextMoment(),
      isOver: false,
      onEnd: (isAnswered) => {
        if (isAnswered) onDone()
        else this.#world.agenda.after(RETRY_AFTER_MS, () => this.append(key, onDone))
      },
    }
    const leader = this.#world.leader()
    this.#begin(attempt, leader ?? this.#world.dice.pick(this.#world.machines))
  }

  #thenNext(): void {
    const { agenda, dice, profile } = this.#world
    agenda.after(dice.between(1, profile.thinkMs), () => {
      if (!this.#isDone) this.#next()
    })
  }

  #next(): void {
    const { dice, machines, profile } = this.#world
    const claimants = dice.chance(0.7) ? this.#world.claimants() : []
    const machine = dice.pick(claimants.length > 0 ? claimants : machines)
    const key = `k${dice.below(profile.keys)}`
    const request = this.#drawRequest(key)
    const calledAt = this.#world.nextMoment()
    const onEnd = (): void => this.#thenNext()
    this.#begin({ key, request, calledAt, onEnd, isOver: false }, machine)
  }

  #begin(attempt: Attempt, machine: Machine): void {
    const { request } = attempt
    this.#open.add(attempt)
    this.#world.agenda.after(PATIENCE_MS, () => this.#settle(attempt, false, null))
    if (request.kind === 'read') this.#read(attempt, machine)
    else this.#change(attempt, request, machine)
  }

  #drawRequest(key: string): Request {
    const { dice } = this.#world
    this.#count += 1
    const value = `${this.#name}.${this.#count};`
    const kind = dice.next()
    if (kind < 0.35) return { kind: 'read' }
    if (kind < 0.65) return { kind: 'append', value }
    if (kind < 0.85) return { kind: 'write', value }
    return { kind: 'swap', expected: this.#lastSeen.get(key) ?? '', value }
  }

  #read(attempt: Attempt, machine: Machine): void {
    machine.ask((driver) => {
      driver.read((isDone) => {
        if (isDone) this.#world.counts.reads += 1
        else this.#world.counts.failedReads += 1
        // A read that failed says nothing; one that was done says what the node has at that moment.
        if (isDone) this.#settle(attempt, true, machine.valueOf(attempt.key))
        else this.#forget(attempt)
      })
    })
  }

  #change(attempt: Attempt, change: Change, machine: Machine): void {
    const { dice } = this.#world
    const padding = dice.chance(0.1) ? dice.below(400) : 0
    const command = encodeCommand(attempt.key, change, padding)
    machine.ask((driver) => {
      const proposed = driver.propose(command, (outcome) =>
        this.#onOutcome(attempt, outcome, machine),
      )
      if (proposed.ok) return
      if (proposed.reason === 'not-leader' && proposed.leader !== null) {
        this.#forward(attempt, command, machine, driver, proposed.leader)
      } else {
        this.#forget(attempt)
      }
    })
  }

  /** As the engine does it: the leader proposes and says where, the asked node waits for it. */
  #forward(
    attempt: Attempt,
    command: Uint8Array,
    machine: Machine,
    asked: Driver<Message>,
    leaderId: string,
  ): void {
    const { network } = this.#world
    const leader = this.#world.machineOf(leaderId)
    if (leader === null) {
      this.#forget(attempt)
      return
    }
    network.send(
      machine.name,
      leader.name,
      once(() => {
        leader.ask((driver) => {
          const proposed = driver.propose(command, null)
          network.send(
            leader.name,
            machine.name,
            once(() => {
              machine.ask((driverNow) => {
                // The node may have been restarted: then nobody waits any more.
                if (driverNow !== asked) return
                if (!proposed.ok) {
                  this.#forget(attempt)
                  return
                }
                asked.wait(proposed.index, proposed.term, (outcome) =>
                  this.#onOutcome(attempt, outcome, machine),
                )
              })
            }),
          )
        })
      }),
    )
  }

  /** @param machine that was asked */
  #onOutcome(attempt: Attempt, outcome: ProposalOutcome, machine: Machine): void {
    const { counts, judge } = this.#world
    switch (outcome.kind) {
      case 'applied':
        counts.acknowledged += 1
        judge.onAcknowledge(outcome.index)
        this.#settle(attempt, true, machine.answerAt(outcome.index))
        break
      case 'dropped':
        counts.dropped += 1
        this.#forget(attempt)
        break
      case 'unknown':
        counts.unknown += 1
        this.#settle(attempt, false, null)
        break
    }
  }

  /** It is certain that nothing has come of it, nor will. */
  #forget(attempt: Attempt): void {
    if (attempt.isOver) return
    attempt.isOver = true
    this.#open.delete(attempt)
    attempt.onEnd(false)
  }

  #settle(attempt: Attempt, isAnswered: boolean, answer: string | boolean | null): void {
    if (attempt.isOver) return
    attempt.isOver = true
    this.#open.delete(attempt)
    const { key, request, calledAt } = attempt
    const returnedAt = isAnswered ? this.#world.nextMoment() : Number.POSITIVE_INFINITY
    this.#history.push({ client: this.#name, key, request, calledAt, returnedAt, answer })
    if (typeof answer === 'string') this.#lastSeen.set(key, answer)
    this.#world.trace.note(
      () =>
        `${this.#name} ${request.kind} ${key} ${'value' in request ? request.value : ''} ${isAnswered ? `-> ${String(answer)}` : 'without answer'}`,
    )
    attempt.onEnd(isAnswered)
  }
}

/** A forwarded request is never delivered twice: it goes over a connection that counts. */
function once(run: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    run()
  }
}
