import type { HeaderEdits, RequestFacts, RequestHeadEdits, ResponseFacts } from '../facts.ts'

/** A header line of an answer. */
export interface AnswerHeader {
  readonly name: string
  readonly value: string
}

/** What a request's rules make of it where it is not to go on. The proxy gives the answer. */
export type RequestOutcome =
  | {
      readonly kind: 'deny'
      /** 400-599; by default 403. */
      readonly status: number
      /** HAProxy's termination state. */
      readonly termination: 'PR' | 'PT'
    }
  | {
      readonly kind: 'redirect'
      readonly status: 301 | 302 | 303 | 307 | 308
      /** Fit to be the value of Location. */
      readonly location: string
    }
  | {
      readonly kind: 'return'
      /** 200-599. */
      readonly status: number
      /** Null exactly where there is no body. */
      readonly contentType: string | null
      /** One character a byte. */
      readonly body: string
      readonly headers: readonly AnswerHeader[]
    }

/**
 * What a request waits for before its rules go on: HAProxy's rules yield so, and are called again
 * (configuration manual, section 4.2). Whoever runs the rules waits, and then asks {@link resume}.
 */
export interface Wait {
  readonly kind: 'wait'
  /** `timeout tarpit` of the frontend or backend whose rule it is passes. */
  readonly until: 'tarpit'
  /** What becomes of the request, as by an action. */
  readonly resume: () => RequestOutcome | null
}

/**
 * Something that a rule does to a message with facts F, by way of edits E. It makes of the message
 * null: the rules go on; `allow`: it passes without the rules that follow; or an outcome O: it ends,
 * or waits.
 */
export type Action<F, E, O> = (facts: F, edits: E) => O | 'allow' | null

/** What an `http-request` rule does. */
export type RequestAction = Action<RequestFacts, RequestHeadEdits, RequestOutcome | Wait>

/** What an `http-response` rule does: it ends no response. */
export type ResponseAction = Action<ResponseFacts, HeaderEdits, never>
