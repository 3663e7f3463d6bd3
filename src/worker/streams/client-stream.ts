import type { BodySink } from '../../http/body.ts'
import type { FieldLines } from '../../http/fields.ts'
import type { RequestHead } from '../../http/request-head.ts'
import type { ResponseHead } from '../../http/response-head.ts'
import type { TrailerTest } from '../../http/trailers.ts'
import type { OwnAnswer } from '../../model/own-answer.ts'
import type { Conn, Endpoint, TlsFacts } from '../../net/conn.ts'
import type { Tunnel } from './tunnel.ts'

/** What is known of the connection that a client has come by. */
export interface ClientConnection {
  /** The client's end. */
  readonly remote: Endpoint
  /** Our own. */
  readonly local: Endpoint
  /** Null: it is not encrypted. */
  readonly tls: TlsFacts | null
}

/**
 * One request of a client and its response, whatever the version of HTTP: what an exchange knows of
 * the side that its client is on. The stream reads the request and tells it to its {@link
 * RequestOwner}; the response, a {@link BodySink}, is what that makes of it.
 *
 * Order: any number of `sendInterim`, then `sendHead`, `sendBody` and `endBody`, then `finish`; or
 * `answer` and `finish` while no head was sent; or `breakOff` or `reset` at any time. After one of
 * the last four, and after `openTunnel`, nothing more is asked of this request's stream.
 */
export interface ClientStream extends BodySink {
  readonly connection: ClientConnection
  /** All that the client has to send of this request has been taken from it. */
  readonly isRequestWhole: boolean
  /** The client does not keep up with the response: `onClientDrain` comes when it does. */
  readonly isBlocked: boolean
  /** Bytes of the request so far, as the client sent them, head included. */
  readonly bytesIn: number
  /** Bytes of the response so far, as the client gets them, head included. */
  readonly bytesOut: number

  /**
   * There is a server now, or it takes request bytes again: what is at hand of the request is told
   * to its owner. `onRequestProgress` follows, before the present event has been worked off.
   */
  readRequest(): void
  /** The server does not keep up with the request: the client is not read until `readRequest`. */
  stopRequest(): void
  /** Restarts the inactivity timeout of the client (`timeout client`). */
  expectClient(): void
  /** Nothing may be heard of a client that is not read: from now on it is looked whether it is there. */
  watch(): void
  /** It need not be looked after any more. */
  unwatch(): void

  /** Says that the body may come: RFC 9110 section 15.2.1. */
  sendContinue(): void
  /** Sends an interim (1xx) response, if the client knows them (RFC 9110 section 15.2). */
  sendInterim(head: ResponseHead): void
  /**
   * Begins the response, which is sent with the next `flush`.
   *
   * @param head as it was received: what is not to go on (RFC 9110 section 7.6.1) is left out, and
   *   the body framed as the client's version does
   * @param added fields to add
   * @returns false where its head has become longer than `tune.bufsize`; nothing was sent
   */
  sendHead(head: ResponseHead, added: FieldLines): boolean
  /** Sends what was handed over. `isBlocked` says whether to stop. */
  flush(): void
  /**
   * Gives a response of our own.
   *
   * @param status what there is to say, of which the answer may make another
   * @param closes the client gets no other one of its connection, whatever it wants
   */
  answer(answer: OwnAnswer, status: number, closes: boolean): void
  /** The response is whole, and the exchange over. */
  finish(): void
  /** The exchange is over in the middle of its response: the client gets what has come, and is told. */
  breakOff(): void
  /** The exchange is over: this stream ends at once, and no other one of its client. */
  reset(): void
  /**
   * Bytes go both ways from now on, unread (RFC 9110 section 7.8), beginning with those that either
   * side has sent ahead.
   *
   * @param head of the response that agrees to it
   * @param rest what the server sent behind that
   */
  openTunnel(head: ResponseHead, rest: Buffer, server: Conn, tunnel: Tunnel): void
  /** The tunnel is closed, and both of its sides with it. */
  tunnelEnded(): void
}

/**
 * Who a client stream tells of requests, one after the other: an exchange.
 *
 * Order: `begin`, then `run`, `refuse` or `abandon`. What comes after `run` is told until the
 * exchange has ended the request in one of the ways of a {@link ClientStream}.
 */
export interface RequestOwner {
  /**
   * A request head was read, or what should have been one.
   *
   * @param startMs when its first byte came
   * @param isNull not a byte of one has come
   */
  begin(startMs: number, nowMs: number, isNull: boolean): void
  /** The request goes on its way. @param head valid during the call */
  run(head: RequestHead): void
  /** What came is no request, or none that may pass: it is answered, and the connection closes. */
  refuse(status: number): void
  /** The client was too slow with its request: it is told so. */
  late(): void
  /** The client left within a request head: there is nobody to answer. */
  abandon(): void

  /** Where the request's body goes; null while there is no server for it. */
  readonly requestBody: BodySink | null
  /** Trailers of the request, by their names in lower case, that go no further. */
  readonly dropsRequestTrailer: TrailerTest
  /** What was at hand of the request has been told. @param hasMore there was anything */
  onRequestProgress(hasMore: boolean): void
  /** The request's body breaks its framing. @param status what the client is answered */
  onRequestBroken(status: number): void

  /** The client takes bytes again. */
  onClientDrain(): void
  /** The client sends no more, but may still read. */
  onClientEnd(): void
  /** The client is gone, or has given up the stream. */
  onClientClose(): void
  /** `timeout client` has passed. */
  onClientTimeout(): void
  /** The worker ends: everything is given up at once. */
  cut(): void
  /** There will be no further request. */
  dispose(): void
}
