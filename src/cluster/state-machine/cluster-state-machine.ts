import type { Catalogue } from './catalogue.ts'
import { decodeCommand, FORMAT, FORMAT_MIN } from './command-encoding.ts'
import { type CommandOutcome, type Refusal, refusal } from './command-outcomes.ts'
import type { AgreedBackend, Command, RaiseFormat } from './commands.ts'
import { ConfigVersions } from './config-versions.ts'
import { HealthAgreements } from './health-agreements.ts'
import { Pool } from './pool.ts'
import type { ClusterState, HealthChange } from './state.ts'
import { decodeState, encodedParts, encodeState, type WholeState } from './state-snapshot.ts'

/** The state has changed. */
export interface StateChange {
  /** That was applied; null: a snapshot has been restored. */
  readonly command: Command | null
  readonly before: ClusterState
  readonly after: ClusterState
  /** Verdicts that have changed. */
  readonly health: readonly HealthChange[]
}

/**
 * What the cluster agrees on: applies commands, one after the other, the same on every node.
 * `Replica` gives it to an engine.
 */
export class ClusterStateMachine {
  readonly #onChange: (change: StateChange) => void
  readonly #formatMax: number
  #format = FORMAT_MIN
  #config = new ConfigVersions()
  #pool = new Pool()
  #health = new HealthAgreements((key) => this.#backendOf(key))
  #revision = 0
  #state: ClusterState = this.#describe()

  /**
   * @param onChange told after each command that has changed something, and each restore
   * @param formatMax the newest format that it knows; an older one than the program's is what an
   *   earlier program knew
   */
  constructor(onChange: (change: StateChange) => void, formatMax: number = FORMAT) {
    this.#onChange = onChange
    this.#formatMax = formatMax
  }

  /** The newest format that it knows. */
  get formatMax(): number {
    return this.#formatMax
  }

  /** As it is now; replaced, never changed. */
  get state(): ClusterState {
    return this.#state
  }

  /** Grows with every change, health reports included. */
  get revision(): number {
    return this.#revision
  }

  /** What nodes report of servers, and the verdicts; to be read only. */
  get health(): Pick<
    HealthAgreements,
    'verdict' | 'verdicts' | 'isWatcher' | 'hasToProbe' | 'reportOf' | 'reportedBy' | 'runOf'
  > {
    return this.#health
  }

  /** Whether there is a server of this name, in the config or added. */
  hasServer(key: string): boolean {
    return this.#backendOf(key) !== undefined
  }

  /**
   * @returns the same on every node
   * @throws SluiceError `state-newer`: this node must not go on
   */
  apply(_index: number, bytes: Uint8Array): CommandOutcome {
    const agreed = decodeCommand(bytes, this.#formatMax)
    if (agreed === null) return refusal('request-invalid', 'the change cannot be read')
    const { command, format } = agreed
    if (format > this.#format && command.kind !== 'format-raise') {
      return refusal('request-invalid', `the cluster has not agreed on format ${format} yet`)
    }
    const outcome = this.#carryOut(command)
    if (outcome.kind === 'done' && outcome.isChanged) {
      this.#changed(command, this.#health.takeChanges())
    }
    return outcome
  }

  /** Equal states give equal bytes. */
  snapshot(): Uint8Array {
    return encodeState(this.#whole())
  }

  /** What {@link snapshot} holds, in parts: equal states give equal ones. */
  parts(): Iterable<string> {
    return encodedParts(this.#whole())
  }

  /**
   * @param data empty: the state at start
   * @throws SluiceError `state-newer`, `invariant-broken`
   */
  restore(data: Uint8Array): void {
    const whole = data.length === 0 ? null : decodeState(data, this.#formatMax)
    const before = new Map(this.#health.verdicts().map(({ key, isUp }) => [key, isUp]))
    this.#format = whole?.format ?? FORMAT_MIN
    this.#config = new ConfigVersions(whole?.config)
    this.#pool = new Pool(whole?.pool)
    this.#health = new HealthAgreements((key) => this.#backendOf(key), whole?.health)
    this.#changed(null, differences(before, this.#health))
  }

  #whole(): WholeState {
    return {
      format: this.#format,
      config: this.#config.history,
      pool: this.#pool.entries,
      health: this.#health.records(),
    }
  }

  #carryOut(command: Command): CommandOutcome {
    switch (command.kind) {
      case 'config-activate':
        return this.#followConfig(this.#config.activate(command))
      case 'config-confirm':
        return this.#config.confirm(command)
      case 'config-expire':
        return this.#followConfig(this.#config.expire(command))
      case 'server-add':
        return this.#outcome(this.#pool.add(command, this.#catalogue) ?? true)
      case 'server-set':
        return this.#outcome(this.#pool.set(command, this.#catalogue))
      case 'server-remove': {
        const refused = this.#pool.remove(command, this.#catalogue)
        if (refused === null) this.#health.followServer(`${command.backend}/${command.server}`)
        return this.#outcome(refused ?? true)
      }
      case 'health-report':
        this.#health.report(command)
        return this.#outcome(true)
      case 'witnesses-set':
        this.#health.setWitnesses(command)
        return this.#outcome(true)
      case 'format-raise':
        return this.#outcome(this.#raiseFormat(command))
    }
  }

  #followConfig(outcome: CommandOutcome): CommandOutcome {
    if (outcome.kind === 'done' && outcome.isChanged) {
      this.#pool.follow(this.#catalogue)
      this.#health.follow()
    }
    return outcome
  }

  #raiseFormat({ format }: RaiseFormat): boolean {
    const isNews = format > this.#format
    if (isNews) this.#format = format
    return isNews
  }

  #outcome(result: Refusal | boolean): CommandOutcome {
    return typeof result === 'boolean'
      ? { kind: 'done', isChanged: result, version: this.#config.history.activeVersion }
      : result
  }

  #changed(command: Command | null, health: readonly HealthChange[]): void {
    const before = this.#state
    this.#revision++
    this.#state = this.#describe()
    this.#onChange({ command, before, after: this.#state, health })
  }

  get #catalogue(): Catalogue {
    return this.#config.history.active
  }

  #backendOf(key: string): AgreedBackend | undefined {
    const exists = this.#catalogue.hasServer(key) || this.#pool.hasAdded(key)
    return exists ? this.#catalogue.backend(key.slice(0, key.indexOf('/'))) : undefined
  }

  #describe(): ClusterState {
    const { activeVersion, versions, confirmation } = this.#config.history
    const { witnesses } = this.#health
    const { entries: pool } = this.#pool
    return { format: this.#format, activeVersion, versions, confirmation, pool, witnesses }
  }
}

/** What has to be told to get from some verdicts to others. */
function differences(
  before: ReadonlyMap<string, boolean | null>,
  after: HealthAgreements,
): readonly HealthChange[] {
  const gone = [...before.keys()].filter((key) => after.verdict(key) === undefined)
  const changed = after.verdicts().filter(({ key, isUp }) => before.get(key) !== isUp)
  return [...gone.map((key) => ({ key, isUp: null, reason: '' })), ...changed]
}
