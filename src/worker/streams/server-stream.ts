import type { BodySink } from '../../http/body.ts'
import type { OutgoingRequest } from '../../http/outgoing-request.ts'
import type { ResponseHead } from '../../http/response-head.ts'
import type { TrailerTest } from '../../http/trailers.ts'
import type { Conn } from '../../net/conn.ts'

/**
 * One request to a server and its response, whatever the version of HTTP: what an exchange knows of
 * the side that its server is on. It is lent by what may carry many, with nothing sent on it, and
 * tells its {@link ResponseOwner} of the response.
 *
 * Order: `sendHead`, then `sendBody` and `endBody` as the request's body comes. `release`, `reset`
 * or `detach` gives it back, after which nothing more is told.
 */
export interface ServerStream extends BodySink {
  /** Nothing of a response has come. */
  readonly isSilent: boolean
  /** A server that has ended it may have done so before it knew of the request. */
  readonly mayBeStale: boolean
  /** Begins the request, which is sent with the next `flush`. @param head valid during the call */
  sendHead(head: OutgoingRequest): void
  /** Sends what was handed over. @returns false where the caller should stop until `onServerDrain` */
  flush(): boolean
  /** Nothing more of the response is told until `resume`. */
  pause(): void
  resume(): void
  /**
   * The exchange is over, and the response was told whole: what carried it may carry another.
   *
   * @param isRequestWhole the request was sent whole, too
   * @param isBound its server may take whoever uses the connection for this client
   */
  release(isRequestWhole: boolean, isBound: boolean): void
  /** Gives this stream up at once, and no other one of its server. */
  reset(): void
  /** Becomes one end of a tunnel: its bytes both ways. The caller must set the handler at once. */
  detach(): Conn
}

/** Who a server stream tells of its response: an exchange. */
export interface ResponseOwner {
  /** Trailers of the response, by their names in lower case, that go no further. */
  readonly dropsResponseTrailer: TrailerTest
  /** An interim (1xx) response. @param head valid during the call */
  onInterim(head: ResponseHead): void
  /**
   * The response begins.
   *
   * @param head valid during the call
   * @returns where its body goes; null where the stream was given up
   */
  onResponse(head: ResponseHead): BodySink | null
  /**
   * The server agrees to a tunnel: 101, or CONNECT has succeeded. The stream is to be detached.
   *
   * @param head valid during the call
   * @param rest what the server sent behind it, valid during the call
   */
  onTunnel(head: ResponseHead, rest: Buffer): void
  /** What was at hand has been told, and there is more to come. */
  onResponseProgress(): void
  /** The response is whole. */
  onResponseEnd(): void
  /** What came breaks the grammar of a response, or its bounds. */
  onResponseBroken(): void
  /** The server takes request bytes again. */
  onServerDrain(): void
  /** The server has ended in the middle of its response, or before. */
  onServerEnd(): void
  /**
   * The server has done nothing about the request, and says so: it may be sent again, whatever its
   * method (RFC 9113 section 8.7). Nothing more is told.
   */
  onServerRefused(): void
}
