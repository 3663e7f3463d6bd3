import type { BackendTerms } from '../../model/plan.ts'
import type { Conn } from '../../net/conn.ts'
import type { SharedConnection } from './connections/shared-connection.ts'

/** Where a connection goes once it is not needed. */
export interface Carrier {
  /**
   * Puts the connection at hand to rest. It must have nothing outstanding in either direction.
   *
   * @param isBound its server may take whoever uses it for this client
   */
  keep(conn: Conn, isBound: boolean): void
  /** The server may take whoever uses this connection for this client: nobody else is given it. */
  bind(connection: SharedConnection): void
}

/** Makes of connections what sessions are given: `S`. */
export interface Lender<S> {
  /** Takes a connection over for a session; its handler must be set before it returns, or at once. */
  lend(conn: Conn, carrier: Carrier, backend: BackendTerms): S
  /** Does so with connections that carry many sessions at once; null: there are none. */
  readonly streams: StreamLender<S> | null
}

/** Makes of connections that carry many at once what sessions are given: `S`. */
export interface StreamLender<S> {
  /** A connection has come about that speaks HTTP/2. */
  share(conn: Conn): SharedConnection
  /** Takes the next stream of a connection that has room for one. */
  lendStream(connection: SharedConnection, carrier: Carrier): S
}
