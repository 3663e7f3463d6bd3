/**
 * Interim (1xx) responses, in bytes, that one request may bring at once, and per second after that,
 * before the server is taken for broken. A long task may say `102 Processing` for hours; but each
 * restarts `timeout server`, so that without a bound a server could go on for ever. Go's net/http
 * bounds bytes in place of a number, too (`MaxResponseHeaderBytes`).
 */
const INTERIM_BYTES_MAX = 65_536
const INTERIM_BYTES_PER_SEC = 4096
const MS_PER_SEC = 1000

/** What interim responses one request may still bring. */
export class InterimAllowance {
  /** Bytes that the present rate has not allowed for yet. */
  #bytes = 0
  #countedMs = 0

  /** The next request begins. */
  begin(): void {
    this.#bytes = 0
  }

  /** One has come. @returns whether it may */
  take(bytes: number, nowMs: number): boolean {
    const allowed = ((nowMs - this.#countedMs) / MS_PER_SEC) * INTERIM_BYTES_PER_SEC
    this.#bytes = Math.max(0, this.#bytes - allowed) + bytes
    this.#countedMs = nowMs
    return this.#bytes <= INTERIM_BYTES_MAX
  }
}
