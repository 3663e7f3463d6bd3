import { SluiceError } from '../../base/errors.ts'
import type { ClusterHost } from '../cluster.ts'
import type { ClusterStateMachine } from '../state-machine/cluster-state-machine.ts'
import type { HealthChange } from '../state-machine/state.ts'

/**
 * Whose verdicts this node goes by: those of the cluster while it has quorum and has caught up with
 * it, its own otherwise.
 */
export class VerdictFollowing {
  readonly #host: ClusterHost
  readonly #machine: ClusterStateMachine
  readonly #catchUp: () => Promise<void>
  readonly #onTurn: (isFollowing: boolean) => void
  #isFollowing = false
  /** Of the wait to catch up that counts. */
  #waiting: symbol | null = null

  /**
   * @param catchUp resolves when the machine has what was agreed on before
   * @param onTurn this node has gone over to the cluster's verdicts, or back to its own
   */
  constructor(
    host: ClusterHost,
    machine: ClusterStateMachine,
    catchUp: () => Promise<void>,
    onTurn: (isFollowing: boolean) => void,
  ) {
    this.#host = host
    this.#machine = machine
    this.#catchUp = catchUp
    this.#onTurn = onTurn
  }

  /** It goes by the cluster's verdicts, and has all that was agreed on before it did. */
  get isFollowing(): boolean {
    return this.#isFollowing
  }

  /** To be told again and again: what has failed is tried again. */
  setQuorum(hasQuorum: boolean): void {
    if (!hasQuorum) this.#leave()
    else if (!this.#isFollowing && this.#waiting === null) void this.#join()
  }

  /** The cluster's verdicts have changed. */
  tell(changes: readonly HealthChange[]): void {
    if (this.#isFollowing && changes.length > 0) this.#host.follow(changes)
  }

  #leave(): void {
    this.#waiting = null
    if (!this.#isFollowing) return
    this.#isFollowing = false
    this.#host.follow(null)
    this.#onTurn(false)
  }

  async #join(): Promise<void> {
    const waiting = Symbol('waiting')
    this.#waiting = waiting
    let hasCaughtUp = true
    try {
      await this.#catchUp()
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      // No quorum after all, or too much at once: the next turn tries again.
      hasCaughtUp = false
    }
    if (this.#waiting !== waiting) return
    this.#waiting = null
    if (!hasCaughtUp) return
    this.#isFollowing = true
    this.#host.follow(this.#machine.health.verdicts())
    this.#onTurn(true)
  }
}
