import type { RequestEdits } from '../../http/head-edits.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { TuneConfig } from '../../model/config.ts'
import type { RequestOutcome } from '../../rules/actions/outcomes.ts'
import type { Variables } from '../../rules/variables.ts'
import type { Termination } from '../dispatch/termination.ts'
import { writeRequestHead } from '../servers/http-servers.ts'
import type { ClientConnection } from '../streams/client-stream.ts'
import type { RequestHeads, RuledHead } from './request-heads.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'

/** What routing requests takes of the worker. */
export interface RoutingServices {
  /** This worker's counter cells. */
  readonly cells: Float64Array
  readonly tune: TuneConfig
  readonly requestHeads: RequestHeads
  /** Scratch, valid from a request head to the return to the event loop. */
  readonly requestEdits: RequestEdits
}

/** A rule ended the request: it is answered here. */
export interface RuleEnd {
  readonly outcome: RequestOutcome
  /** The row of the frontend or backend whose rule it was. */
  readonly row: number
  /** The backend whose rule it was, null for a rule of the frontend. */
  readonly backend: BackendRuntime | null
}

/** The request cannot be served: it is answered with an error. */
export interface Refusal {
  readonly status: number
  readonly termination: Termination
}

/** Neither allowed nor understood here: RFC 9110 section 15.5.6. */
const CONNECT_REFUSED: Refusal = { status: 405, termination: 'PR' }
/** HAProxy's answer, too, where no backend is named. */
const NO_BACKEND: Refusal = { status: 503, termination: 'SC' }

/**
 * Runs the rules on a request: `http-request` of the frontend, `use_backend`,
 * `http-request` of the backend.
 *
 * @returns the backend, or why the request goes to none
 */
export function routeRequest(
  services: RoutingServices,
  { rewrite }: RuledHead,
  client: ClientConnection,
  frontend: FrontendRuntime,
  variables: Variables,
): BackendRuntime | RuleEnd | Refusal {
  const { rules, plan } = frontend
  if (rewrite.method === 'CONNECT' && !plan.acceptConnect) return CONNECT_REFUSED
  rewrite.begin(client, plan.name, variables)
  const refused = rules?.request?.(rewrite, rewrite) ?? null
  if (refused !== null) return { outcome: refused, row: plan.row, backend: null }
  const name = rules?.route?.(rewrite) ?? null
  const backend = name === null ? frontend.defaultBackend : (frontend.backends.get(name) ?? null)
  if (backend === null) return NO_BACKEND
  count(services.cells, backend.plan.row, COUNTER.requestsTotal)
  const outcome = backend.rules?.request?.(rewrite, rewrite) ?? null
  return outcome === null ? backend : { outcome, row: backend.plan.row, backend }
}

/**
 * The head to send to a server of the backend, as the rules have left it.
 *
 * @returns null where it has become longer than `tune.bufsize`
 */
export function outgoingRequestText(
  services: RoutingServices,
  { head, rewrite }: RuledHead,
  client: ClientConnection,
  frontend: FrontendRuntime,
  backend: BackendRuntime,
): string | null {
  const { requestEdits: edits } = services
  const forwardedFor = frontend.forwardedFor ?? backend.forwardedFor
  const forwarded = frontend.forwarded ?? backend.forwarded
  if (rewrite.failures > 0)
    count(services.cells, backend.plan.row, COUNTER.failedRewrites, rewrite.failures)
  if (rewrite.isFull) return null
  edits.added = rewrite.addedLines
  if (forwardedFor !== null) edits.added += forwardedFor(client.remote.address, head.headers)
  if (forwarded !== null) edits.added += forwarded(rewrite, head)
  edits.target = rewrite.editedTarget
  edits.hostless = !rewrite.hasHost
  // Some servers keep what HTTP/1.0 would have them close, and do not say which of the two they do.
  edits.close = edits.hostless
  edits.upgrade = head.upgrade !== ''
  const text = writeRequestHead(head, edits)
  if (text.length <= services.tune.bufsizeBytes) return text
  count(services.cells, backend.plan.row, COUNTER.failedRewrites)
  return null
}
