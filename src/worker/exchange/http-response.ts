import type { ResponseHead } from '../../http/response-head.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { RuleScope } from '../../rules/rule-scope.ts'
import type { Stickiness } from '../dispatch/persistence.ts'
import type { ClientStream } from '../streams/client-stream.ts'
import { OwnTrailers } from './rewriting/own-trailers.ts'
import type { ResponseRewrite } from './rewriting/rewrite.ts'
import type { BackendRuntime, FrontendRuntime } from './runtime.ts'

/** What forwarding responses takes of the worker. */
export interface ForwardServices {
  readonly cells: Float64Array
  /** Scratch, valid from a response head to the return to the event loop. */
  readonly responseRewrite: ResponseRewrite
}

/** The response side of an exchange: the head as rules leave it, and how far the client has got it. */
export class HttpResponse {
  readonly trailers = new OwnTrailers()
  readonly #services: ForwardServices
  readonly #client: ClientStream
  #backend: BackendRuntime | null = null
  #stickiness: Stickiness | null = null
  /** The head of the final response is on its way to the client: no other answer can be given. */
  started = false
  /** The client has seen nothing of a response: the request may go to another server. */
  isUnforwarded = true

  constructor(services: ForwardServices, client: ClientStream) {
    this.#services = services
    this.#client = client
  }

  /** Waits for the response to a request that goes from a frontend to a backend. */
  begin(frontend: FrontendRuntime, backend: BackendRuntime, stickiness: Stickiness | null): void {
    this.#backend = backend
    this.#stickiness = stickiness
    this.trailers.passThrough(frontend, backend)
    this.started = false
    this.isUnforwarded = true
  }

  /** Forwards an interim response. */
  inform(head: ResponseHead): void {
    this.isUnforwarded = false
    this.#client.sendInterim(head)
  }

  /**
   * Forwards the head, as `http-response` of the backend, then of the frontend leave it.
   *
   * @returns false where there was no room for what they add (`tune.maxrewrite`), or it has become
   *   longer than `tune.bufsize`: nothing was forwarded
   */
  forward(head: ResponseHead, frontend: FrontendRuntime, scope: RuleScope): boolean {
    const added = this.#runRules(frontend, scope)
    if (added === null) return false
    if (!this.#client.sendHead(head, added)) {
      this.#countFailedRewrites(frontend, 1)
      return false
    }
    this.trailers.begin(head.headers)
    this.started = true
    this.isUnforwarded = false
    return true
  }

  #runRules(frontend: FrontendRuntime, scope: RuleScope): string | null {
    const ofBackend = this.#backend?.rules?.response ?? null
    const ofFrontend = frontend.rules?.response ?? null
    const capture = frontend.rules?.capture ?? null
    const stickiness = this.#stickiness
    if (ofBackend === null && ofFrontend === null && capture === null && stickiness === null)
      return ''
    const { responseRewrite: rewrite } = this.#services
    rewrite.begin(this.#client.connection, frontend.plan.name, scope)
    capture?.(rewrite, rewrite)
    ofBackend?.(rewrite, rewrite)
    ofFrontend?.(rewrite, rewrite)
    stickiness?.respond(rewrite)
    if (rewrite.failures > 0) this.#countFailedRewrites(frontend, rewrite.failures)
    return rewrite.isFull ? null : rewrite.addedLines
  }

  #countFailedRewrites({ plan }: FrontendRuntime, by: number): void {
    count(this.#services.cells, plan.row, COUNTER.failedRewrites, by)
  }
}
