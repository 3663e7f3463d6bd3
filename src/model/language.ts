/** What is wrong in a text of a language within the config: a rule, or the name of a strategy. */
export interface TextProblem {
  /** Where in the text, in UTF-16 units from its start. */
  readonly offset: number
  readonly message: string
  /** What would be right; '' where nothing better can be said than the message. */
  readonly hint: string
}

/** Where in a config a text of the rule language stands. */
export type RuleKind =
  | 'acl'
  | 'capture'
  | 'http-request'
  | 'http-request of a backend'
  | 'http-response'
  | 'http-response of a backend'
  | 'use_backend'
  | 'use_backend in mode tcp'
  | 'tcp-request'
  | 'force-persist'
  | 'ignore-persist'
  | 'stick'
  | 'stick in mode tcp'

/** What a line of `http-error` says. */
export interface HttpErrorLine {
  /** The status whose answer it gives, 200-599. */
  readonly status: number
  /** What follows `status N` in the line. */
  readonly rule: string
}
