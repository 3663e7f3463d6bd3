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
      /** The client was too slow with what a rule has waited for. */
      readonly kind: 'late'
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

/** Those that say what the answer is. */
export type GivenAnswer = Extract<RequestOutcome, { kind: 'redirect' | 'return' }>

/**
 * What a request waits for before its rules go on: HAProxy's rules yield so, and are called again
 * (configuration manual, section 4.2). Whoever runs the rules waits, and then asks {@link resume}.
 */
export interface Wait {
  readonly kind: 'wait'
  /** At most; null: `timeout tarpit` of the frontend or backend whose rule it is. */
  readonly timeoutMs: number | null
  /**
   * So many bytes of the request's body end the wait, and so does its end; 0: all that there is room
   * for. Null: nothing of it is read.
   */
  readonly bodyBytes: number | null
  /** What becomes of the request, as by an action. @param isLate the time has passed */
  readonly resume: (isLate: boolean) => RequestOutcome | null
}

/**
 * Something that a rule does to a message with facts F, by way of edits E. It makes of the message
 * null: the rules go on; `allow`: it passes without the rules that follow; or an outcome O: it ends,
 * or waits.
 */
export type Action<F, E, O> = (facts: F, edits: E) => O | 'allow' | null

/** What an `http-request` rule does. */
export type RequestAction = Action<RequestFacts, RequestHeadEdits, RequestOutcome | Wait>

/** What a `tcp-request content` rule does: with either, none that follows is looked at. */
export type ContentAction = 'accept' | 'reject'

/** What an `http-response` rule does: it ends no response. */
export type ResponseAction = Action<ResponseFacts, HeaderEdits, never>
