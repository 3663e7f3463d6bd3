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
