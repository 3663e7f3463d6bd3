import type { ErrorAnswers } from '../../http/answers/error-answers.ts'
import type { PlannedFrontend } from '../../model/plan.ts'
import type { BalanceKey, OpeningKey } from '../../rules/balance-key.ts'
import type { RequestFacts, SessionFacts } from '../../rules/facts.ts'
import type { CompiledRules } from '../../rules/language/compile.ts'
import type { SessionRules } from '../../rules/language/session-rules.ts'
import type { DispatchBackend } from '../dispatch/backend.ts'
import type { RequestPersistence, SessionPersistence } from '../dispatch/persistence.ts'
import type { RetryBudget } from '../dispatch/retry-budget.ts'
import type { ServerNameReading } from '../dispatch/server-name-reading.ts'
import type { ForwardedLine } from './rewriting/forwarded.ts'
import type { ForwardedForLine } from './rewriting/forwarded-for.ts'

/** A backend compiled for this worker. */
export interface BackendRuntime extends DispatchBackend {
  /** What a request is balanced by; null where the strategy needs no key, and in `mode tcp`. */
  readonly requestKey: BalanceKey<RequestFacts> | null
  /** The same for a session in `mode tcp`. */
  readonly sessionKey: BalanceKey<SessionFacts> | null
  /** What a session in `mode tcp` is balanced by that its client sends first; null: nothing. */
  readonly openingKey: OpeningKey | null
  /** What servers are asked for in TLS, in `mode http`. */
  readonly requestNames: ServerNameReading<RequestFacts>
  /** The same for a session in `mode tcp`. */
  readonly sessionNames: ServerNameReading<SessionFacts>
  /** Null where no client is bound to a server, and in `mode tcp`. */
  readonly requestPersistence: RequestPersistence | null
  /** The same for a session in `mode tcp`. */
  readonly sessionPersistence: SessionPersistence | null
  /** Null where nothing is tried again but failed connections. */
  readonly retryBudget: RetryBudget | null
  /** Its own answers, which come before those of the frontend. */
  readonly errors: ErrorAnswers
  readonly forwardedFor: ForwardedForLine | null
  readonly forwarded: ForwardedLine | null
  /** Headers that its rules and options write or delete, in lower case. */
  readonly ownHeaders: ReadonlySet<string>
  /** Null where the backend has no rule, so that it costs nothing. */
  readonly rules: CompiledRules | null
}

/** A frontend compiled for this worker. */
export interface FrontendRuntime {
  readonly plan: PlannedFrontend
  readonly errors: ErrorAnswers
  readonly forwardedFor: ForwardedForLine | null
  readonly forwarded: ForwardedLine | null
  readonly defaultBackend: BackendRuntime | null
  readonly backends: ReadonlyMap<string, BackendRuntime>
  /** Headers that its rules and options write or delete, in lower case. */
  readonly ownHeaders: ReadonlySet<string>
  /** Null where the frontend has no rule, so that it costs nothing. */
  readonly rules: CompiledRules | null
  /** The same in `mode tcp`. */
  readonly sessionRules: SessionRules | null
}
