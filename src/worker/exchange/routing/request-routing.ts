import type { OutgoingRequest, RequestEdits } from '../../../http/outgoing-request.ts'
import { COUNTER, count } from '../../../memory/counters.ts'
import type { TuneConfig } from '../../../model/config.ts'
import type { RequestOutcome, Wait } from '../../../rules/actions/outcomes.ts'
import type { Waiting } from '../../../rules/language/compile.ts'
import type { RuleScope } from '../../../rules/rule-scope.ts'
import type { Termination } from '../../dispatch/termination.ts'
import type { ClientConnection } from '../../streams/client-stream.ts'
import type { RequestRewrite } from '../rewriting/rewrite.ts'
import type { BackendRuntime, FrontendRuntime } from '../runtime.ts'
import type { RequestHeads, RuledHead } from './request-heads.ts'

/** What routing requests takes of the worker. */
export interface RoutingServices {
  /** This worker's counter cells. */
  readonly cells: Float64Array
  readonly tune: TuneConfig
  readonly requestHeads: RequestHeads
  /** Scratch, valid from a request head to the return to the event loop. */
  readonly requestEdits: RequestEdits
}

/** Where the rules of a request go on: of the frontend, or of the backend that it is routed to. */
export interface RulePlace {
  /** Null while the rules are those of the frontend. */
  readonly backend: BackendRuntime | null
  /** The first rule that has not run. */
  readonly rule: number
}

/** A rule holds the request, whose rules then go on from that place. */
export interface RuledWait extends RulePlace {
  readonly wait: Wait
}

/** Before the first rule. */
export const FIRST_RULE: RulePlace = { backend: null, rule: 0 }

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

/** What rules make of a request: a backend to go to, or why it goes to none, or not yet. */
export type Routed = BackendRuntime | RuledWait | RuleEnd | Refusal

/** Neither allowed nor understood here: RFC 9110 section 15.5.6. */
const CONNECT_REFUSED: Refusal = { status: 405, termination: 'PR' }
/** HAProxy's answer, too, where no backend is named. */
const NO_BACKEND: Refusal = { status: 503, termination: 'SC' }

/**
 * Starts on a request: its rules see it from now on, and what they keep.
 *
 * @returns why no rule is asked, or null
 */
export function beginRules(
  { rewrite }: RuledHead,
  client: ClientConnection,
  frontend: FrontendRuntime,
  scope: RuleScope,
): Refusal | null {
  const { plan } = frontend
  scope.beginRequest(frontend.rules?.captures ?? null)
  if (rewrite.method === 'CONNECT' && !plan.acceptConnect) return CONNECT_REFUSED
  rewrite.begin(client, plan.name, scope)
  return null
}

/**
 * Runs the rules on a request: `http-request` of the frontend, `use_backend`, `http-request` of the
 * backend.
 *
 * @param from where they go on
 * @returns the backend, or why the request goes to none, or not yet
 */
export function routeRequest(
  { cells }: RoutingServices,
  { rewrite }: RuledHead,
  frontend: FrontendRuntime,
  from: RulePlace,
): Routed {
  const { rules, plan } = frontend
  if (from.backend !== null) return runBackendRules(rewrite, from.backend, from.rule)
  const verdict = rules?.request?.(rewrite, rewrite, from.rule) ?? null
  if (verdict !== null) return endOf(verdict, plan.row, null)
  const name = rules?.route?.(rewrite) ?? null
  const backend = name === null ? frontend.defaultBackend : (frontend.backends.get(name) ?? null)
  if (backend === null) return NO_BACKEND
  count(cells, backend.plan.row, COUNTER.requestsTotal)
  return runBackendRules(rewrite, backend, 0)
}

/** Goes on with a request whose wait is over; as {@link routeRequest}. @param isLate by its time */
export function resumeRequest(
  services: RoutingServices,
  request: RuledHead,
  frontend: FrontendRuntime,
  waited: RuledWait,
  isLate: boolean,
): Routed {
  const outcome = waited.wait.resume(isLate)
  if (outcome === null) return routeRequest(services, request, frontend, waited)
  const { backend } = waited
  return { outcome, row: (backend ?? frontend).plan.row, backend }
}

function runBackendRules(
  rewrite: RequestRewrite,
  backend: BackendRuntime,
  from: number,
): BackendRuntime | RuledWait | RuleEnd {
  const verdict = backend.rules?.request?.(rewrite, rewrite, from) ?? null
  return verdict === null ? backend : endOf(verdict, backend.plan.row, backend)
}

function endOf(
  verdict: RequestOutcome | Waiting,
  row: number,
  backend: BackendRuntime | null,
): RuledWait | RuleEnd {
  if (verdict.kind === 'wait') return { wait: verdict.wait, backend, rule: verdict.next }
  return { outcome: verdict, row, backend }
}

/**
 * Makes the head to send to a server of the backend, as the rules have left it.
 *
 * @returns false where it has become longer than `tune.bufsize`
 */
export function sendOnRequest(
  services: RoutingServices,
  { head, rewrite }: RuledHead,
  client: ClientConnection,
  frontend: FrontendRuntime,
  backend: BackendRuntime,
  to: OutgoingRequest,
): boolean {
  const { requestEdits: edits } = services
  const forwardedFor = frontend.forwardedFor ?? backend.forwardedFor
  const forwarded = frontend.forwarded ?? backend.forwarded
  if (rewrite.failures > 0)
    count(services.cells, backend.plan.row, COUNTER.failedRewrites, rewrite.failures)
  if (rewrite.isFull) return false
  edits.added = rewrite.addedLines
  if (forwardedFor !== null) edits.added += forwardedFor(client.remote.address, head.headers)
  if (forwarded !== null) edits.added += forwarded(rewrite, head)
  edits.target = rewrite.editedTarget
  edits.hostless = !rewrite.hasHost
  to.begin(head, edits)
  if (to.bytes <= services.tune.bufsizeBytes) return true
  count(services.cells, backend.plan.row, COUNTER.failedRewrites)
  return false
}
