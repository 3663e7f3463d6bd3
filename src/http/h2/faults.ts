/** What the other end has done that ends the connection: RFC 9113 section 5.4.1. */
export interface Fault {
  /** One of `H2_ERROR`, for GOAWAY. */
  readonly code: number
  /** What it was, for the log and GOAWAY. */
  readonly reason: string
}

/** A {@link Fault}. */
export function fault(code: number, reason: string): Fault {
  return { code, reason }
}
