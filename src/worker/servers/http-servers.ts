import { assert } from '../../base/errors.ts'
import type { BackendTerms } from '../../model/plan.ts'
import type { Conn } from '../../net/conn.ts'
import type { ResponseOwner, ServerStream } from '../streams/server-stream.ts'
import type { SharedConnection } from './connections/shared-connection.ts'
import { H1ServerStream } from './h1-server-stream.ts'
import { H2ServerConnection } from './h2/h2-server-connection.ts'
import { H2ServerStream } from './h2/h2-server-stream.ts'
import type { Carrier, Lender, StreamLender } from './lender.ts'
import type { ResponseServices } from './server-services.ts'

/**
 * What turns the connections to servers of `mode http` into streams for one exchange: in HTTP/1.1
 * each connection is one, in HTTP/2 it carries many.
 */
export class HttpServers implements Lender<ServerStream>, StreamLender<ServerStream> {
  readonly streams: StreamLender<ServerStream> = this
  readonly #owner: ResponseOwner
  readonly #services: ResponseServices
  readonly #h1: H1ServerStream
  /** Null before the first request to a server that speaks HTTP/2. */
  #h2: H2ServerStream | null = null

  constructor(owner: ResponseOwner, services: ResponseServices) {
    this.#owner = owner
    this.#services = services
    this.#h1 = new H1ServerStream(services, owner)
  }

  lend(conn: Conn, carrier: Carrier, backend: BackendTerms): ServerStream {
    return this.#h1.lend(conn, carrier, backend)
  }

  share(conn: Conn): H2ServerConnection {
    return new H2ServerConnection(conn, this.#services)
  }

  lendStream(connection: SharedConnection, carrier: Carrier): ServerStream {
    assert(connection instanceof H2ServerConnection, 'a stream was asked of another version')
    this.#h2 ??= new H2ServerStream(this.#services, this.#owner)
    return this.#h2.lend(connection, carrier)
  }
}
