import { assert } from '../../base/errors.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler } from '../../net/conn.ts'
import { UNHEARD } from '../../net/unheard.ts'
import type { HttpRequest } from '../exchange/http-request.ts'
import type { HttpResponse } from '../exchange/http-response.ts'
import type { Services } from '../services.ts'
import { ServerTimeout } from './server-timeout.ts'

/** Told what happens on the server's side of an exchange. */
export interface ServerLinkOwner {
  /** As `onData` of a connection's handler. */
  onServerBytes(conn: Conn, view: ByteView, length: number): void
  /** The server takes request bytes again. */
  onServerDrain(): void
  /** @param broken it did not end by FIN alone */
  onServerEnd(broken: boolean): void
  /** `timeout server` has passed. */
  onServerTimeout(): void
}

/**
 * The server connection of an exchange, for as long as it has one, and `timeout server` with it. It
 * is the handler of that connection only.
 */
export class ServerLink implements ConnHandler {
  readonly #owner: ServerLinkOwner
  readonly #timeout: ServerTimeout
  /** Null while there is none. */
  conn: Conn | null = null

  constructor(
    services: Services,
    request: HttpRequest,
    response: HttpResponse,
    owner: ServerLinkOwner,
  ) {
    this.#owner = owner
    this.#timeout = new ServerTimeout(services, request, response, owner)
  }

  /** Takes a connection over, and waits for the server from now on. */
  attach(conn: Conn, timeoutMs: number): void {
    conn.handler = this
    this.conn = conn
    this.#timeout.start(timeoutMs)
  }

  /** Gives the connection to somebody else, who must set its handler. */
  detach(): Conn {
    const { conn } = this
    assert(conn !== null, 'an exchange without a server connection was to hand one on')
    conn.handler = UNHEARD
    this.conn = null
    this.#timeout.stop()
    return conn
  }

  /** Something went to the server or came from it, or it is waited for again. */
  touch(): void {
    this.#timeout.restart()
  }

  /** Closes the connection, if there is one. */
  drop(): void {
    if (this.conn !== null) this.detach().destroy()
  }

  onConnect(): void {}

  onData(conn: Conn, view: ByteView, length: number): void {
    this.#owner.onServerBytes(conn, view, length)
  }

  onDrain(): void {
    this.#owner.onServerDrain()
  }

  onEnd(): void {
    this.#owner.onServerEnd(false)
  }

  onClose(_conn: Conn, failure: ConnFailure | null): void {
    this.#owner.onServerEnd(failure !== null)
  }
}
