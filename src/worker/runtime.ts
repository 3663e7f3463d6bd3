import { type ErrorAnswers, errorAnswersOf } from '../http/error-answers.ts'
import type { ConnectionOption } from '../http/h1/forward.ts'
import type { ServerTable } from '../memory/server-table.ts'
import type { Plan, PlannedBackend, PlannedFrontend } from '../model/plan.ts'
import {
  type BalanceKey,
  compileOpeningKey,
  compileRequestKey,
  compileSessionKey,
  type OpeningKey,
} from '../rules/balance-key.ts'
import type { RequestFacts, SessionFacts } from '../rules/facts.ts'
import { type CompiledRules, compileRules } from '../rules/language/compile.ts'
import type { DispatchBackend, PresentBackend } from './dispatch/backend.ts'
import {
  compileRequestPersistence,
  compileSessionPersistence,
  persistenceContext,
  type RequestPersistence,
  type SessionPersistence,
} from './dispatch/persistence.ts'
import { RetryBudget } from './dispatch/retry-budget.ts'
import { ServerPool } from './dispatch/server-pool.ts'
import { compileForwarded, type ForwardedLine } from './exchange/forwarded.ts'
import { compileForwardedFor, type ForwardedForLine } from './exchange/forwarded-for.ts'
import type { Services } from './services.ts'

/** A backend compiled for this worker. */
export interface BackendRuntime extends DispatchBackend {
  /** What a request is balanced by; null where the strategy needs no key, and in `mode tcp`. */
  readonly requestKey: BalanceKey<RequestFacts> | null
  /** The same for a session in `mode tcp`. */
  readonly sessionKey: BalanceKey<SessionFacts> | null
  /** What a session in `mode tcp` is balanced by that its client sends first; null: nothing. */
  readonly openingKey: OpeningKey | null
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
}

/**
 * A plan compiled aside and swapped in whole: sessions that have begun keep the objects they began
 * with, the next request looks at the new ones.
 */
export interface Runtime {
  readonly plan: Plan
  readonly frontends: ReadonlyMap<string, FrontendRuntime>
  readonly backends: ReadonlyMap<string, BackendRuntime>
}

/** Compiles a plan; what the previous one had open to servers that stay is taken over. */
export function compileRuntime(plan: Plan, services: Services, previous: Runtime | null): Runtime {
  const backends = new Map<string, BackendRuntime>()
  const context = persistenceContext(services)
  for (const backend of plan.backends) {
    const pool = new ServerPool(
      backend,
      {
        table: services.table,
        worker: services.worker,
        random: services.random,
      },
      previous?.backends.get(backend.name)?.pool,
    )
    const rules = rulesOf(backend, [], services)
    backends.set(backend.name, {
      plan: backend,
      present: presentOf(backend, previous),
      pool,
      requestKey: backend.mode === 'http' ? compileRequestKey(backend) : null,
      sessionKey: backend.mode === 'tcp' ? compileSessionKey(backend) : null,
      openingKey: backend.mode === 'tcp' ? compileOpeningKey(backend) : null,
      requestPersistence: compileRequestPersistence(backend, context),
      sessionPersistence: compileSessionPersistence(backend, context),
      retryBudget: retryBudgetOf(backend, services),
      errors: errorAnswersOf(backend.errorAnswers),
      forwardedFor: compileForwardedFor(backend.forwardfor),
      forwarded: compileForwarded(backend.forwarded),
      ownHeaders: ownHeadersOf(backend, rules),
      rules,
    })
  }
  const names = [...backends.keys()]
  const frontends = new Map<string, FrontendRuntime>()
  for (const frontend of plan.frontends) {
    const rules = rulesOf(frontend, names, services)
    frontends.set(frontend.name, {
      plan: frontend,
      errors: errorAnswersOf(frontend.errorAnswers),
      forwardedFor: compileForwardedFor(frontend.forwardfor),
      forwarded: compileForwarded(frontend.forwarded),
      defaultBackend: backends.get(frontend.defaultBackend ?? '') ?? null,
      backends,
      ownHeaders: ownHeadersOf(frontend, rules),
      rules,
    })
  }
  return { plan, frontends, backends }
}

/**
 * Ends a change of plans, once its runtime is the one that new sessions begin with: closes what the
 * previous one held open and was not taken over, and shows who waits for a server under an older
 * plan the present one.
 */
export function enterRuntime(runtime: Runtime, previous: Runtime | null, table: ServerTable): void {
  for (const backend of runtime.backends.values()) backend.present.backend = backend
  for (const [name, backend] of previous?.backends ?? []) {
    backend.pool.retire(runtime.backends.get(name)?.pool)
  }
  table.lines.ringAll()
}

/** A backend of another mode or row is another one, which has only the name in common. */
function presentOf({ name, mode, row }: PlannedBackend, previous: Runtime | null): PresentBackend {
  const known = previous?.backends.get(name)
  const isSame = known !== undefined && known.plan.row === row && known.plan.mode === mode
  return isSame ? known.present : { backend: null }
}

/**
 * The answer to a request that cannot be served: the backend's own, where one was found, or the
 * frontend's, or the standard one. HAProxy configuration manual, errorfile.
 *
 * @param connection what the client is told of its connection
 * @returns '' where the client is to be told nothing
 */
export function errorText(
  status: number,
  headOnly: boolean,
  connection: ConnectionOption,
  frontend: FrontendRuntime,
  backend: BackendRuntime | null,
): string {
  const own = backend?.errors.find(status, headOnly, connection) ?? null
  return own ?? frontend.errors.text(status, headOnly, connection)
}

function rulesOf(
  section: PlannedFrontend | PlannedBackend,
  backendNames: readonly string[],
  { patterns }: Services,
): CompiledRules | null {
  const useBackend = 'useBackend' in section ? section.useBackend : []
  const { acls, httpRequest, httpResponse } = section
  if (httpRequest.length + httpResponse.length + useBackend.length === 0) return null
  const texts = { acls, httpRequest, httpResponse, useBackend, backendNames }
  return compileRules(texts, patterns)
}

function ownHeadersOf(
  { forwardfor }: PlannedFrontend | PlannedBackend,
  rules: CompiledRules | null,
): ReadonlySet<string> {
  const names = new Set(rules?.editedHeaders)
  if (forwardfor !== null) names.add(forwardfor.header.toLowerCase())
  return names
}

function retryBudgetOf(backend: PlannedBackend, { table }: Services): RetryBudget | null {
  const { retryOn, retryOnStatuses, retryBudget } = backend
  const isNeeded = retryOnStatuses.length > 0 || retryOn.some((cause) => cause !== 'conn-failure')
  return isNeeded ? new RetryBudget(retryBudget, table.workers) : null
}
