import type { CoreStatus } from '../../src/consensus/core/core-status.ts'
import type { Driver } from '../../src/consensus/driver/driver.ts'
import type { Member, NodeId, Snapshot } from '../../src/consensus/log/entries.ts'
import type { Message } from '../../src/consensus/raft/messages.ts'
import type { Agenda } from './agenda.ts'
import type { Dice } from './dice.ts'
import type { Disk } from './disk.ts'
import { type Judge, Violation } from './judge.ts'
import { JudgedKeyValue } from './judged-key-value.ts'
import type { Answer } from './key-value.ts'
import { summaryOf } from './message-summary.ts'
import type { Sources } from './patched-sources.ts'
import type { Profile } from './profile.ts'
import type { Trace } from './trace.ts'

/** How many things may wait for a machine that is paused; messages beyond are lost. */
const BACKLOG_MAX = 5_000

/** Until a daemon that has given its data up begins anew. */
const REJOIN_MS = 100

/** What a machine has around it. */
export interface MachineWorld {
  readonly agenda: Agenda
  readonly dice: Dice
  readonly judge: Judge
  readonly trace: Trace
  readonly profile: Profile
  readonly counts: { diskFailures: number; losses: number }
  readonly parts: Sources & { readonly isIdentityKept: boolean }
  newDisk(id: NodeId, founding: Snapshot): Disk
  send(message: Message): void
}

/** What a machine does at the moment. */
export type MachineState = 'down' | 'running' | 'paused'

/** One life of the daemon on a machine. */
interface Life {
  readonly driver: Driver<Message>
  readonly keyValue: JudgedKeyValue
  /** Local milliseconds of a world millisecond, and of the world's beginning. */
  readonly rate: number
  readonly originMs: number
  isOver: boolean
}

/** Something that a paused machine will do. */
interface Deferred {
  readonly life: Life
  readonly isTimer: boolean
  readonly run: () => void
}

/** A machine: a name, a disk with an identity, and at times a daemon that runs. */
export class Machine {
  readonly name: string
  disk: Disk
  /** Storage steps until it crashes; null: it does not. */
  stepsToCrash: number | null = null
  readonly #world: MachineWorld
  readonly #founding: Snapshot
  #incarnation = 1
  #life: Life | null = null
  #isPaused = false
  #resumedMs = 0
  #backlog: Deferred[] = []

  constructor(name: string, world: MachineWorld, founding: Snapshot) {
    this.name = name
    this.#world = world
    this.#founding = founding
    this.disk = this.#newDisk()
  }

  get id(): NodeId {
    return this.disk.id
  }

  get member(): Member {
    return { id: this.id, name: this.name, address: `${this.name}:1` }
  }

  get state(): MachineState {
    if (this.#life === null) return 'down'
    return this.#isPaused ? 'paused' : 'running'
  }

  /** The core's; null while the machine is down. */
  status(): CoreStatus | null {
    return this.#life?.driver.status() ?? null
  }

  /** Starts the daemon on what the disk holds. @returns false where the disk is found damaged */
  start(): boolean {
    if (this.#life !== null) return true
    const { dice, judge, trace, profile, agenda } = this.#world
    trace.note(() => `${this.id} starts`)
    judge.onRestart(this.id)
    if (this.disk.isRotten) return false
    const { state, store } = this.disk.open()
    const rate = 1 + (dice.next() * 2 - 1) * profile.clockError
    const originMs = dice.between(0, 1_000_000)
    const localMs = () => originMs + agenda.nowMs * rate
    // The driver calls back within its constructor, before there is a life to be over.
    let life: Life | null = null
    const keyValue = new JudgedKeyValue(this.disk, judge, (run) => {
      agenda.after(dice.between(0, profile.snapshotMs), () => {
        if (life !== null) this.#deliver(life, false, () => this.#turn(run))
      })
    })
    const scheduler = {
      nowMs: localMs,
      callAt: (atMs: number, run: () => void) => {
        const delayMs = Math.max(0, (atMs - localMs()) / rate)
        const isTurn = atMs === localMs()
        // A little late, as timers are, so that rounding never makes one early.
        return agenda.after(delayMs > 0 ? delayMs + 0.001 : 0, () => {
          if (life !== null) this.#deliver(life, true, isTurn ? () => this.#turn(run) : run)
        })
      },
    }
    const { Driver, Raft } = this.#world.parts
    const { raft, ...options } = profile.driver
    const driver = new Driver<Message>(
      { ...options, readTimeoutMs: raft.electionMaxMs },
      {
        makeCore: (...start) => new Raft({ ...raft, id: this.id }, ...start),
        store,
        machine: keyValue,
        scheduler,
        random: () => dice.next(),
        send: (message) => {
          if (life?.isOver === true) throw new Violation(`${this.id} speaks after its end`)
          this.#world.send(message)
        },
        onStatus: ({ role, term }) => trace.note(() => `${this.id} is ${role} of term ${term}`),
        onFatal: (error) => this.#onFatal(error),
      },
      state,
    )
    life = { driver, keyValue, rate, originMs, isOver: false }
    this.#life = life
    this.#isPaused = false
    return true
  }

  /** A message has reached the machine. */
  receive(message: Message): void {
    const life = this.#life
    if (life === null || message.to !== this.id || this.#backlog.length >= BACKLOG_MAX) return
    this.#deliver(life, false, () => {
      this.#world.trace.note(() => `${this.id} < ${summaryOf(message)}`)
      life.driver.step(message)
    })
  }

  /** Has the daemon do something; dropped while the machine is down, late while it is paused. */
  ask(run: (driver: Driver<Message>) => void): void {
    const life = this.#life
    if (life !== null) this.#deliver(life, false, () => run(life.driver))
  }

  /** What the command at an index has given on this machine. */
  answerAt(index: number): Answer {
    return this.#life?.keyValue.answerAt(index) ?? null
  }

  /** What the state machine of this node has for a key. */
  valueOf(key: string): string {
    return this.#life?.keyValue.read(key) ?? ''
  }

  /** The power fails. */
  crash(): void {
    if (this.#life === null) return
    this.#world.trace.note(() => `${this.id} crashes`)
    this.#end()
  }

  /** The daemon is stopped as an operator does it. */
  stop(): void {
    if (this.#life === null) return
    this.#world.trace.note(() => `${this.id} stops`)
    this.#life.driver.stop()
    this.#end()
  }

  /** The process is frozen, its clock is not. */
  pause(): void {
    this.#world.trace.note(() => `${this.id} pauses`)
    this.#isPaused = this.#life !== null
  }

  /** What waited happens at once: timers first, or in the order in which it came. */
  resume(): void {
    if (!this.#isPaused) return
    this.#world.trace.note(() => `${this.id} resumes`)
    this.#isPaused = false
    this.#resumedMs = this.#world.agenda.nowMs
    const waiting = this.#backlog
    this.#backlog = []
    const timersFirst = this.#world.dice.chance(0.5)
    const order = timersFirst
      ? [...waiting.filter((d) => d.isTimer), ...waiting.filter((d) => !d.isTimer)]
      : waiting
    for (const { life, isTimer, run } of order) this.#deliver(life, isTimer, run)
  }

  /** All data is lost; the node that comes back is another one. */
  wipe(): void {
    this.crash()
    if (!this.#world.parts.isIdentityKept) this.#incarnation += 1
    this.disk = this.#newDisk()
    this.#world.trace.note(() => `${this.name} has lost its data and is ${this.id} now`)
  }

  /** The disk has done something for the daemon, which hears of it once it runs. */
  onWritten(tell: () => void): void {
    if (this.#life !== null) this.#deliver(this.#life, false, () => this.#turn(tell))
  }

  /** @returns true where the machine has crashed at this point of its storage */
  onStorageStep(): boolean {
    if (this.stepsToCrash === null) return false
    this.stepsToCrash -= 1
    if (this.stepsToCrash > 0) return false
    this.stepsToCrash = null
    this.crash()
    return true
  }

  /** The machine in one line. */
  summary(): string {
    const namesOf = (members: readonly Member[]) => members.map(({ id }) => id).join()
    const { voters, outgoing, learners } =
      this.status()?.membership ?? this.disk.issued.membership()
    const status = this.status()
    const core =
      status === null
        ? ''
        : `${status.role} term=${status.term} last=${status.lastIndex} commit=${status.commitIndex} applied=${status.appliedIndex}`
    return `${this.id} ${this.state} ${core} voters=${namesOf(voters)} outgoing=${namesOf(outgoing)} learners=${namesOf(learners)}`
  }

  #newDisk(): Disk {
    return this.#world.newDisk(`${this.name}/${this.#incarnation}`, this.#founding)
  }

  #end(): void {
    if (this.#life !== null) this.#life.isOver = true
    this.#life = null
    this.#isPaused = false
    this.#backlog = []
    this.disk.crash()
  }

  #deliver(life: Life, isTimer: boolean, run: () => void): void {
    if (life.isOver) return
    if (this.#isPaused) {
      this.#backlog.push({ life, isTimer, run })
      return
    }
    run()
    if (!life.isOver) life.keyValue.onStep(life.driver.status().appliedIndex)
  }

  /**
   * The driver looks at what its core wants, as it does in turns that it asks for and where something
   * has become durable. Only right after it has, what the core knows is what has been written and
   * said.
   */
  #turn(run: () => void): void {
    run()
    const life = this.#life
    if (life === null) return
    const { judge, agenda, profile } = this.#world
    const status = life.driver.status()
    judge.onStep(status, this.disk)
    const sinceMs = this.disk.pendingSinceMs
    if (sinceMs === null) return
    const stalledMs = agenda.nowMs - Math.max(sinceMs, this.#resumedMs)
    judge.onStall(status, stalledMs, profile.driver.raft.electionMaxMs)
  }

  #onFatal(error: Error): void {
    if ('code' in error && error.code === 'data-lost') {
      if (!this.#world.profile.faults.includes('tail-loss')) {
        throw new Violation(`${this.id} has lost what it acknowledged: ${error.message}`)
      }
      this.#world.counts.losses += 1
      this.wipe()
      this.#world.agenda.after(REJOIN_MS, () => this.start())
      return
    }
    if (!('code' in error) || error.code !== 'data-dir-failed') throw error
    this.#world.trace.note(() => `${this.id} ends: ${error.message}`)
    this.#world.counts.diskFailures += 1
    this.#end()
  }
}
