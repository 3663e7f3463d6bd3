import { assert } from '../base/errors.ts'
import { errorAnswersOf } from '../http/answers/error-answers.ts'
import type { ServerTable } from '../memory/server-table.ts'
import type { BackendTerms, Plan, PlannedFrontend } from '../model/plan.ts'
import type { ServersChange } from '../model/servers-change.ts'
import { compileOpeningKey, compileRequestKey, compileSessionKey } from '../rules/balance-key.ts'
import { type CompiledRules, compileRules } from '../rules/language/compile.ts'
import { compileSessionRules, type SessionRules } from '../rules/language/session-rules.ts'
import type { PatternEngine } from '../rules/samples/patterns.ts'
import { compileRequestName, compileSessionName } from '../rules/server-names.ts'
import type { PresentBackend } from './dispatch/backend.ts'
import {
  compileRequestPersistence,
  compileSessionPersistence,
  persistenceContext,
} from './dispatch/persistence.ts'
import { RetryBudget } from './dispatch/retry-budget.ts'
import { ServerNameReading } from './dispatch/server-name-reading.ts'
import { type PoolContext, ServerPool } from './dispatch/server-pool.ts'
import { compileForwarded } from './exchange/rewriting/forwarded.ts'
import { compileForwardedFor } from './exchange/rewriting/forwarded-for.ts'
import type { BackendRuntime, FrontendRuntime } from './exchange/runtime.ts'

/** What compiling a plan takes of the worker. */
export interface CompileServices extends PoolContext {
  /** What compiles the regular expressions of rules. */
  readonly patterns: PatternEngine
}

/**
 * A plan compiled aside and swapped in whole: sessions that have begun keep the objects they began
 * with, the next request looks at the new ones.
 */
export interface Runtime {
  /** Client connections that are accepted at once, over all frontends and threads. */
  readonly maxconn: number
  readonly frontends: ReadonlyMap<string, FrontendRuntime>
  readonly backends: ReadonlyMap<string, BackendRuntime>
}

/** Compiles a plan; what the previous one had open to servers that stay is taken over. */
export function compileRuntime(
  plan: Plan,
  services: CompileServices,
  previous: Runtime | null,
): Runtime {
  const backends = new Map<string, BackendRuntime>()
  const context = persistenceContext(services)
  for (const backend of plan.backends) {
    const pool = new ServerPool(backend, services, previous?.backends.get(backend.name)?.pool)
    const rules = rulesOf(backend, [], services)
    backends.set(backend.name, {
      plan: backend,
      present: presentOf(backend, previous),
      pool,
      requestKey: backend.mode === 'http' ? compileRequestKey(backend) : null,
      sessionKey: backend.mode === 'tcp' ? compileSessionKey(backend) : null,
      openingKey: backend.mode === 'tcp' ? compileOpeningKey(backend) : null,
      requestNames: new ServerNameReading(
        compileRequestName,
        backend.mode === 'http',
        pool.servers,
      ),
      sessionNames: new ServerNameReading(compileSessionName, backend.mode === 'tcp', pool.servers),
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
      sessionRules: sessionRulesOf(frontend, names, services),
    })
  }
  return { maxconn: plan.maxconn, frontends, backends }
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

/**
 * Brings a runtime to a plan that differs in servers alone, where it stands: everything that sessions
 * have begun with lives on, and behaves from now on as if that plan had been compiled.
 */
export function changeServers(
  runtime: Runtime,
  { maxconn, backends }: ServersChange,
  table: ServerTable,
): Runtime {
  for (const change of backends) {
    const backend = runtime.backends.get(change.backend)
    assert(backend !== undefined, `servers of a backend that is not there: ${change.backend}`)
    const { pool, requestPersistence, sessionPersistence } = backend
    pool.change(change)
    backend.requestNames.follow(pool.servers)
    backend.sessionNames.follow(pool.servers)
    requestPersistence?.change(change, pool.servers)
    sessionPersistence?.change(change, pool.servers)
  }
  // There may be room for who waits, and who waits for a server that is gone may go elsewhere.
  table.lines.ringAll()
  return { ...runtime, maxconn }
}

/** A backend of another mode or row is another one, which has only the name in common. */
function presentOf({ name, mode, row }: BackendTerms, previous: Runtime | null): PresentBackend {
  const known = previous?.backends.get(name)
  const isSame = known !== undefined && known.plan.row === row && known.plan.mode === mode
  return isSame ? known.present : { backend: null }
}

function rulesOf(
  section: PlannedFrontend | BackendTerms,
  backendNames: readonly string[],
  { patterns }: CompileServices,
): CompiledRules | null {
  if (section.mode === 'tcp') return null
  const useBackend = 'useBackend' in section ? section.useBackend : []
  const captures = 'captures' in section ? section.captures : null
  const { acls, httpRequest, httpResponse } = section
  const all = [captures ?? [], httpRequest, httpResponse, useBackend]
  if (all.every(({ length }) => length === 0)) return null
  const texts = { acls, captures, httpRequest, httpResponse, useBackend, backendNames }
  return compileRules(texts, patterns)
}

function sessionRulesOf(
  { mode, acls, tcpRequest, useBackend }: PlannedFrontend,
  backendNames: readonly string[],
  { patterns }: CompileServices,
): SessionRules | null {
  if (mode === 'http') return null
  return compileSessionRules({ acls, tcpRequest, useBackend, backendNames }, patterns)
}

function ownHeadersOf(
  { forwardfor }: PlannedFrontend | BackendTerms,
  rules: CompiledRules | null,
): ReadonlySet<string> {
  const names = new Set(rules?.editedHeaders)
  if (forwardfor !== null) names.add(forwardfor.header.toLowerCase())
  return names
}

function retryBudgetOf(backend: BackendTerms, { table }: CompileServices): RetryBudget | null {
  const { retryOn, retryOnStatuses, retryBudget } = backend
  const isNeeded = retryOnStatuses.length > 0 || retryOn.some((cause) => cause !== 'conn-failure')
  return isNeeded ? new RetryBudget(retryBudget, table.workers) : null
}
