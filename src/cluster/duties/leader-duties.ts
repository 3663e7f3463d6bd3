import type { SluiceError } from '../../base/errors.ts'
import type { Agreement } from '../../consensus/agreement.ts'
import type { EngineStatus, NodeStatus } from '../../consensus/engine-status.ts'
import type { PeerBus } from '../../consensus/peer-bus.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { OwnFile } from '../own-file.ts'
import type { Done } from '../state-machine/command-outcomes.ts'
import type { Command } from '../state-machine/commands.ts'
import type { ClusterState } from '../state-machine/state.ts'
import type { ConfirmationClock } from './confirmation-clock.ts'
import { askElapsed } from './confirmation-inheritance.ts'
import { Duty } from './duty.ts'
import { FormatRaising } from './format-raising.ts'
import type { NodeTimers } from './node-timers.ts'
import { WitnessKeeper } from './witness-keeper.ts'

/** What the duties are done with. */
export interface LeaderDutiesOptions {
  readonly name: string
  readonly file: OwnFile
  readonly timers: NodeTimers
  readonly log: DaemonLog
  readonly agreement: Agreement
  /** Null: this node has no others to ask. */
  readonly peers: PeerBus | null
  /** How long the version that waits has waited. */
  readonly confirmation: ConfirmationClock
  /** The newest format that this node knows. */
  readonly formatMax: number
  readonly state: () => ClusterState
  readonly propose: (command: Command) => Promise<Done>
}

/**
 * What a leader does unasked: it gives a new cluster its first config, takes back a config that
 * nobody has confirmed, says which nodes have a say in health, and has the cluster agree in a newer
 * format once all know it. All of it is safe to be done twice, by this leader and the next.
 */
export class LeaderDuties {
  readonly #options: LeaderDutiesOptions
  readonly #keeper = new WitnessKeeper()
  readonly #seeding: Duty
  readonly #expiry: Duty
  readonly #witnessing: Duty
  readonly #formats: FormatRaising
  #witnesses: readonly string[] = []
  /** The version of which the others were asked how long it has waited, since this node leads. */
  #askedVersion: number | null = null

  constructor(options: LeaderDutiesOptions) {
    this.#options = options
    const { timers } = options
    this.#seeding = new Duty(timers, () => this.#seed(), this.#teller('seed the config'))
    this.#expiry = new Duty(timers, () => this.#expire(), this.#teller('take a config back'))
    this.#witnessing = new Duty(
      timers,
      () => this.#setWitnesses(),
      this.#teller('set the witnesses of health'),
    )
    this.#formats = new FormatRaising({
      ...options,
      format: () => options.state().format,
      onFailure: this.#teller('raise the format'),
    })
  }

  /** Looks for what is due; to be called at short intervals, whether this node leads or not. */
  tick({ role, nodes }: EngineStatus): void {
    const { timers, file, state } = this.#options
    if (role !== 'leader') {
      this.#keeper.reset()
      this.#askedVersion = null
      return
    }
    const { activeVersion, confirmation, witnesses } = state()
    if (activeVersion === 0 && file.seed !== null) this.#seeding.due()
    if (confirmation !== null) this.#watchConfirmation(confirmation.version, nodes)
    this.#witnesses = this.#keeper.look(nodes, witnesses, timers.nowMs())
    if (!isSameList(this.#witnesses, witnesses)) this.#witnessing.due()
    this.#formats.tick(nodes)
  }

  #watchConfirmation(version: number, nodes: readonly NodeStatus[]): void {
    if (this.#askedVersion !== version) {
      this.#askedVersion = version
      void this.#inherit(version, nodes)
    }
    if (this.#options.confirmation.isOver) this.#expiry.due()
  }

  /** A node that was started while the version waited has counted from then on alone. */
  async #inherit(version: number, nodes: readonly NodeStatus[]): Promise<void> {
    const { name, peers, confirmation } = this.#options
    if (peers === null) return
    const others = nodes.filter((node) => node.name !== name && node.membership !== 'invited')
    const names = others.map((node) => node.name)
    for (const elapsedMs of await askElapsed(peers, names, version)) {
      confirmation.inherit(version, elapsedMs)
    }
  }

  async #seed(): Promise<void> {
    const { name, file, timers, agreement, state, propose } = this.#options
    // A leader that is new may have yet to apply what was agreed on before it.
    await agreement.read()
    const { seed } = file
    if (seed === null || state().activeVersion !== 0) return
    const { servers, backends } = seed.valid
    await propose({
      kind: 'config-activate',
      expectedVersion: 0,
      text: seed.text,
      servers,
      backends,
      author: `${name}, its file`,
      timeMs: Math.round(timers.wallMs()),
      comment: '',
      cause: 'seed',
      confirmMs: null,
    })
  }

  async #expire(): Promise<void> {
    const { timers, state, propose } = this.#options
    const { confirmation } = state()
    if (confirmation === null) return
    const { version, deadlineMs } = confirmation
    // The state tells the deadline by the clock of who proposed the version, and this node's may be
    // behind that: what has been counted rules.
    const timeMs = Math.max(Math.round(timers.wallMs()), deadlineMs)
    await propose({ kind: 'config-expire', version, timeMs })
  }

  async #setWitnesses(): Promise<void> {
    await this.#options.propose({ kind: 'witnesses-set', nodes: this.#witnesses })
  }

  #teller(what: string): (error: SluiceError) => void {
    return ({ code, message, retryable }) => {
      const fields = { code, retryable }
      this.#options.log.warn('cluster-duty-failed', `could not ${what}: ${message}`, fields)
    }
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, n) => item === b[n])
}
