/** No body follows the head. */
export const BODY_NONE = 0
/** As many bytes follow as Content-Length says; more than none. */
export const BODY_LENGTH = 1
/** Chunks follow. */
export const BODY_CHUNKED = 2
/** The body goes on until the server closes; responses only. */
export const BODY_CLOSE = 3

/** How the end of a message's body is found. RFC 9112 section 6.3. */
export type BodyKind =
  | typeof BODY_NONE
  | typeof BODY_LENGTH
  | typeof BODY_CHUNKED
  | typeof BODY_CLOSE

/** Where the body of a message goes, piece by piece. */
export interface BodySink {
  /**
   * A body in chunks is handed over with its framing (RFC 9112 section 7.1), which then goes on as
   * it came; else the data of the chunks alone.
   */
  readonly takesChunks: boolean
  /** Takes `view[start, end)`, which is valid until the present event has been worked off. */
  sendBody(view: Buffer, start: number, end: number): void
  /**
   * The body has ended. Not called for a message without one.
   *
   * @param trailers what stands behind a body in chunks that was handed over with its framing: lines
   *   and the empty line after them; '' where there is nothing
   */
  endBody(trailers: string): void
}
