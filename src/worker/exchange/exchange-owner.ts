import type { BackendTimeouts } from '../../model/config.ts'
import type { Conn } from '../../net/conn.ts'
import type { FrontendListener } from '../accept/listener.ts'
import type { RelayOwner } from '../clients/relay.ts'

/**
 * What becomes of a client connection after an exchange whose answer is written:
 *
 * - `open`: it may bring another request;
 * - `last`: it closes, and the client owes nothing;
 * - `early`: it closes, and the client has not sent all of its request.
 */
export type ExchangeEnd = 'open' | 'last' | 'early'

/** What an exchange asks of the client connection that it belongs to. */
export interface ExchangeOwner {
  readonly client: Conn
  readonly listener: FrontendListener
  /** True when no further request will be read: the answer must say so. */
  readonly isLast: boolean
  /** There is a server now, or it takes request bytes again. */
  resumeRequest(): void
  /** The server does not keep up with the request body. */
  pauseRequest(): void
  /** Restarts the inactivity timeout of the client. */
  expectClient(): void
  /** The exchange is over, and hears no more of the client from now on. */
  exchangeOver(): void
  /** The exchange was over with its answer written. */
  exchangeDone(end: ExchangeEnd): void
  /**
   * The exchange was over in the middle of its answer: the client gets what has come of it.
   *
   * @param untilClose an end of the connection like any other would end the answer well
   */
  breakOffClient(untilClose: boolean): void
  /** The exchange was over without a whole answer: the connection closes now. */
  cutClient(how: 'destroy' | 'reset'): void
  /**
   * Gives the client connection to a tunnel (RFC 9110 section 7.8): from now on bytes go both ways
   * unread, beginning with those that the client sent ahead.
   */
  openTunnel(server: Conn, timeouts: BackendTimeouts, owner: RelayOwner): void
  /** The tunnel is closed, and both connections with it. */
  tunnelEnded(): void
}
