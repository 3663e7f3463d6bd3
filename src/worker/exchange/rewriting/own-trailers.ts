import { FACT_NAMES, type HeaderTable } from '../../../http/header-table.ts'
import type { BackendRuntime, FrontendRuntime } from '../runtime.ts'

/**
 * Which trailers of a message go no further, beside those that never do: a server that merges
 * trailers into the headers would find what a rule has removed, or another value than the one that
 * was set (RFC 9110 section 6.5.1); and those that Connection names belong to it (section 7.6.1).
 */
export class OwnTrailers {
  #named: ReadonlySet<string> | null = null
  #frontend: FrontendRuntime | null = null
  #backend: BackendRuntime | null = null

  /** Whether a trailer of this name, in lower case, is dropped. */
  readonly drops = (name: string): boolean =>
    this.#named?.has(name) === true ||
    this.#frontend?.ownHeaders.has(name) === true ||
    this.#backend?.ownHeaders.has(name) === true

  /** Starts on the message with this head, whose trailers are still to come. */
  begin(headers: HeaderTable): void {
    this.#named = (headers.facts & FACT_NAMES) === 0 ? null : headers.connectionNames()
  }

  /** The message goes through a frontend and a backend. */
  passThrough(frontend: FrontendRuntime | null, backend: BackendRuntime | null): void {
    this.#frontend = frontend
    this.#backend = backend
  }
}
