import type { Endpoint } from '../conn.ts'

/** The ends of the connection that a proxy has accepted and passes on. */
export interface ProxiedEnds {
  /** The client of the proxy in front. */
  readonly source: Endpoint
  /** Where that client connected to. */
  readonly destination: Endpoint
}

/** What the bytes at the beginning of a connection amount to. */
export type ProxyHeaderReading =
  /** So far they may become a header. */
  | { readonly outcome: 'incomplete' }
  /** They are no header, and cannot become one. */
  | { readonly outcome: 'malformed' }
  | {
      readonly outcome: 'complete'
      /** Length of the header. */
      readonly bytes: number
      /** Null: those of the connection itself stand. */
      readonly ends: ProxiedEnds | null
    }

/** The reading of a header that is not all there. */
export const INCOMPLETE: ProxyHeaderReading = { outcome: 'incomplete' }

/** The reading of what is no header. */
export const MALFORMED: ProxyHeaderReading = { outcome: 'malformed' }
