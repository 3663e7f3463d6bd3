import type { RequestFacts, ResponseFacts } from './facts.ts'
import { REQUEST_FETCHES, RESPONSE_FETCHES } from './fetches.ts'
import type { Fetch } from './samples.ts'

/** Where rules run, and what can be fetched there. */
export interface Phase<F> {
  readonly fetches: ReadonlyMap<string, Fetch<F>>
  /** What the rules of this phase see, for messages. */
  readonly subject: string
  /** Whether a fetch exists, but only in the other phase. */
  readonly isElsewhere: (fetch: string) => boolean
}

/** Rules that see a request: `http-request`, `use_backend`. */
export const REQUEST_PHASE: Phase<RequestFacts> = {
  fetches: REQUEST_FETCHES,
  subject: 'a request',
  isElsewhere: (fetch) => RESPONSE_FETCHES.has(fetch),
}

/** Rules that see a response: `http-response`. The request is gone by then, as in HAProxy. */
export const RESPONSE_PHASE: Phase<ResponseFacts> = {
  fetches: RESPONSE_FETCHES,
  subject: 'a response',
  isElsewhere: (fetch) => REQUEST_FETCHES.has(fetch),
}
