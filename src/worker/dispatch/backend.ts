import type { BackendTerms } from '../../model/plan.ts'
import type { ServerPool } from './server-pool.ts'

/** What the backends of one name have in common over reloads. */
export interface PresentBackend {
  /** The one of the plan that is run now; of a backend that was removed, the last. */
  backend: DispatchBackend | null
}

/** A backend as a dispatch sees it. */
export interface DispatchBackend {
  readonly plan: BackendTerms
  readonly present: PresentBackend
  readonly pool: ServerPool
}

/**
 * A backend as the plan has it that is run now: who looks for a server while a reload adds some, or
 * gives them more room, goes to these, too.
 */
export function presentBackend(begun: DispatchBackend): DispatchBackend {
  return begun.present.backend ?? begun
}
