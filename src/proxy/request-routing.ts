import { forwardRequestText } from '../http/forward.ts'
import { formatAddress } from '../model/address.ts'
import type { Conn } from '../net/conn.ts'
import type { RequestOutcome } from '../rules/outcomes.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'
import { count, type Services } from './services.ts'

/** A rule ended the request: it is answered here. */
export interface RuleEnd {
  readonly outcome: RequestOutcome
  /** The row of the frontend or backend whose rule it was. */
  readonly row: number
}

/**
 * Runs the rules on the request in the shared head: `http-request` of the frontend, `use_backend`,
 * `http-request` of the backend.
 *
 * @returns the backend; or how a rule ended the request; or null when no backend is named
 */
export function routeRequest(
  services: Services,
  client: Conn,
  frontend: FrontendRuntime,
): BackendRuntime | RuleEnd | null {
  const { requestRewrite: rewrite } = services
  const { rules, plan } = frontend
  rewrite.begin(client, plan.name)
  const refused = rules?.request?.(rewrite, rewrite) ?? null
  if (refused !== null) return { outcome: refused, row: plan.row }
  const name = rules?.route?.(rewrite) ?? null
  const backend = name === null ? frontend.defaultBackend : (frontend.backends.get(name) ?? null)
  if (backend === null) return null
  const outcome = backend.rules?.request?.(rewrite, rewrite) ?? null
  return outcome === null ? backend : { outcome, row: backend.plan.row }
}

/** The head to send to a server of the backend, as the rules have left it. */
export function outgoingRequestText(
  services: Services,
  client: Conn,
  frontend: FrontendRuntime,
  backend: BackendRuntime,
): string {
  const { requestEdits: edits, requestHead: head, requestRewrite: rewrite } = services
  const forwardedFor = frontend.forwardedFor ?? backend.forwardedFor
  edits.added = rewrite.addedLines
  if (forwardedFor !== null) edits.added += forwardedFor(client.remoteAddress, head.headers)
  edits.target = rewrite.editedTarget
  edits.defaultHost = head.minorVersion === 0 ? ownAuthority(client) : ''
  edits.close = false
  edits.upgrade = head.upgrade !== ''
  if (rewrite.failures > 0) count(services, backend.plan.row, 'failedRewrites', rewrite.failures)
  return forwardRequestText(head, edits)
}

/** What an HTTP/1.0 client without Host asked: the address that it connected to. */
function ownAuthority({ localAddress: host, localPort: port }: Conn): string {
  return host === '' ? 'localhost' : formatAddress({ kind: 'inet', host, port })
}
