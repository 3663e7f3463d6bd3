import type { RequestFacts, ResponseFacts, SessionFacts } from '../facts.ts'
import { REQUEST_FETCHES, RESPONSE_FETCHES, SESSION_FETCHES } from '../samples/fetches.ts'
import type { Fetch } from '../samples/samples.ts'

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

/** What sees a connection alone, in `mode tcp`: the key of `balance hash`. */
export const SESSION_PHASE: Phase<SessionFacts> = {
  fetches: SESSION_FETCHES,
  subject: 'a connection in mode tcp',
  isElsewhere: (fetch) => REQUEST_FETCHES.has(fetch) || RESPONSE_FETCHES.has(fetch),
}
