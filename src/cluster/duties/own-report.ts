import { createHash } from 'node:crypto'
import type { EngineStatus } from '../../consensus/engine-status.ts'
import { type Activation, inOneLine, type RunningVersion } from '../activation.ts'
import type { Alarm } from '../alarms.ts'
import { boundedAlarms, NOTE_LENGTH_MAX, type NodeReport } from '../peer-requests.ts'
import type { ClusterStateMachine } from '../state-machine/cluster-state-machine.ts'
import { FORMAT_MIN } from '../state-machine/command-encoding.ts'
import type { NodeTimers } from './node-timers.ts'

/** What this node says of itself; hashes are made when they are asked for, and once. */
export class OwnReport {
  readonly #machine: ClusterStateMachine
  readonly #activation: Activation
  readonly #timers: NodeTimers
  readonly #startMs: number
  #stateHash = { revision: -1, hash: '' }
  #configHash: { readonly version: RunningVersion; readonly hash: string } | null = null

  constructor(machine: ClusterStateMachine, activation: Activation, timers: NodeTimers) {
    this.#machine = machine
    this.#activation = activation
    this.#timers = timers
    this.#startMs = timers.nowMs()
  }

  /** @param notes what is wrong with it; empty ones are left out */
  describe(status: EngineStatus, notes: readonly string[], alarms: readonly Alarm[]): NodeReport {
    const { role, epoch, appliedIndex, lastIndex } = status
    const { running, failure } = this.#activation
    const cannot = failure && inOneLine(failure)
    const all = [status.note, cannot ?? '', ...notes].filter((note) => note !== '')
    return {
      format: this.#machine.formatMax,
      formatMin: FORMAT_MIN,
      role,
      epoch,
      appliedIndex,
      lastIndex,
      configVersion: running?.version ?? 0,
      configHash: this.#hashOfConfig(running),
      stateHash: this.#hashOfState(),
      uptimeSeconds: Math.floor((this.#timers.nowMs() - this.#startMs) / 1_000),
      note: all.join('; ').slice(0, NOTE_LENGTH_MAX),
      alarms: boundedAlarms(alarms),
    }
  }

  #hashOfState(): string {
    const { revision } = this.#machine
    if (this.#stateHash.revision !== revision) {
      this.#stateHash = { revision, hash: sha256(this.#machine.snapshot()) }
    }
    return this.#stateHash.hash
  }

  #hashOfConfig(version: RunningVersion | null): string | null {
    if (version === null) return null
    if (this.#configHash?.version !== version) {
      this.#configHash = { version, hash: sha256(version.text) }
    }
    return this.#configHash.hash
  }
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
