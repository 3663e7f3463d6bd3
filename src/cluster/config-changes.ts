import { SluiceError } from '../base/errors.ts'
import type { Agreement } from '../consensus/agreement.ts'
import type { PeerBus } from '../consensus/peer-bus.ts'
import { COMMENT_LENGTH_MAX, CONFIRM_MIN_MS } from '../model/change-limits.ts'
import type { Activation } from './activation.ts'
import type { ApplyOutcome, ApplyRequest, ClusterHost } from './cluster.ts'
import type { NodeTimers } from './duties/node-timers.ts'
import { AUTHOR_LENGTH_MAX, CONFIRM_MAX_MS, TEXT_BYTES_MAX } from './state-machine/bounds.ts'
import type { Done } from './state-machine/command-outcomes.ts'
import type { ActivateConfig, Command } from './state-machine/commands.ts'
import { utf8Length } from './state-machine/config-versions.ts'
import type { ClusterState } from './state-machine/state.ts'
import { prepareEverywhere } from './text-preparation.ts'

/** Config changes that may wait for the one that is under way. */
const WAITING_MAX = 16

/** What has been agreed on is given so long to run here before its caller is answered. */
export const ACTIVATION_WAIT_MS = 10_000

/** What config changes are made with. */
export interface ConfigChangesOptions {
  readonly name: string
  readonly host: ClusterHost
  readonly timers: NodeTimers
  readonly agreement: Agreement
  /** Null: this node has no others to ask. */
  readonly peers: PeerBus | null
  readonly activation: Activation
  readonly state: () => ClusterState
  /** @throws SluiceError what the engine throws, and what the state machine refuses with */
  readonly propose: (command: Command) => Promise<Done>
}

type Change = Pick<ActivateConfig, 'text' | 'author' | 'comment' | 'cause' | 'confirmMs'>

/**
 * Changes of the active config that are asked of this node, one after the other. Each follows the
 * version that was active when it was asked for, which is the one that its author has seen: of two
 * at once, on whichever nodes, one comes too late.
 */
export class ConfigChanges {
  readonly #options: ConfigChangesOptions
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(options: ConfigChangesOptions) {
    this.#options = options
  }

  /** As `Cluster.applyConfig`. */
  apply(request: ApplyRequest): Promise<ApplyOutcome> {
    return this.#inTurn(async (seenVersion) => {
      validateRequest(request)
      const { activeVersion, confirmation } = this.#options.state()
      const { ifVersion, text, author, comment, confirmMs } = request
      if (ifVersion !== null && ifVersion !== activeVersion) {
        throw conflict(`version ${activeVersion} is active, not version ${ifVersion}`)
      }
      const change = { text, author, comment, cause: 'apply', confirmMs } as const
      const expectedVersion = ifVersion ?? seenVersion
      if (confirmation !== null && expectedVersion === activeVersion) {
        const message = `version ${confirmation.version} is not confirmed yet`
        throw new SluiceError('confirmation-pending', message)
      }
      return this.#activate(change, expectedVersion)
    })
  }

  /** As `Cluster.rollbackConfig`. */
  rollback(version: number | null, author: string): Promise<ApplyOutcome> {
    return this.#inTurn(async (seenVersion) => {
      const { versions } = this.#options.state()
      const wanted = version ?? seenVersion - 1
      const kept = versions.find((candidate) => candidate.version === wanted)
      if (kept === undefined) {
        const message =
          wanted < 1 ? 'there is no version before the active one' : `version ${wanted} is not kept`
        throw new SluiceError('config-version-unknown', message)
      }
      const { text } = kept
      const comment = `back to version ${wanted}`
      const change = { text, author, comment, cause: 'rollback', confirmMs: null } as const
      return this.#activate(change, seenVersion)
    })
  }

  async #activate(change: Change, expectedVersion: number): Promise<ApplyOutcome> {
    const { host, timers, activation, state, propose } = this.#options
    const { activeVersion, versions } = state()
    if (versions.at(-1)?.text === change.text) {
      return { version: activeVersion, isChanged: false, warnings: '', nodes: [] }
    }
    if (expectedVersion !== activeVersion) {
      const message = `version ${activeVersion} came while a change of version ${expectedVersion} waited`
      throw conflict(message)
    }
    const { servers, backends, warnings } = await host.validate(change.text)
    const nodes = await prepareEverywhere(this.#options, change.text)
    const { version, isChanged } = await propose({
      kind: 'config-activate',
      ...change,
      author: change.author.slice(0, AUTHOR_LENGTH_MAX),
      expectedVersion,
      servers,
      backends,
      timeMs: Math.round(timers.wallMs()),
    })
    await activation.settled(ACTIVATION_WAIT_MS)
    return { version, isChanged, warnings: warnings + this.#shortfall(version), nodes }
  }

  /** What is wrong with a version on this node although it had prepared it. */
  #shortfall(version: number): string {
    const { activation, name } = this.#options
    const { failure } = activation
    if (failure?.version !== version) return ''
    return `${name} cannot run version ${version} yet, and tries on: ${failure.error.message}\n`
  }

  /** @param change is given the version that is active as it is asked for */
  async #inTurn<T>(change: (seenVersion: number) => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) {
      throw new SluiceError('overloaded', `${WAITING_MAX} changes of the config wait already`)
    }
    this.#waiting++
    try {
      await this.#options.agreement.read()
      const { activeVersion } = this.#options.state()
      // How the one before has ended is told to who asked for it.
      const turn = this.#turn.catch(() => {}).then(() => change(activeVersion))
      this.#turn = turn
      return await turn
    } finally {
      this.#waiting--
    }
  }
}

function conflict(message: string): SluiceError {
  return new SluiceError('config-conflict', message)
}

function validateRequest({ text, comment, confirmMs }: ApplyRequest): void {
  if (utf8Length(text) > TEXT_BYTES_MAX) {
    const message = `the config has more than ${TEXT_BYTES_MAX} bytes`
    throw new SluiceError('config-invalid', message)
  }
  if (comment.length > COMMENT_LENGTH_MAX) {
    const message = `the comment has more than ${COMMENT_LENGTH_MAX} characters`
    throw new SluiceError('request-invalid', message)
  }
  if (confirmMs === null) return
  const isTime = Number.isSafeInteger(confirmMs)
  if (!isTime || confirmMs < CONFIRM_MIN_MS || confirmMs > CONFIRM_MAX_MS) {
    const message = `the time to confirm is ${CONFIRM_MIN_MS} to ${CONFIRM_MAX_MS} ms`
    throw new SluiceError('request-invalid', message)
  }
}
