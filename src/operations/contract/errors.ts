/** What is told where an operation fails. */
export interface ErrorReport {
  /** One of the codes of `src/base/errors.ts`. */
  readonly code: string
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}
