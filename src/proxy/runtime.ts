import type { Plan, PlannedBackend, PlannedFrontend } from '../model/plan.ts'
import { type CompiledRules, compileRules } from '../rules/compile.ts'
import { ServerPool } from '../upstream/server-pool.ts'
import { compileForwardedFor, type ForwardedForLine } from './forwarded-for.ts'
import type { Services } from './services.ts'

/** A backend compiled for this worker. */
export interface BackendRuntime {
  readonly plan: PlannedBackend
  readonly pool: ServerPool
  readonly forwardedFor: ForwardedForLine | null
  /** Null where the backend has no rule, so that it costs nothing. */
  readonly rules: CompiledRules | null
}

/** A frontend compiled for this worker. */
export interface FrontendRuntime {
  readonly plan: PlannedFrontend
  readonly forwardedFor: ForwardedForLine | null
  readonly defaultBackend: BackendRuntime | null
  readonly backends: ReadonlyMap<string, BackendRuntime>
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
  for (const backend of plan.backends) {
    const pool = new ServerPool(
      backend,
      {
        table: services.table,
        worker: services.worker,
        random: services.random,
        idleMax: plan.tune.poolIdleMax,
      },
      previous?.backends.get(backend.name)?.pool,
    )
    backends.set(backend.name, {
      plan: backend,
      pool,
      forwardedFor: compileForwardedFor(backend.forwardfor),
      rules: rulesOf(backend, []),
    })
  }
  const names = [...backends.keys()]
  const frontends = new Map<string, FrontendRuntime>()
  for (const frontend of plan.frontends) {
    frontends.set(frontend.name, {
      plan: frontend,
      forwardedFor: compileForwardedFor(frontend.forwardfor),
      defaultBackend: backends.get(frontend.defaultBackend ?? '') ?? null,
      backends,
      rules: rulesOf(frontend, names),
    })
  }
  return { plan, frontends, backends }
}

/** Closes what the previous runtime held open and its successor did not take over. */
export function retireRuntime(previous: Runtime, successor: Runtime): void {
  for (const [name, backend] of previous.backends) {
    backend.pool.retire(successor.backends.get(name)?.pool)
  }
}

function rulesOf(
  section: PlannedFrontend | PlannedBackend,
  backendNames: readonly string[],
): CompiledRules | null {
  const useBackend = 'useBackend' in section ? section.useBackend : []
  const { acls, httpRequest, httpResponse } = section
  if (httpRequest.length + httpResponse.length + useBackend.length === 0) return null
  return compileRules({ acls, httpRequest, httpResponse, useBackend, backendNames })
}
