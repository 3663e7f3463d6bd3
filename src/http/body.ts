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
