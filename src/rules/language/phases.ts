import type { ContentFacts, RequestFacts, ResponseFacts, SessionFacts } from '../facts.ts'
import { CONTENT_FETCHES } from '../samples/content-fetches.ts'
import { REQUEST_FETCHES, RESPONSE_FETCHES, SESSION_FETCHES } from '../samples/fetches.ts'
import type { Fetch } from '../samples/samples.ts'
import { type Logic, patientLogic, plainLogic } from './logic.ts'

/** Where rules run, and what can be fetched there. */
export interface Phase<F> {
  readonly fetches: ReadonlyMap<string, Fetch<F>>
  /** What the rules of this phase see, for messages. */
  readonly subject: string
  /** Whether a fetch exists, but only in the other phase. */
  readonly isElsewhere: (fetch: string) => boolean
  readonly logic: Logic<F>
}

/** Rules that see a request: `http-request`, `use_backend`. */
export const REQUEST_PHASE: Phase<RequestFacts> = {
  fetches: REQUEST_FETCHES,
  subject: 'a request',
  isElsewhere: (fetch) => RESPONSE_FETCHES.has(fetch) || CONTENT_FETCHES.has(fetch),
  logic: plainLogic(),
}

/** Rules that see a response: `http-response`. The request is gone by then, as in HAProxy. */
export const RESPONSE_PHASE: Phase<ResponseFacts> = {
  fetches: RESPONSE_FETCHES,
  subject: 'a response',
  isElsewhere: (fetch) => REQUEST_FETCHES.has(fetch) || CONTENT_FETCHES.has(fetch),
  logic: plainLogic(),
}

/** What sees a connection alone, in `mode tcp`: the key of `balance hash`, `stick` rules. */
export const SESSION_PHASE: Phase<SessionFacts> = {
  fetches: SESSION_FETCHES,
  subject: 'a connection in mode tcp',
  isElsewhere: isElsewhereInTcp,
  logic: plainLogic(),
}

/** Rules that see what a client has sent first, in `mode tcp`: `tcp-request content`, `use_backend`. */
export const CONTENT_PHASE: Phase<ContentFacts> = {
  fetches: CONTENT_FETCHES,
  subject: 'a connection in mode tcp',
  isElsewhere: isElsewhereInTcp,
  logic: patientLogic(),
}

function isElsewhereInTcp(fetch: string): boolean {
  return REQUEST_FETCHES.has(fetch) || RESPONSE_FETCHES.has(fetch) || CONTENT_FETCHES.has(fetch)
}
