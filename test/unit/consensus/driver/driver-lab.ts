import type { CoreStanding } from '../../../../src/consensus/core/core-status.ts'
import { Driver, type DriverHost } from '../../../../src/consensus/driver/driver.ts'
import {
  DRIVER_DEFAULTS,
  type DriverOptions,
} from '../../../../src/consensus/driver/driver-options.ts'
import type { Machine } from '../../../../src/consensus/driver/machine.ts'
import type { Member, Membership } from '../../../../src/consensus/log/entries.ts'
import type { Persist } from '../../../../src/consensus/log/persist.ts'
import type { Message } from '../../../../src/consensus/raft/messages.ts'
import { Raft } from '../../../../src/consensus/raft/raft.ts'
import { RAFT_DEFAULTS } from '../../../../src/consensus/raft/raft-defaults.ts'
import type { LogStore, StoredState } from '../../../../src/consensus/store/log-store.ts'
import { VirtualScheduler } from './virtual-scheduler.ts'

export function memberOf(name: string): Member {
  return { id: `${name}/1`, name, address: `${name}:7400` }
}

export function membershipOf(...names: readonly string[]): Membership {
  return { voters: names.map(memberOf), outgoing: [], learners: [], invited: [] }
}

/** What nodes of these names begin with. */
export function foundingOf(...names: readonly string[]): StoredState {
  const membership = membershipOf(...names)
  const snapshot = { index: 0, term: 0, membership, data: new Uint8Array() }
  return { hardState: { term: 0, vote: null }, snapshot, entries: [] }
}

/** A store whose writes are durable when the test says so. */
class ManualStore implements LogStore {
  readonly persists: Persist[] = []
  /** Confirms every write in the next turn. */
  isAutomatic = true
  readonly #scheduler: VirtualScheduler
  #waiting: ((failure: Error | null) => void)[] = []

  constructor(scheduler: VirtualScheduler) {
    this.#scheduler = scheduler
  }

  write(persist: Persist, done: (failure: Error | null) => void): void {
    this.persists.push(persist)
    this.#waiting.push(done)
    if (this.isAutomatic) this.#scheduler.callAt(0, () => this.confirm())
  }

  /** All that waits is durable, or has failed. */
  confirm(failure: Error | null = null): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const done of waiting) done(failure)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Adds up numbers: a command of n bytes adds n. */
class SumMachine implements Machine {
  sum = 0
  readonly applied: number[] = []
  /** Gives its snapshots when the test has it do so. */
  isSlow = false
  readonly asked: (() => void)[] = []

  apply(index: number, command: Uint8Array): void {
    if (command.length === 13) throw new Error('cannot go on')
    this.applied.push(index)
    this.sum += command.length
  }

  snapshot(onTaken: (data: Uint8Array) => void): void {
    const data = Uint8Array.from([this.sum >> 8, this.sum & 0xff])
    if (this.isSlow) this.asked.push(() => onTaken(data))
    else onTaken(data)
  }

  restore(data: Uint8Array): void {
    this.sum = ((data[0] ?? 0) << 8) | (data[1] ?? 0)
  }
}

/** A driver alone, whose surroundings the test plays. */
export class DriverLab {
  readonly scheduler = new VirtualScheduler()
  readonly store = new ManualStore(this.scheduler)
  readonly machine = new SumMachine()
  readonly sent: Message[] = []
  readonly standings: CoreStanding[] = []
  readonly failures: Error[] = []
  readonly driver: Driver<Message>

  constructor(stored: StoredState, options: Partial<DriverOptions> = {}, name = 'lb1') {
    const raft = { ...RAFT_DEFAULTS, id: `${name}/1` }
    const host: DriverHost<Message> = {
      makeCore: (...start) => new Raft(raft, ...start),
      store: this.store,
      machine: this.machine,
      scheduler: this.scheduler,
      random: () => 0.5,
      send: (message) => this.sent.push(message),
      onStatus: (standing) => this.standings.push(standing),
      onFatal: (error) => this.failures.push(error),
    }
    const readTimeoutMs = raft.electionMaxMs
    this.driver = new Driver({ ...DRIVER_DEFAULTS, readTimeoutMs, ...options }, host, stored)
  }

  /** Makes a node that is alone its leader. */
  lead(): this {
    this.driver.campaign()
    this.scheduler.settle()
    return this
  }
}
