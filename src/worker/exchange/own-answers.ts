import type { OwnAnswer } from '../../http/answers/local-answer.ts'
import type { ConnectionOption } from '../../http/head-edits.ts'
import type { GivenAnswer } from '../../rules/actions/outcomes.ts'
import { ruleAnswerText } from '../../rules/actions/rule-answer.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'

/**
 * The answer to a request that cannot be served: the backend's own, where one was found, or the
 * frontend's, or the standard one. HAProxy configuration manual, errorfile.
 */
export class ErrorAnswer implements OwnAnswer {
  readonly status: number
  readonly closes: boolean
  readonly #frontend: FrontendRuntime
  readonly #backend: BackendRuntime | null

  constructor(
    status: number,
    frontend: FrontendRuntime,
    backend: BackendRuntime | null,
    closes: boolean,
  ) {
    this.status = status
    this.closes = closes
    this.#frontend = frontend
    this.#backend = backend
  }

  text(connection: ConnectionOption, headOnly: boolean): string {
    const own = this.#backend?.errors.find(this.status, headOnly, connection) ?? null
    return own ?? this.#frontend.errors.text(this.status, headOnly, connection)
  }
}

/** The answer that a rule gives in the place of a server. */
export class RuleAnswer implements OwnAnswer {
  readonly closes = false
  readonly #outcome: GivenAnswer

  constructor(outcome: GivenAnswer) {
    this.#outcome = outcome
  }

  get status(): number {
    return this.#outcome.status
  }

  text(connection: ConnectionOption, headOnly: boolean): string {
    return ruleAnswerText(this.#outcome, connection, headOnly)
  }
}
